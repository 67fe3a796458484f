"""Recognisable secrets everywhere, every command under every kind of failure, the log at its most talkative: none of
them is in anything that the service says or keeps, the token cache apart.
"""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, quote

import pytest
import structlog

from sync_agent import log
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Bounds
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.certificates import SelfSigned
from sync_agent.simulator.failures import FAILURES
from sync_agent.simulator.lab import Api
from sync_agent.simulator.wire import Call
from tests.cli.test_demo import simulating
from tests.lab import Lab, Ran, command, lab
from tests.notify.receivers import hook

KEPT_TOKENS = "tokens"
BEARERS_OF_SECRETS = {"secrets", "certificates", KEPT_TOKENS, "settings.yaml", "ca-key.pem", "server.pem"}
"""What may hold them."""
FORM_SECRETS = ("client_secret", "client_assertion", "refresh_token", "device_code", "access_token")
CLIENT_SECRET = "canary~client.secret-{}"
PASSWORD = "canary password of the key"
HOOK_PATH = "canary-path-of-the-hook"
DATABASE_PASSWORD = "canary-of-the-database"
_TOKEN = re.compile(rb"eyJ[\w-]{20,}\.eyJ[\w-]{20,}")
"""As every access token looks."""
BUT_SIGN_IN = r"^(?!.*(oauth2|openid-configuration))"


class Watched:
    """A lab whose secrets can be found again; ``said`` is all that its commands have said so far."""

    def __init__(self, served: Lab) -> None:
        self.lab = served
        self.said: list[str] = []
        served.world.heard = deque(maxlen=100_000)

    def run(self, *arguments: str) -> Ran:
        ran = self.lab.run(*arguments)
        self.said += [ran.out, ran.err]
        return ran

    def secrets(self) -> set[str]:
        """Those of the settings, and whatever has been sent as one."""
        accounts = range(len(self.lab.world.accounts))
        given = {*map(CLIENT_SECRET.format, accounts), PASSWORD, HOOK_PATH, DATABASE_PASSWORD}
        sent = {secret for call in list(self.lab.world.heard) for secret in _sent(call)}
        assert len(sent) >= 2, "nobody has signed in"
        return given | sent

    def kept(self) -> Iterator[tuple[str, bytes]]:
        for path in self.lab.folder.rglob("*"):
            if path.is_file() and BEARERS_OF_SECRETS.isdisjoint(path.relative_to(self.lab.folder).parts):
                yield str(path), path.read_bytes()

    def tells_nothing(self) -> None:
        said = "\n".join(self.said)
        kept = dict(self.kept())
        assert any(path.endswith(".db") for path in kept)
        for secret in self.secrets():
            for form in {secret, quote(secret), quote(secret, safe="")}:
                assert form not in said, _around(said, form)
                holders = [path for path, data in kept.items() if form.encode() in data]
                assert not holders


def _sent(call: Call) -> Iterator[str]:
    token = call.headers.get("authorization", "").removeprefix("Bearer ")
    if token:
        yield token
    if "form-urlencoded" in call.headers.get("content-type", ""):
        form = dict(parse_qsl(call.body.decode()))
        yield from (form[name] for name in FORM_SECRETS if name in form)


def _around(text: str, found: str) -> str:
    at = text.index(found)
    return f"…{text[max(0, at - 200) : at]}<THE SECRET>"


@pytest.fixture
def api() -> Api:
    return "rest"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try for each request, and a second for its answer: what is told of the last of five is the same."""
    monkeypatch.setattr("sync_agent.microsoft365.transport.Retrying", partial(Retrying, attempts=1))
    monkeypatch.setattr("sync_agent.microsoft365.transport.Bounds", partial(Bounds, read=1.0))


@pytest.fixture
def watched(tmp_path: Path, api: Api) -> Iterator[Watched]:
    """By REST the first account has a certificate whose key has a password; the second always has a secret."""
    with lab(tmp_path, rows=45, api=api) as served:
        for number, (account, _, app) in enumerate(served.world.accounts):
            app.secrets = {CLIENT_SECRET.format(number): 4e9}
            if (tmp_path / "secrets" / account).exists():
                (tmp_path / "secrets" / account).write_text(CLIENT_SECRET.format(number))
        if api == "rest":
            _lock_the_key(served)
        _talkative(served, "json")
        yield Watched(served)


def _lock_the_key(served: Lab) -> None:
    account, _, app = served.world.accounts[0]
    made = SelfSigned("sync-agent")
    app.certificates = [made.certificate]
    (served.folder / "certificates" / f"{account}.pem").write_bytes(made.pem(PASSWORD))
    served.replace(
        f"{{path: certificates/{account}.pem}}", f"{{path: certificates/{account}.pem, password: {PASSWORD}}}"
    )


def _talkative(served: Lab, format_: str) -> None:
    served.settings.write_text(f"{served.settings.read_text()}log: {{format: {format_}, level: debug}}\n")


def _commands(watched: Watched) -> None:
    """Each that asks somebody something."""
    for each in (["sync", "--json"], ["provision"], ["explain", "1"], ["undo", "--dry-run"], ["capacity", "--json"]):
        watched.run(*each)


def _commands_that_ask_nobody(watched: Watched) -> None:
    account = watched.lab.world.accounts[0][0]
    for each in (
        ["report", "--json"],
        ["account", "list", "--json"],
        ["account", "release", account],
        ["history"],
        ["history", "1", "--json"],
    ):
        watched.run(*each)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("api", ["graph", "rest"])
@pytest.mark.parametrize("what", [".", BUT_SIGN_IN], ids=["all", "all but sign-in"])
def test_no_command_tells_a_secret_whatever_fails(watched: Watched, what: str) -> None:
    watched.run("provision")
    _commands(watched)
    for number, how in enumerate(FAILURES.values()):
        if number == len(FAILURES) // 2:
            watched.lab.replace("format: json", "format: console")
        watched.lab.world.faults.add(what, **how)
        _commands(watched)
        watched.lab.world.faults.clear()
        for path in (watched.lab.folder / "state" / KEPT_TOKENS).glob("*"):
            path.unlink()
    watched.run("sync", "--dry-run")
    watched.run("sync", "--approve", "0123456789abcdef")
    _commands_that_ask_nobody(watched)
    watched.tells_nothing()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("where", ["said", "kept"])
def test_a_secret_that_was_told_would_be_found(watched: Watched, where: str) -> None:
    watched.run("provision")
    watched.run("sync")
    token = max(watched.secrets(), key=len)
    if where == "said":
        watched.said.append(f"signed in by {token}")
    else:
        (watched.lab.folder / "state" / "sync-agent.db-note").write_text(token)
    with pytest.raises(AssertionError):
        watched.tells_nothing()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [200, 500])
def test_telling_people_tells_no_address(watched: Watched, status: int) -> None:
    watched.run("provision")
    watched.run("sync")
    with hook() as there:
        there.status = status
        urls = f"json://someone:{DATABASE_PASSWORD}@127.0.0.1:{there.port}/{HOOK_PATH}"
        watched.lab.settings.write_text(f"{watched.lab.settings.read_text()}notify:\n  urls: ['{urls}']\n")
        ran = watched.run("report", "--notify")
        assert (ran.code, len(there.lines)) == ((0, 1) if status == 200 else (1, len(there.lines)))
    watched.run("report", "--notify")
    watched.tells_nothing()


@pytest.mark.usefixtures("impatient")
def test_a_database_that_cannot_be_reached_is_told_of_without_its_password(watched: Watched) -> None:
    watched.run("provision")
    watched.run("sync")
    database = f"postgresql+psycopg://agent:{DATABASE_PASSWORD}@127.0.0.1:1/history"
    watched.lab.settings.write_text(f"{watched.lab.settings.read_text()}state: {{database: '{database}'}}\n")
    _commands(watched)
    assert "state.database" in watched.run("report").err
    watched.tells_nothing()


@pytest.mark.parametrize("api", ["graph", "rest"])
def test_the_demo_tells_none_of_the_secrets_that_it_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command("demo", "--rows", "40", "--api", api)
    assert ran.code == 0, ran.err
    _tells_nothing_of_its_own(tmp_path / "demo", ran.out + ran.err)


def test_what_simulate_says_and_leaves_holds_no_secret(tmp_path: Path) -> None:
    with simulating(tmp_path) as settings, chdir(tmp_path):
        said = [command("--settings", str(settings), *each) for each in (["provision"], ["sync"], ["report"])]
    assert [ran.code for ran in said] == [0, 0, 0]
    _tells_nothing_of_its_own(tmp_path / "lab", "".join(ran.out + ran.err for ran in said))


def _tells_nothing_of_its_own(folder: Path, said: str) -> None:
    """``folder`` is one that the embedded Microsoft 365 was given to make secrets in."""
    made = [path.read_text().strip() for path in folder.glob("secrets/*")]
    made += [line for path in folder.glob("certificates/*") for line in path.read_text().splitlines()[1:3]]
    assert made
    kept = [path for path in folder.rglob("*") if path.is_file()]
    kept = [path for path in kept if BEARERS_OF_SECRETS.isdisjoint(path.relative_to(folder).parts)]
    assert any(path.suffix == ".db" for path in kept)
    everything = [said.encode(), *(path.read_bytes() for path in kept)]
    assert not [secret for secret in made for text in everything if secret.encode() in text]
    assert not [text for text in everything if _TOKEN.search(text)]


@pytest.mark.usefixtures("impatient")
def test_signing_in_by_a_code_tells_no_token(watched: Watched) -> None:
    account, tenant, _ = watched.lab.world.accounts[1]
    watched.lab.replace(
        f"    auth: client_secret\n    client_secret: ${{file:secrets/{account}}}\n", "    auth: device_code\n"
    )
    devices = watched.lab.world.devices
    devices.interval = 1
    person = next(user for user in tenant.users.values() if user.enabled and not user.guest)

    def enter() -> None:
        while not devices.codes:
            time.sleep(0.02)
        devices.enter(watched.lab.world, next(iter(devices.codes.values())).user_code, person.upn)

    somebody = threading.Thread(target=enter)
    somebody.start()
    assert watched.run("login", account).code == 0
    somebody.join()
    watched.run("provision")
    for how in FAILURES.values():
        watched.lab.world.faults.add(BUT_SIGN_IN, **how, every=2)
        watched.run("sync")
        watched.run("login", account)
        watched.lab.world.faults.clear()
    watched.tells_nothing()


def test_the_service_tells_no_secret_while_everything_fails_now_and_then(watched: Watched) -> None:
    watched.run("provision")
    schedule = "{read_list: 1s, read_whole_list: 1s, resolve_users: 1s, presence: 200ms, write_back: 200ms}"
    watched.lab.settings.write_text(f"{watched.lab.settings.read_text()}schedule: {schedule}\n")
    for number, how in enumerate(FAILURES.values()):
        watched.lab.world.faults.add(".", **how, every=3 * len(FAILURES), seen=3 * number)
    command = [sys.executable, "-m", "sync_agent", "--settings", str(watched.lab.settings), "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and len(watched.lab.world.heard) < 150:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        watched.said += process.communicate(timeout=30)
    assert "Traceback" not in watched.said[-1]
    assert watched.said[-1].count('"request"') > 20, "the log was not at its most talkative"
    watched.tells_nothing()


@pytest.mark.usefixtures("impatient")
def test_no_exception_holds_a_secret_nor_does_one_that_it_came_from(watched: Watched) -> None:
    """What a stack trace, a debugger or an error tracker would show of errors, locals aside."""
    watched.run("provision")

    async def errors() -> list[BaseException]:
        async with open_service(load(watched.lab.settings), progress=Silent()) as service:
            await service.open_list()
            found = []
            for how in FAILURES.values():
                for pattern in (BUT_SIGN_IN, "."):
                    watched.lab.world.faults.add(pattern, **how)
                    found += [error async for error in _errors_of(service)]
                    watched.lab.world.faults.clear()
            return found

    found = [shown for error in asyncio.run(errors()) for shown in _chain(error)]
    assert len(found) > 20
    for secret in watched.secrets():
        assert not [shown for shown in found if secret in shown]


async def _errors_of(service: Service) -> AsyncIterator[BaseException]:
    agent_list = service.context.edges.agent_list
    for account in service.accounts.values():
        for tokens in account._tokens.values():
            await tokens.renew(tokens._value)
    works = [agent_list.open(), agent_list.read(lambda _: None), agent_list.provision(dry_run=True)]
    works += [account.sign_in() for account in service.accounts.values()]
    for work in works:
        try:
            await work
        except Exception as error:
            yield error


def _chain(error: BaseException | None) -> Iterator[str]:
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is None or error in seen:
            continue
        seen.append(error)
        yield f"{error!r} {error} {error.args} {vars(error)}"
        waiting += [error.__cause__, error.__context__]


@pytest.mark.parametrize("format_", ["console", "json"])
def test_a_logged_traceback_shows_no_values_of_variables(format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json" if format_ == "json" else "console", "debug")

    def fail(token: str) -> None:
        raise RuntimeError(f"of {len(token)} characters")

    try:
        fail(CLIENT_SECRET)
    except RuntimeError:
        structlog.get_logger().exception("job_broke")
        logging.getLogger("somewhere").exception("it broke")
    said = capsys.readouterr().err
    assert said.count("of 23 characters") == 2
    assert CLIENT_SECRET not in said


@pytest.mark.usefixtures("impatient")
def test_what_is_kept_is_its_owners_alone(watched: Watched) -> None:
    folder = watched.lab.folder
    watched.run("provision")
    watched.run("sync")
    watched.run("report", "--html", str(folder / "report.html"), "--csv", str(folder / "report.csv"))
    kept = [path for path in folder.rglob("*") if path.is_file() and path.parent.name in {"state", KEPT_TOKENS}]
    kept += [folder / "report.html", folder / "report.csv"]
    assert {path.suffix for path in kept} >= {".db", ".html", ".csv"}
    assert [(str(path), oct(path.stat().st_mode)) for path in kept if path.stat().st_mode & 0o077] == []
