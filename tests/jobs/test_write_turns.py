"""The turns of `run`: what goes at once, what waits for room, and what is tried again when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.backlog_told import BacklogTold, backlogged
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.jobs.write_back import write_back
from sync_agent.progress import Silent
from sync_agent.scheduler import Guard, Jobs, writes
from sync_agent.scheduler.standing import Standing
from sync_agent.scheduler.writes import WriteTurns
from sync_agent.service import Service, open_service, utc_now
from sync_agent.settings import load
from sync_agent.simulator.world import SimUser
from tests.jobs.opening import opened
from tests.jobs.test_write_back import observe, right_rows
from tests.jobs.turning import whole_turn
from tests.lab import PLENTY, Lab
from tests.test_scheduler import a_right_row, all_shown, running, until
from tests.virtual_time import TimeOfDay


@asynccontextmanager
async def clocked(folder: Path, units: int = PLENTY) -> AsyncIterator[tuple[Lab, Service, TimeOfDay]]:
    """After the first pass, all rows written, on a clock that a test moves."""
    async with opened(folder) as (served, first):
        await observe(first)
        await write_back(first.context)
        served.replace(f"sharepoint_units_per_minute: {PLENTY}", f"sharepoint_units_per_minute: {units}")
        clock = TimeOfDay(utc_now())
        async with open_service(load(served.settings), progress=Silent(), clock=clock) as service:
            await observe(service)
            await write_back(service.context)
            yield served, service, clock


def user_of(served: Lab, row_id: int) -> SimUser:
    user = served.world.user(served.world.truth[row_id].object_id)
    assert user is not None
    return user


async def become(service: Service, user: SimUser, availability: str, activity: str) -> None:
    user.availability, user.activity = availability, activity
    await poll_presence(service.context)


@pytest.mark.anyio
async def test_with_units_to_spare_what_is_new_is_in_the_list_within_a_second_whatever_the_interval(
    tmp_path: Path,
) -> None:
    schedule = "schedule: {presence: 100ms, write_back: 1h}\n"
    async with running(tmp_path, schedule) as (served, service):
        await until(lambda: all_shown(served), 60)
        row_id, user = a_right_row(served, 0)
        loop, took = asyncio.get_running_loop(), list[float]()
        for availability in ("Busy", "Available", "DoNotDisturb"):
            user.availability = availability
            await until(lambda: service.context.observed.presences[user.id].availability == user.availability)
            began = loop.time()
            await until(lambda: served.shown(row_id, "Presence") == user.availability)
            took.append(loop.time() - began)
            await asyncio.sleep(6)  # else it flaps
        assert min(took) < 1


@pytest.mark.anyio
async def test_no_more_is_begun_than_the_budget_has_room_for_and_the_urgent_first(tmp_path: Path) -> None:
    async with clocked(tmp_path, units=100) as (served, service, _):
        rows = right_rows(served)
        for row_id in rows[:-1]:
            user_of(served, row_id).availability = "Available"
            user_of(served, row_id).activity = "AvailableStill"  # a detail
        await become(service, user_of(served, rows[-1]), "Busy", "InACall")
        budget = service.context.edges.sharepoint
        await budget.spend(budget.room() - 5)
        turn = await whole_turn(service)
        assert (turn.writes.planned, turn.writes.done, turn.left) == (len(rows), 2, len(rows) - 2)
        assert served.shown(rows[-1], "Presence") == "Busy"
        nothing = await whole_turn(service)
        assert (nothing.writes.planned, nothing.writes.done) == (len(rows) - 2, 0)


@pytest.mark.anyio
async def test_while_the_service_says_that_little_is_left_a_turn_takes_a_few_seconds_worth(tmp_path: Path) -> None:
    async with clocked(tmp_path, units=1_200) as (served, service, _):
        rows = right_rows(served)
        for row_id in rows[:-1]:
            user_of(served, row_id).availability = user_of(served, row_id).activity = "Offline"
        await become(service, user_of(served, rows[-1]), "Offline", "Offline")
        service.context.edges.sharepoint.hear(
            {"ratelimit-limit": "1200", "ratelimit-remaining": "250", "ratelimit-reset": "50"}
        )
        jobs = Jobs(service, asyncio.Event())
        await jobs.writes.turn()
        assert jobs.writes.ever["written"] == 12 < len(rows)  # 5 units a second for 5 seconds
        await jobs.writes.turn()
        assert jobs.writes.ever["written"] == 12


@pytest.mark.anyio
async def test_a_value_that_turned_back_before_it_was_written_costs_nothing(tmp_path: Path) -> None:
    async with clocked(tmp_path) as (served, service, _):
        row_id = right_rows(served)[0]
        revision = served.agents.items[row_id].revision
        await become(service, user_of(served, row_id), "Busy", "InACall")
        await whole_turn(service, 0)
        assert list(service.context.observed.backlog.owed_since()) == [row_id]
        await become(service, user_of(served, row_id), "Available", "Available")
        assert (await whole_turn(service)).writes.planned == 0
        assert served.agents.items[row_id].revision == revision
        assert service.context.observed.backlog.owed_since() == {}


@pytest.mark.anyio
async def test_presence_that_flaps_is_shown_a_little_later_and_a_pass_shows_it_at_once(tmp_path: Path) -> None:
    async with clocked(tmp_path) as (served, service, clock):
        row_id = right_rows(served)[0]
        for availability in ("Busy", "Away"):
            await become(service, user_of(served, row_id), availability, availability)
        assert (await whole_turn(service)).writes.done == 0
        clock.pass_by(seconds=5)
        assert (await whole_turn(service)).writes.done == 1
        assert served.shown(row_id, "Presence") == "Away"
        for availability in ("Busy", "DoNotDisturb"):
            await become(service, user_of(served, row_id), availability, availability)
        assert (await write_back(service.context)).writes.done == 1


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "pauses"), [(500, [2, 4, 8]), (423, [30, 60, 120])])
async def test_a_failed_write_is_tried_again_by_itself_ever_more_rarely(
    tmp_path: Path, status: int, pauses: list[int]
) -> None:
    """Without a look at the list; a row that is refused more slowly than one that met a failure."""
    async with clocked(tmp_path) as (served, service, clock):
        row_id = right_rows(served)[0]
        served.world.faults.add(rf"PATCH .*/items/{row_id}/fields", status=status)
        await become(service, user_of(served, row_id), "Busy", "InACall")
        for pause in pauses:
            assert (await whole_turn(service)).writes.failed == 1
            clock.pass_by(seconds=pause - 1)
            assert (await whole_turn(service)).writes.failed == 0
            clock.pass_by(seconds=1)
        served.world.faults.clear()
        assert (await whole_turn(service)).writes.done == 1
        assert served.shown(row_id, "Presence") == "Busy"


@pytest.mark.anyio
async def test_once_the_whole_list_was_read_a_failed_row_is_tried_at_once(tmp_path: Path) -> None:
    async with clocked(tmp_path) as (served, service, _):
        row_id = right_rows(served)[0]
        served.world.faults.add(rf"PATCH .*/items/{row_id}/fields", status=423)
        await become(service, user_of(served, row_id), "Busy", "InACall")
        assert (await whole_turn(service)).writes.failed == 1
        served.world.faults.clear()
        await read_list(service.context)
        assert (await whole_turn(service)).writes.done == 1


@pytest.mark.anyio
async def test_a_list_that_refuses_all_is_tried_with_few_rows_and_written_at_once_when_it_can_be(
    tmp_path: Path,
) -> None:
    async with clocked(tmp_path) as (served, service, clock):
        rows, jobs = right_rows(served), Jobs(service, asyncio.Event())
        served.world.faults.add(r"PATCH .*/items/\d+/fields", status=423)
        for row_id in rows[1:]:
            user_of(served, row_id).availability = "Busy"
        await become(service, user_of(served, rows[0]), "Busy", "InACall")
        with capture_logs() as logs:
            await jobs.writes.turn()
        assert jobs.writes.ever["failed"] == len(rows) > 20
        assert [each["count"] for each in logs if each["event"] == "rows_not_written"] == [len(rows)]
        for pause, tried in ((2, 20), (4, 20), (8, 20), (16, 20), (30, 20), (30, 20)):
            before = jobs.writes.ever["failed"]
            clock.pass_by(seconds=pause - 1)
            await jobs.writes.turn()
            assert jobs.writes.ever["failed"] == before, "left alone"
            clock.pass_by(seconds=1)
            await jobs.writes.turn()
            assert jobs.writes.ever["failed"] - before == tried
        served.world.faults.clear()
        clock.pass_by(seconds=30)
        for _ in range(2):
            await jobs.writes.turn()
        assert [row_id for row_id in rows if served.shown(row_id, "Presence") != "Busy"] == []


@pytest.mark.anyio
async def test_what_is_owed_is_told_at_most_once_a_minute_and_that_it_is_over(tmp_path: Path) -> None:
    async with clocked(tmp_path, units=100) as (served, service, _):
        rows, told = right_rows(served), BacklogTold()
        for row_id in rows[1:]:
            user_of(served, row_id).availability = "Busy"
        await become(service, user_of(served, rows[0]), "Busy", "InACall")
        with capture_logs() as logs:
            await whole_turn(service, 0)
            for _ in range(3):
                told.look(service.context)
            (line,) = logs
            assert (line["event"], line["rows"], line["units_a_minute"]) == ("backlog", len(rows), 80)
            assert line["seconds"] == round(60 * len(rows) / 40)
            service.context.observed.backlog.keep(set())
            told.look(service.context)
            told.look(service.context)
        assert [each["event"] for each in logs] == ["backlog", "backlog_written"]
        assert backlogged(service.context).rows == 0


@pytest.mark.anyio
async def test_while_there_is_news_all_the_time_rows_that_need_not_wait_any_more_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a large fleet, where somebody's presence changes at each moment."""
    monkeypatch.setattr(writes, "_WAITING_EVERY", 0.3)
    async with opened(tmp_path) as (served, service):
        await service.open_list()
        await read_list(service.context)
        await resolve_users(service.context)
        observed, stop = service.context.observed, asyncio.Event()

        async def tell() -> None:
            while not stop.is_set():
                observed.news.set()
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(tell())
            tasks.create_task(WriteTurns(service, Standing(), Guard(), stop).run())
            await until(lambda: len(observed.backlog._waiting) == len(observed.dirty) > 0)
            observed.presence_trouble.update(dict.fromkeys(observed.tenant_of.values(), "it cannot be asked"))
            await until(lambda: all_shown(served))
            stop.set()
