"""The jobs all day: at their intervals, never two of the same at once, each unharmed by the others' troubles."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.progress import Silent
from sync_agent.scheduler import Jobs, run
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.faults import Fault
from sync_agent.simulator.messy import SITE_PATH
from sync_agent.simulator.world import SimUser
from sync_agent.state.database import database_file
from tests.lab import Lab, lab

_FAST = "schedule: {read_list: 1s, resolve_users: 1s, presence: 100ms, write_back: 100ms}\n"
_READING = r"GET /v1.0/sites/[^/]+/lists/[^/]+/items"
_TOGETHER = r"GET /v1.0/sites/"


@asynccontextmanager
async def running(folder: Path, schedule: str = _FAST, rows: int = 40) -> AsyncIterator[tuple[Lab, Service]]:
    with lab(folder, rows=rows) as served:
        async with running_on(served, schedule) as service:
            yield served, service


@asynccontextmanager
async def running_on(served: Lab, schedule: str = _FAST) -> AsyncIterator[Service]:
    served.settings.write_text(served.settings.read_text() + schedule)
    async with open_service(load(served.settings), progress=Silent()) as service:
        await service.context.edges.agent_list.provision(dry_run=False)
        stop = asyncio.Event()
        running_ = asyncio.create_task(run(service, stop))
        try:
            yield service
        finally:
            stop.set()
            await asyncio.wait_for(running_, 10)


async def until(seen: Callable[[], bool], patience: float = 15.0) -> None:
    deadline = time.monotonic() + patience
    while not seen():
        assert time.monotonic() < deadline, "it never came about"
        await asyncio.sleep(0.02)


def all_shown(served: Lab) -> bool:
    return all(item.fields.get("SyncStatus") for item in served.agents.items.values())


def a_right_row(served: Lab, tenant: int) -> tuple[int, SimUser]:
    tenant_id = served.world.accounts[tenant][1].id
    row_id = next(id_ for id_, truth in served.world.truth.items() if truth.tenant_id == tenant_id and not truth.codes)
    user = served.world.user(served.world.truth[row_id].object_id)
    assert user is not None
    return row_id, user


@pytest.mark.anyio
async def test_a_reading_that_takes_longer_than_its_interval_does_not_overlap_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, _):
        await until(lambda: all_shown(served))
        slow = served.world.faults.add(_READING, delay=2.0)
        await until(lambda: slow.seen > 0)
        began = slow.seen
        await asyncio.sleep(3.5)
        assert slow.seen - began == 1


@pytest.mark.anyio
async def test_no_run_is_lost_while_the_machine_was_away(tmp_path: Path) -> None:
    async with running(tmp_path, "schedule: {read_list: 2s}\n") as (served, service):
        await until(lambda: all_shown(served))
        before = service.context.observed.rows_read_at
        time.sleep(2.5)  # noqa: ASYNC251 -- a suspended machine stops the whole loop
        await until(lambda: service.context.observed.rows_read_at != before, patience=1.5)


@pytest.mark.anyio
async def test_while_the_list_is_away_presence_is_followed_and_written_when_it_is_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, service):
        await until(lambda: all_shown(served))
        row_id, user = a_right_row(served, 0)
        with capture_logs() as logs:
            away: Fault = served.world.faults.add(_TOGETHER, status=500)
            batch: Fault = served.world.faults.add(r"batch", status=500)
            await until(lambda: any(log["event"] == "job_failed" and log["job"] == "read_list" for log in logs), 60)
            user.availability, user.activity = "Busy", "InACall"
            await until(lambda: service.context.observed.presences[user.id].availability == "Busy")
            assert served.shown(row_id, "Presence") == "Available"
            away.times = batch.times = 0
            await until(lambda: served.shown(row_id, "Presence") == "Busy")
            await until(lambda: any(log["event"] == "job_recovered" for log in logs))


@pytest.mark.anyio
async def test_while_one_tenant_is_away_the_others_go_on(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, service):
        await until(lambda: all_shown(served))
        shown = {id_: item.fields["SyncStatus"] for id_, item in served.agents.items.items()}
        (mine, user), (theirs, other) = a_right_row(served, 0), a_right_row(served, 1)
        for secret in list(served.world.accounts[1][2].secrets):
            served.world.accounts[1][2].secrets.pop(secret)
        token = service.accounts[served.world.accounts[1][0]].tokens(served.world.origin)
        await token.renew(await token.token())
        await until(lambda: bool(service.context.observed.trouble))
        user.availability = other.availability = "Busy"
        await until(lambda: served.shown(mine, "Presence") == "Busy")
        assert served.shown(theirs, "Presence") == "Available"
        assert {id_: item.fields["SyncStatus"] for id_, item in served.agents.items.items()} == shown
        served.world.accounts[1][2].secrets["secret-of-fabrikam-1"] = 4e9


@pytest.mark.anyio
async def test_a_held_plan_is_told_once_and_writes_nothing_until_its_cause_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path, rows=60) as (served, _):
        await until(lambda: all_shown(served))
        right = {id_: served.shown(id_, "UPN") for id_, truth in served.world.truth.items() if not truth.codes}
        with capture_logs() as logs:
            for id_ in right:
                served.agents.edit(id_, {"UPN": "nobody"})
            await until(lambda: any(log["event"] == "held" for log in logs))
            await asyncio.sleep(1.5)
            assert [log["fuse"] for log in logs if log["event"] == "held"].count("max_worsened") == 1
            assert all(served.shown(id_, "SyncStatus") == "OK" for id_ in right)
            for id_, upn in right.items():
                served.agents.edit(id_, {"UPN": upn})
            await until(lambda: any(log["event"] == "no_longer_held" for log in logs))


@pytest.mark.anyio
async def test_the_report_job_leaves_the_report_of_the_day(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, service):
        await until(lambda: service.store is not None and service.store.last_pass() is not None)
        await Jobs(service, asyncio.Event()).report()
        (report,) = (served.folder / "state" / "reports").iterdir()
        assert "Agents" in report.read_text()


@pytest.mark.anyio
async def test_a_fault_of_our_own_ends_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    async def broken(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("a bug")

    monkeypatch.setattr("sync_agent.scheduler.jobs.follow_presence", broken)
    with capture_logs() as logs:
        async with running(tmp_path) as (served, _):
            await until(lambda: calls > 2)
            served.agents.edit(1, {"Team": "Sales"})
        assert any(log["event"] == "job_broke" for log in logs)


@pytest.mark.anyio
async def test_a_stop_waits_once_for_a_database_that_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is kept at the end five things wait for it, one after the other."""
    monkeypatch.setattr("sync_agent.state.database._PATIENCE", 2.0)
    async with running(tmp_path) as (served, service):
        await until(lambda: all_shown(served))
        file = database_file(service.settings.state.database)
        assert file is not None
        locking = await asyncio.to_thread(sqlite3.connect, file, isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(locking.execute, "BEGIN EXCLUSIVE")
        began = time.monotonic()
    assert time.monotonic() - began < 6
    locking.close()


@pytest.mark.anyio
async def test_a_stop_takes_ten_seconds_at_most_where_neither_list_nor_database_answers(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, service):
        await until(lambda: all_shown(served))
        slow = served.world.faults.add(r"POST .*batch", holding=b"PATCH", delay=12.0)
        for tenant in served.world.tenants.values():
            for user in tenant.users.values():
                user.availability, user.activity = "Busy", "InACall"
        await until(lambda: slow.seen > 0)
        file = database_file(service.settings.state.database)
        assert file is not None
        locking = await asyncio.to_thread(sqlite3.connect, file, isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(locking.execute, "BEGIN EXCLUSIVE")
        began = time.monotonic()
    assert time.monotonic() - began < 10
    locking.close()


@pytest.mark.anyio
async def test_the_first_reading_of_the_list_is_at_once_whatever_the_interval(tmp_path: Path) -> None:
    async with running(tmp_path, "schedule: {read_list: 1h, presence: 100ms, write_back: 100ms}\n") as (served, _):
        await until(lambda: all_shown(served))


@pytest.mark.anyio
async def test_a_plan_that_is_approved_by_another_command_is_let_go(tmp_path: Path) -> None:
    async with running(tmp_path, rows=60) as (served, _):
        await until(lambda: all_shown(served))
        with capture_logs() as logs:
            for id_ in list(served.agents.items)[:40]:
                served.agents.delete(id_)
            await until(lambda: any(log["event"] == "held" and log["fuse"] == "max_missing_rows" for log in logs))
        held = await asyncio.to_thread(served.run, "sync", "--json")
        assert held.code == 3
        approved = await asyncio.to_thread(served.run, "sync", "--approve", held.json()["held"]["checksum"])
        assert approved.code == 0
        row_id = max(served.agents.items)
        served.agents.edit(row_id, {"UPN": ""})
        await until(lambda: "upn_missing" in str(served.shown(row_id, "SyncAnomalies")))


@pytest.mark.anyio
async def test_the_list_of_anomalies_follows_the_agent_list(tmp_path: Path) -> None:
    with lab(tmp_path) as served:
        served.replace("  columns:", "  anomaly_list: Agent anomalies\n  columns:")
        await asyncio.to_thread(served.provisioned)
        *_, anomalies = served.world.sites[SITE_PATH].lists.values()
        wanted = {(row_id, code) for row_id, truth in served.world.truth.items() for code in truth.codes}

        def standing() -> set[tuple[int, str]]:
            found = [item.fields for item in list(anomalies.items.values()) if "Resolved" not in item.fields]
            return {(fields["AgentRow"], fields["AnomalyCode"]) for fields in found}

        async with running_on(served):
            await until(lambda: standing() == wanted)
            row_id, user = a_right_row(served, 0)
            user.enabled = False
            await until(lambda: standing() == wanted | {(row_id, "user_disabled")})
            user.enabled = True
            await until(lambda: standing() == wanted)


@pytest.mark.anyio
async def test_a_missing_list_of_anomalies_is_told_once_and_holds_up_nothing(tmp_path: Path) -> None:
    with lab(tmp_path, rows=40) as served, capture_logs() as logs:
        served.replace("  columns:", "  anomaly_list: Agent anomalies\n  columns:")
        async with running_on(served):
            await until(lambda: all_shown(served))
            await until(lambda: len([log for log in logs if log["event"] == "list_followed"]) > 2)
        (told,) = [log for log in logs if log["event"] == "job_failed"]
    assert told["job"] == "mirror_anomalies"
    assert "Run `sync-agent provision`" in told["reason"]


@pytest.mark.anyio
async def test_what_becomes_of_users_is_in_their_rows_within_one_interval_while_all_jobs_run(tmp_path: Path) -> None:
    async with running(tmp_path, _FAST.replace("resolve_users: 1s", "resolve_users: 2s")) as (served, service):
        await until(lambda: all_shown(served))
        (renamed, jane), (disabled, joe) = a_right_row(served, 0), a_right_row(served, 1)
        contoso, upn = served.world.accounts[0][1], jane.upn
        told = served.world.faults.add(r"GET /v1\.0/users/delta", instead=lambda call, truly: truly(call))

        def says(row_id: int, code: str) -> bool:
            return code in str(served.shown(row_id, "SyncAnomalies"))

        steps: list[tuple[Callable[[], object], Callable[[], bool]]] = [
            (lambda: contoso.rename(jane, f"new.{upn}"), lambda: says(renamed, "user_renamed")),
            (lambda: setattr(joe, "enabled", False), lambda: says(disabled, "user_disabled")),
            (lambda: contoso.rename(jane, upn), lambda: served.shown(renamed, "SyncStatus") == "OK"),
            (lambda: contoso.remove(jane, "2026-11-25T10:00:00Z"), lambda: says(renamed, "user_deleted")),
            (lambda: contoso.restore(jane), lambda: served.shown(renamed, "SyncStatus") == "OK"),
        ]
        for change, seen in steps:
            change()
            await until(seen, patience=2 + 2)  # the interval, and time to write
        assert told.seen >= len(steps)
        assert service.context.observed.trouble == {}
