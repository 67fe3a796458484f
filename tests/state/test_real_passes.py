"""The history of passes over a messy list by the whole service: it says what they said, and grows only with news."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_agent.model import Code, Status
from sync_agent.outcome import Outcome
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service, utc_now
from sync_agent.settings import load
from tests.jobs.opening import opened
from tests.lab import Lab, lab
from tests.state.queried import queried

PAST_ALL = datetime(9000, 1, 1, tzinfo=UTC)


def counted(url: str, table: str) -> int:
    return int(queried(url, f"SELECT count(*) FROM {table}")[0][0])


def assert_told(service: Service, made: Outcome) -> None:
    """What the history says now is what the pass said, row by row."""
    store = service.store
    assert store is not None
    for row_id, verdict in made.verdicts.items():
        was = store.verdict_at(made.list_title, row_id, PAST_ALL)
        assert was is not None
        user = ("", "") if verdict.user is None else (verdict.user.id, verdict.user.upn)
        assert (was.status, was.anomalies, was.account) == (verdict.status, verdict.anomalies, verdict.account)
        assert (was.user_id, was.user_upn) == user


@asynccontextmanager
async def started(served: Lab, now: datetime | None = None) -> AsyncIterator[Service]:
    """The service anew, as it knows nothing yet of what it asked; ``now``: by a clock that stands."""
    clock = utc_now if now is None else lambda: now
    async with open_service(load(served.settings), progress=Silent(), clock=clock) as service:
        yield service


@pytest.mark.anyio
async def test_it_says_what_each_pass_said_and_grows_only_with_news(url: str, tmp_path: Path) -> None:
    async with opened(tmp_path, rows=150, tenants=3, database=url) as (_, service):
        first = await service.sync()
        assert first.error is None
        assert len({anomaly.code for _, anomaly in first.anomalies()}) > 8
        assert_told(service, first)
        assert counted(url, "verdicts") == len(first.verdicts)
        lives = counted(url, "anomalies")
        assert_told(service, await service.sync())
        assert (counted(url, "verdicts"), counted(url, "anomalies")) == (len(first.verdicts), lives)


@pytest.mark.anyio
async def test_a_tenant_that_does_not_answer_is_in_it_and_ends_no_anomaly(url: str, tmp_path: Path) -> None:
    async with opened(tmp_path, rows=150, tenants=3, database=url) as (served, before):
        first = await before.sync()
        served.world.faults.add(r"(GET /v1.0/users|POST /v1.0/\$batch|GET /v1.0/organization)", status=403)
        async with started(served) as service:
            silent = await service.sync()
            assert silent.status[Status.UNKNOWN] > 50
            assert_told(service, silent)
        grown = counted(url, "verdicts")
        async with started(served) as service:
            await service.sync()
        assert counted(url, "verdicts") == grown

        served.world.faults.clear()
        async with started(served) as service:
            again = await service.sync()
            assert_told(service, again)
            assert service.store is not None
            standing = service.store.open_anomalies(again.list_title)
        assert {id_: verdict.anomalies for id_, verdict in again.verdicts.items()} == {
            id_: verdict.anomalies for id_, verdict in first.verdicts.items()
        }
        assert Counter(one.code for one in standing) == Counter(str(found.code) for _, found in first.anomalies())
        assert {one.times for one in standing} == {1}


@pytest.mark.anyio
async def test_what_is_over_is_forgotten_after_the_time_of_the_settings(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=40, tenants=1) as (served, _):
        served.replace("sharepoint:", "state: {keep: 60h}\nsharepoint:")
        wrong = next(id_ for id_, item in served.agents.items.items() if item.fields["UPN"])
        right = served.agents.items[wrong].fields["UPN"]
        begin = utc_now()
        for day, upn in enumerate(["", right, right, right, right]):
            served.agents.edit(wrong, {"UPN": upn})
            async with started(served, begin + timedelta(days=day)) as service:
                made = await service.sync()
                assert service.store is not None
                told = service.store.verdict_at(made.list_title, wrong, begin + timedelta(days=0.5))
            kept = told is not None and [one.code for one in told.anomalies] == [Code.UPN_MISSING]
            assert kept == (day <= 3)  # it ended on day 1


def test_a_file_that_is_no_database_is_set_aside_and_told(tmp_path: Path) -> None:
    garbage = b"this is no database " * 500
    with lab(tmp_path, rows=40, tenants=1) as served:
        served.provisioned()
        file = served.folder / "state" / "sync-agent.db"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(garbage)
        assert served.run("report").code == 1
        assert file.read_bytes() == garbage  # who only looks moves nothing
        ran = served.run("sync")
        assert ran.code in (0, 1)
        assert ran.err.count("state_set_aside") == 1
        assert all(item.fields["SyncStatus"] for item in served.agents.items.values())
        [kept] = file.parent.glob("sync-agent.db.set-aside-*")
        assert kept.read_bytes() == garbage
        assert "state" not in served.run("sync").err
        assert served.run("report").code == 0


def test_a_folder_in_place_of_the_database_costs_the_history_and_is_told(tmp_path: Path) -> None:
    with lab(tmp_path, rows=40, tenants=1) as served:
        served.provisioned()
        somebodys = served.folder / "state" / "sync-agent.db" / "notes.txt"
        somebodys.parent.mkdir(parents=True)
        somebodys.write_text("not ours")
        ran = served.run("sync")
        assert ran.code in (0, 1)
        assert ran.err.count("state_unavailable") == 1
        assert "Is a directory" in ran.err.replace("\n", " ")
        assert all(item.fields["SyncStatus"] for item in served.agents.items.values())
        assert somebodys.read_text() == "not ours"
