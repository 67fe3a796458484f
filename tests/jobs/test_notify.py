"""Telling people after a report: what, to whom, how often, and what happens to those who cannot be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.fuses import Held
from sync_agent.jobs.notify import Notifier, Told, targets, troubles
from sync_agent.model import Anomaly, Code
from sync_agent.scheduler import Jobs
from sync_agent.settings import Secret, Settings
from sync_agent.state.store import Store
from tests.jobs.opening import opened
from tests.notify.receivers import Hook, hook
from tests.outcomes import STARTED, anomaly, outcome
from tests.settings.files import SMALLEST, loaded

pytestmark = pytest.mark.anyio

MISSING, GUEST = anomaly(Code.UPN_MISSING), anomaly(Code.USER_GUEST)
REPORT = "the report agents-2026-03-02.html"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/history.db")
    yield opened
    opened.close()


@pytest.fixture
def mail() -> Iterator[Hook]:
    with hook() as there:
        yield there


@pytest.fixture
def teams() -> Iterator[Hook]:
    with hook() as there:
        yield there


def telling(folder: Path, *urls: str, more: str = "") -> Settings:
    listed = "\n".join(f"    - {url}" for url in urls)
    return loaded(folder, f"{SMALLEST}notify:\n  urls:\n{listed}\n{more}")


def passed(store: Store, number: int, found: dict[int, list[Anomaly]]) -> None:
    store.save(outcome(found, started=STARTED + timedelta(minutes=number)))


def titles(there: Hook) -> list[str]:
    return [taken["title"] for taken in there.taken]


async def test_one_message_for_what_is_new_and_none_where_nothing_is(store: Store, mail: Hook, tmp_path: Path) -> None:
    notifier = Notifier(telling(tmp_path, mail.url))
    passed(store, 0, {1: [MISSING], 2: [GUEST], 3: [anomaly(Code.ACCOUNT_UNAVAILABLE)]})
    assert await notifier.tell(store, REPORT, {}) == Told(1, 0)
    assert await notifier.tell(store, REPORT, {}) == Told(0, 0)
    passed(store, 1, {2: [GUEST]})
    assert await notifier.tell(store, REPORT, {}) == Told(1, 0)
    assert titles(mail) == ["Agents: 2 new", "Agents: 1 resolved"]
    assert "account_unavailable" not in mail.taken[0]["message"]
    assert mail.taken[0]["message"].endswith(REPORT)


async def test_a_restart_tells_nothing_again(store: Store, mail: Hook, tmp_path: Path) -> None:
    settings = telling(tmp_path, mail.url)
    passed(store, 0, {1: [MISSING]})
    for _ in range(2):
        await Notifier(settings).tell(store, REPORT, {})
    assert len(mail.taken) == 1


async def test_who_could_not_be_reached_hears_it_later_and_the_others_only_once(
    store: Store, mail: Hook, teams: Hook, tmp_path: Path
) -> None:
    """Each turn by a service that was started anew: what is owed is kept in the history."""
    settings = telling(tmp_path, mail.url, teams.url)
    passed(store, 0, {1: [MISSING], 2: [GUEST]})
    teams.status = 503
    with capture_logs() as logs:
        assert await Notifier(settings).tell(store, REPORT, {}) == Told(1, 1)
    failed = [log for log in logs if log["event"] == "not_notified"]
    assert [(log["target"], log["reason"]) for log in failed] == [("notify.urls.2", "it answered 503")]
    assert "secret" not in str(logs)

    passed(store, 1, {2: [GUEST], 3: [MISSING]})
    assert await Notifier(settings).tell(store, REPORT, {}) == Told(1, 1)
    teams.status = 200
    assert await Notifier(settings).tell(store, REPORT, {}) == Told(1, 0)
    assert titles(mail) == ["Agents: 2 new", "Agents: 1 new, 1 resolved"]
    assert titles(teams) == ["Agents: 2 new"]
    assert "Row 1," not in teams.taken[0]["message"]
    assert await Notifier(settings).tell(store, REPORT, {}) == Told(0, 0)


async def test_while_nobody_can_be_reached_the_digest_waits(store: Store, mail: Hook, tmp_path: Path) -> None:
    notifier = Notifier(telling(tmp_path, mail.url))
    passed(store, 0, {1: [MISSING]})
    mail.status = 500
    assert await notifier.tell(store, REPORT, {}) == Told(0, 1)
    passed(store, 1, {1: [MISSING], 2: [MISSING]})
    mail.status = 200
    assert await notifier.tell(store, REPORT, {}) == Told(1, 0)
    assert titles(mail) == ["Agents: 2 new"]


async def test_who_wants_errors_only_hears_of_no_warning(store: Store, mail: Hook, tmp_path: Path) -> None:
    more = "  severity: error\n  report_link: https://intranet/agents\n"
    notifier = Notifier(telling(tmp_path, mail.url, more=more))
    passed(store, 0, {2: [GUEST]})
    assert await notifier.tell(store, REPORT, {}) == Told(0, 0)
    passed(store, 1, {1: [MISSING], 2: [GUEST]})
    assert await notifier.tell(store, REPORT, {}) == Told(1, 0)
    assert titles(mail) == ["Agents: 1 new"]
    assert mail.taken[0]["message"].endswith("https://intranet/agents")


async def test_what_people_acknowledged_is_told_to_nobody(store: Store, mail: Hook, tmp_path: Path) -> None:
    passed(store, 0, {1: [MISSING]})
    store.acknowledge("Agents", {(1, "upn_missing")})
    assert await Notifier(telling(tmp_path, mail.url)).tell(store, REPORT, {}) == Told(0, 0)


async def test_what_hinders_the_service_is_told_once_when_it_begins(store: Store, mail: Hook, tmp_path: Path) -> None:
    notifier = Notifier(telling(tmp_path, mail.url))
    expired = troubles({"contoso": "its secret has expired", "fabrikam": "ok"}, None)
    held = troubles({"contoso": "ok"}, Held("max_worsened", "abc123", 400, 900, "30%", "400 of 400: user_not_found"))
    mail.status = 500
    assert await notifier.tell(store, REPORT, expired) == Told(0, 1)
    mail.status = 200
    for troubled in (expired, expired, held, held, {}, held):
        await notifier.tell(store, REPORT, troubled)
    assert titles(mail) == ["Agents: needs attention"] * 3
    assert mail.taken[0]["message"].startswith("Account contoso: its secret has expired\n\n")
    assert "--approve abc123" in mail.taken[1]["message"]


def test_where_there_is_nothing_to_write_to_nobody_is_asked_to_approve() -> None:
    gone = Held("columns", "abc123", 400, 900, "0%", '"SyncStatus" is missing: run `sync-agent provision`')
    assert troubles({}, gone) == {
        "held columns": 'Held by the fuse columns, for "SyncStatus" is missing: run `sync-agent provision`.'
    }


async def test_without_addresses_nothing_is_asked_of_the_history(tmp_path: Path, store: Store) -> None:
    passed(store, 0, {1: [MISSING]})
    assert await Notifier(loaded(tmp_path)).tell(store, REPORT, {}) == Told(0, 0)
    assert len(store.digest("Agents").new) == 1


def test_what_is_owed_is_kept_under_a_name_that_is_no_secret(tmp_path: Path) -> None:
    made = targets(telling(tmp_path, '"${env:HOOK}"', "json://me:hunter2@contoso.com"))
    assert [(target.name, target.key) for target in made] == [
        ("notify.urls.1", "Secret(${env:HOOK})"),
        ("notify.urls.2", "2"),
    ]
    assert "hunter2" not in repr(made)


async def test_the_scheduled_report_is_followed_by_one_message_that_names_it(tmp_path: Path, mail: Hook) -> None:
    async with opened(tmp_path) as (served, service):
        await service.sync()
        notify = service.settings.notify.model_copy(update={"urls": (Secret(mail.url),)})
        service.settings = service.settings.model_copy(update={"notify": notify})
        jobs = Jobs(service, asyncio.Event())
        await jobs.report()
        await jobs.report()
        [report] = served.folder.glob("state/reports/*.html")
    [taken] = mail.taken
    wrong = sum(len(truth.codes) for truth in served.world.truth.values())
    assert taken["title"] == f"Agents: {wrong} new"
    assert f"the report {report.name}" in taken["message"]


async def test_a_trouble_that_was_over_is_told_again_though_no_report_came_between(
    tmp_path: Path, store: Store, teams: Hook
) -> None:
    notifier = Notifier(telling(tmp_path, teams.url))
    passed(store, 0, {})
    for _ in range(2):
        await notifier.tell(store, REPORT, {"sign-in contoso": "Enter a code."})
    assert len(teams.taken) == 1
    notifier.over("sign-in contoso")
    await notifier.tell(store, REPORT, {"sign-in contoso": "Enter another code."})
    assert len(teams.taken) == 2
