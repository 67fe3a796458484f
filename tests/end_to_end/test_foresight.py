"""A secret that ends soon is told of wherever people look: each stage once in the log, and by all means of telling."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.progress import Silent
from sync_agent.scheduler import Jobs
from sync_agent.service import open_service
from sync_agent.settings import load
from tests.lab import Lab, Ran, lab
from tests.notify.receivers import hook

SOON = timedelta(days=10)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made.provisioned()


def ends_in(served: Lab, left: timedelta, *, told: bool = True) -> datetime:
    """The secret of the first account; the app may read that itself where it is ``told``."""
    ends = datetime.now(UTC).replace(microsecond=0) + left
    _, _, app = served.world.accounts[0]
    app.secrets = dict.fromkeys(app.secrets, ends.timestamp())
    if told:
        app.permissions.add("Application.Read.All")
    return ends


def warnings(ran: Ran) -> list[str]:
    return [line for line in ran.err.splitlines() if "credential_ends" in line]


def test_each_stage_is_logged_once_and_shown_for_as_long_as_it_lasts(served: Lab) -> None:
    account = served.world.accounts[0][0]
    ends = ends_in(served, SOON)
    dry, *passes = (served.run("sync", "--json", *more) for more in (["--dry-run"], [], []))
    assert [len(warnings(ran)) for ran in (dry, *passes)] == [1, 1, 0]
    for ran in (dry, *passes):
        (credential,) = ran.json()["accounts"][account]["credentials"]
        assert (credential["setting"], credential["ends"]) == ("client_secret", ends.isoformat())
        assert f"the client secret ends on {ends:%Y-%m-%d}, in 9 days" in credential["warning"]
        assert ran.json()["accounts"][account]["state"] == "ok"
    ends_in(served, timedelta(days=2))
    assert len(warnings(served.run("sync", "--json"))) == 1
    assert len(warnings(served.run("sync", "--json"))) == 0


def test_it_stands_in_the_summary_and_in_the_report(served: Lab, tmp_path: Path) -> None:
    ends = ends_in(served, SOON)
    sentence = f"Account {served.world.accounts[0][0]}: the client secret ends on {ends:%Y-%m-%d}"
    assert sentence in " ".join(served.run("sync").out.split())
    (told,) = served.run("report", "--json").json()["credentials"]
    assert told["message"].startswith(sentence)
    assert (told["setting"], told["ends"], told["days"]) == ("client_secret", ends.isoformat(), 9)
    assert sentence in " ".join(served.run("report").out.split())
    served.run("report", "--html", str(tmp_path / "report.html"))
    assert f"<strong>{sentence}" in (tmp_path / "report.html").read_text()
    ends_in(served, timedelta(days=400))
    assert "client secret" not in served.run("sync").out
    assert served.run("report", "--json").json()["credentials"] == []


def test_by_the_settings_where_the_app_may_not_read_it(served: Lab) -> None:
    ends_in(served, SOON, told=False)
    account = served.world.accounts[0][0]
    assert served.run("sync", "--json").json()["accounts"][account]["credentials"] == []
    day = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"
    served.replace(f"secrets/{account}}}", f"secrets/{account}}}\n    client_secret_expires: {day}")
    ran = served.run("sync", "--json")
    (credential,) = ran.json()["accounts"][account]["credentials"]
    assert credential["warning"].startswith(f"Account {account}: the client secret ends on {day}")


@pytest.mark.anyio
async def test_people_are_told(served: Lab) -> None:
    """With the next report of the running service, and each stage once."""
    ends_in(served, SOON)
    with hook() as there:
        text = served.settings.read_text()
        served.settings.write_text(f"{text}notify: {{urls: ['{there.url}']}}\n")
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.sync()
            jobs = Jobs(service, asyncio.Event())
            for _ in range(2):
                await jobs.foresee()
                await jobs.report()
    assert [("the client secret ends on" in taken["message"]) for taken in there.taken] == [True]


@pytest.mark.anyio
async def test_a_day_of_the_service_costs_one_request_an_account(served: Lab) -> None:
    ends_in(served, SOON)
    async with open_service(load(served.settings), progress=Silent()) as service:
        jobs = Jobs(service, asyncio.Event())
        await service.open_list()
        served.world.heard = deque(maxlen=100)
        with capture_logs() as events:
            await jobs.foresee()
            await jobs.foresee()
        asked = [call.path for call in served.world.heard if "/applications(" in call.path]
    assert len(asked) == 2
    assert [event["event"] for event in events].count("credential_ends") == 1
