"""`sync-agent init` at a terminal: asked, corrected, tried live, and nothing left behind where it is stopped."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from sync_agent.settings import load
from sync_agent.settings.sealing import new_key, opened
from sync_agent.simulator.world import AppRegistration, Tenant
from tests.lab import Lab, command, lab
from tests.terminal import Terminal, at_terminal


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Nothing is written to it by any of these."""
    with lab(tmp_path_factory.mktemp("lab"), rows=45) as made:
        yield made


def at(served: Lab, folder: Path, *more: str, **environment: str) -> AbstractContextManager[Terminal]:
    origin = served.world.origin
    cloud = ("--cloud", "lab", "--authority", origin, "--graph", origin, "--ca-bundle", str(served.folder / "ca.pem"))
    return at_terminal(folder, "init", *cloud, *more, environment=environment)


def home(served: Lab) -> tuple[str, Tenant, AppRegistration]:
    return served.world.accounts[0]


def secret_of(app: AppRegistration) -> str:
    return next(iter(app.secrets))


def site(served: Lab) -> str:
    return f"{served.world.origin}/sites/ucc"


def is_empty(folder: Path) -> bool:
    return list(folder.iterdir()) == []


def test_from_nothing_to_settings_for_two_tenants(served: Lab, tmp_path: Path) -> None:
    """Each question answered as a person would, with mistakes, every one of which is told and corrected."""
    domain, tenant, app = home(served)
    other, other_tenant, other_app = served.world.accounts[1]
    with at(served, tmp_path) as terminal:
        terminal.answer("Domain (or id) of the tenant", "not a domain")
        assert "expected the tenant's id or a verified domain of it" in terminal.until("Domain (or id)")
        terminal.until(": ")
        terminal.type(domain)
        assert f"{domain} belongs to tenant {tenant.id}." in terminal.until("What to call this account")
        terminal.until(": ")
        terminal.type("")
        terminal.answer("How does the app sign in", "c")
        assert "expected one of certificate, client_secret" in terminal.until("How does the app sign in")
        terminal.until(": ")
        terminal.type("2")
        terminal.answer("Application (client) ID", app.client_id)
        terminal.answer("Where is, or should be, the client secret", "file")
        terminal.answer("File", "")
        assert "cannot be read" in terminal.answer("The client secret, to try it now", secret_of(app))
        terminal.answer("Put it into", "y")
        assert f"✓ Account {domain} signs in" in terminal.answer("Address of the site", f"{site(served)}/Lists/Agents")
        assert f"write {site(served)}" in terminal.until("Address of the site")
        terminal.type("")  # what it said to write is offered
        assert "1  Agents" in terminal.until("Which list is the Agent list")
        terminal.type("")
        assert "UPN: 4" in terminal.until("Which column has the UPNs")
        terminal.type("Upm")
        assert 'Did you mean "UPN"?' in terminal.until("Which column has the UPNs")
        terminal.type("")
        terminal.answer("Which column has the agent's name", "")
        assert f"another tenant, {other_tenant.id}" in terminal.answer("Add it now?", "y")
        terminal.answer("What to call this account", "")
        terminal.answer("How does the app sign in", "client_secret")
        terminal.answer("Application (client) ID", other_app.client_id)
        terminal.answer("Where is, or should be, the client secret", "env")
        terminal.answer("Environment variable", "OTHER_SECRET")
        terminal.answer("The client secret, to try it now", secret_of(other_app))
        shown = terminal.until("sync-agent run")
        assert terminal.end() == 0
    assert f"✓ Account {other} signs in" in shown
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("  sync-agent ")] == [
        *("check", "provision", "sync", "sync", "run")
    ]
    assert secret_of(app) not in terminal.seen
    assert secret_of(other_app) not in terminal.seen
    settings = load(tmp_path / "settings.yaml")
    assert [(each.id, each.tenant_id) for each in settings.accounts] == [
        (domain, tenant.id),
        (other, other_tenant.id),
    ]
    assert [str(each) for each in settings.sign_in_secrets()] == [
        f"Secret(${{file:secrets/{domain}}})",
        "Secret(${env:OTHER_SECRET})",
    ]
    kept = tmp_path / "secrets" / domain
    assert (kept.read_text().strip(), stat.S_IMODE(kept.stat().st_mode)) == (secret_of(app), 0o600)
    assert settings.sharepoint.site_url == site(served)
    assert (settings.sharepoint.agent_list, settings.sharepoint.columns.upn) == ("Agents", "UPN")
    assert settings.clouds["lab"].graph == served.world.origin
    assert sorted(each.name for each in tmp_path.iterdir()) == ["secrets", "settings.yaml"]


def account(served: Lab, secret: str) -> tuple[str, ...]:
    """Options for all there is to ask about the account."""
    domain, _, app = home(served)
    names = ("--tenant", "--id", "--auth", "--client-id", "--client-secret")
    values = (domain, domain, "client_secret", app.client_id, secret)
    return tuple(part for pair in zip(names, values, strict=True) for part in pair)


def rest(served: Lab) -> tuple[str, ...]:
    return ("--site", site(served), "--list", "Agents", "--upn-column", "UPN", "--name-column", "Title")


def test_what_options_say_is_not_asked(served: Lab, tmp_path: Path) -> None:
    options = (*account(served, "${env:A_SECRET}"), *rest(served))
    with at(served, tmp_path, *options, A_SECRET=secret_of(home(served)[2])) as terminal:
        shown = terminal.answer("Add it now?", "n")
        assert terminal.end() == 0
    assert ": \n" not in shown
    assert load(tmp_path / "settings.yaml").accounts


def test_a_refused_sign_in_is_explained_and_corrected(served: Lab, tmp_path: Path) -> None:
    _, _, app = home(served)
    with at(served, tmp_path, *account(served, "${env:A_SECRET}"), *rest(served), A_SECRET="wrong") as terminal:
        assert "the client secret is wrong" in terminal.until("What now")
        terminal.type("change")
        terminal.answer("Domain (or id) of the tenant", "")  # what was said before is offered
        terminal.answer("What to call this account", "")
        terminal.answer("How does the app sign in", "client_s")
        terminal.answer("Application (client) ID", "")
        terminal.answer("Where is, or should be, the client secret", "plain")
        terminal.answer("The client secret (it is not shown)", secret_of(app))
        terminal.answer("Add it now?", "n")
        shown = terminal.until("sync-agent run")
        assert terminal.end() == 0
    assert "A secret stands in it as it is" in shown
    path = tmp_path / "settings.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    settings = load(path)
    assert [each.reveal() for each in settings.sign_in_secrets()] == [secret_of(app)]
    assert [each.id for each in settings.accounts] == [home(served)[0]]
    assert secret_of(app) not in terminal.seen


def test_a_domain_that_nobody_has(served: Lab, tmp_path: Path) -> None:
    with at(served, tmp_path) as terminal:
        terminal.answer("Domain (or id) of the tenant", "nobody-has-this.example")
        terminal.answer("What now", "again")
        assert "Domain (or id)" not in terminal.answer("What now", "change")
        terminal.answer("Domain (or id) of the tenant", home(served)[0])
        terminal.until("What to call this account")
        assert terminal.interrupt() == 1


def test_what_fails_may_be_kept(served: Lab, tmp_path: Path) -> None:
    with at(served, tmp_path, *account(served, "${env:A_SECRET}"), *rest(served), A_SECRET="wrong") as terminal:
        terminal.answer("What now", "keep")
        assert terminal.end() == 0
    assert load(tmp_path / "settings.yaml").sharepoint.agent_list == "Agents"


def test_what_was_mended_is_tried_again(served: Lab, tmp_path: Path) -> None:
    _, _, app = home(served)
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    with at(served, tmp_path, *account(served, "${file:secret}"), *rest(served)) as terminal:
        terminal.until("What now")
        secret.write_text(secret_of(app))
        terminal.type("again")
        terminal.answer("Add it now?", "n")
        assert terminal.end() == 0


def test_a_site_and_a_list_that_are_not_there_are_asked_again(served: Lab, tmp_path: Path) -> None:
    wrong = ("--site", f"{served.world.origin}/sites/ucx", "--list", "Agenst", *rest(served)[4:])
    options = (*account(served, "${env:A_SECRET}"), *wrong)
    with at(served, tmp_path, *options, A_SECRET=secret_of(home(served)[2])) as terminal:
        assert "site_not_found" in terminal.until("What now")
        terminal.type("change")
        terminal.answer("Address of the site", site(served))
        assert "list_not_found" in terminal.until("What now")
        terminal.type("change")
        terminal.answer("Which list is the Agent list", "1")
        terminal.answer("Add it now?", "n")
        assert terminal.end() == 0
    assert load(tmp_path / "settings.yaml").sharepoint.site_url == site(served)


def test_encrypted_where_there_is_a_key(served: Lab, tmp_path: Path) -> None:
    domain, _, app = home(served)
    options = (*account(served, "")[:-2], *rest(served))
    with at(served, tmp_path, *options, SYNC_AGENT_KEY=(key := new_key())) as terminal:
        terminal.answer("Where is, or should be, the client secret", "enc")
        terminal.answer("The client secret (it is not shown)", secret_of(app))
        assert f"✓ Account {domain} signs in" in terminal.answer("Add it now?", "n")
        assert terminal.end() == 0
    (secret,) = load(tmp_path / "settings.yaml").sign_in_secrets()
    assert opened(secret.written, key) == secret_of(app)


def test_a_person_signs_in_and_stays_signed_in(served: Lab, tmp_path: Path) -> None:
    domain, tenant, app = home(served)
    served.world.devices.interval = 1
    user = next(each for each in tenant.users.values() if each.enabled and not each.guest)
    options = ("--tenant", domain, "--id", domain, "--auth", "device_code", "--client-id", app.client_id)
    with at(served, tmp_path, *options, *rest(served)) as terminal:
        terminal.answer("Sign in now, by a code?", "y")
        code = re.search(r"enter (\S+);", terminal.until("sign in with a user"))
        assert code is not None
        served.world.devices.enter(served.world, code[1], user.upn)
        assert f"✓ Account {domain} signs in" in terminal.answer("Add it now?", "n")
        shown = terminal.until("sync-agent run")
        assert terminal.end() == 0
    assert "login" not in shown
    assert [each.name.startswith(domain) for each in (tmp_path / "state" / "tokens").glob("*.bin")] == [True]
    found = command("--settings", str(tmp_path / "settings.yaml"), "check", "--json").json()["findings"]
    assert "signed_in" in {each["id"] for each in found}


def test_a_sign_in_that_was_stopped_is_not_kept(served: Lab, tmp_path: Path) -> None:
    domain, _, app = home(served)
    options = ("--tenant", domain, "--id", domain, "--auth", "device_code", "--client-id", app.client_id)
    with at(served, tmp_path, *options) as terminal:
        terminal.answer("Sign in now, by a code?", "y")
        terminal.until("sign in with a user")
        assert terminal.interrupt() == 1
    assert is_empty(tmp_path)


@pytest.mark.parametrize(
    "question", ["Domain (or id)", "The client secret, to try it now", "Which column has the UPNs"]
)
def test_ctrl_c_leaves_nothing_behind(served: Lab, tmp_path: Path, question: str) -> None:
    domain, _, app = home(served)
    with at(served, tmp_path) as terminal:
        script = [
            ("Domain (or id)", domain),
            ("What to call this account", ""),
            ("How does the app sign in", "client_secret"),
            ("Application (client) ID", app.client_id),
            ("Where is, or should be, the client secret", "file"),
            ("File", ""),
            ("The client secret, to try it now", secret_of(app)),
            ("Put it into", "y"),
            ("Address of the site", site(served)),
            ("Which list is the Agent list", ""),
            ("Which column has the UPNs", ""),
        ]
        for asked, line in script:
            if asked == question:
                terminal.until(asked)
                assert terminal.interrupt() == 1
                break
            terminal.answer(asked, line)
    assert "stopped before the end" in terminal.seen
    assert is_empty(tmp_path)


def test_settings_that_are_there_are_overwritten_only_when_that_is_meant(served: Lab, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("mine")
    with at(served, tmp_path) as terminal:
        terminal.answer("Overwrite it", "n")
        assert terminal.end() == 1
    assert path.read_text() == "mine"
    options = (*account(served, "${env:A_SECRET}"), *rest(served))
    with at(served, tmp_path, *options, A_SECRET=secret_of(home(served)[2])) as terminal:
        terminal.answer("Overwrite it", "y")
        terminal.answer("Add it now?", "n")
        assert terminal.end() == 0
    assert load(path).accounts
