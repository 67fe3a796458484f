"""Turns of writes side by side: a slow answer holds up its own rows, and nothing else."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.jobs.write_back import begin_turn, carry_out
from sync_agent.model import Absent
from sync_agent.scheduler import Jobs
from sync_agent.service import Service
from sync_agent.simulator.faults import Fault
from sync_agent.simulator.lab import Api
from sync_agent.simulator.world import SimUser
from tests.jobs.opening import opened
from tests.jobs.test_write_back import answered, observe, right_rows
from tests.jobs.test_write_journal import known
from tests.jobs.turning import whole_turn
from tests.lab import Lab, lab
from tests.test_scheduler import all_shown, running_on, until

QUICK = "schedule: {presence: 100ms, write_back: 1h, read_list: 1h, resolve_users: 1h}\npresence: {flap_damping: 0s}\n"
WRITING = {"graph": b"PATCH", "rest": b"ValidateUpdateListItem"}


@pytest.fixture(params=["graph", "rest"])
def api(request: pytest.FixtureRequest) -> Api:
    chosen: Api = request.param
    return chosen


def slow_writes(served: Lab, api: Api, seconds: float, times: int | None = None) -> Fault:
    return served.world.faults.add(r"POST .*batch", holding=WRITING[api], delay=seconds, times=times)


def user_of(served: Lab, row_id: int) -> SimUser:
    user = served.world.user(served.world.truth[row_id].object_id)
    assert user is not None
    return user


def become(served: Lab, row_id: int, availability: str) -> None:
    user = user_of(served, row_id)
    user.availability = user.activity = availability


def writes_of(served: Lab, row_id: int, since: int) -> int:
    """Requests that write the row, of those that came later than the first ``since``."""
    wanted = re.compile(rb"items[/(]%d\b[^\"]*(fields|ValidateUpdateListItem)" % row_id)
    return sum(len(set(wanted.findall(call.body))) for call in list(served.world.heard)[since:])


@pytest.mark.anyio
async def test_what_is_urgent_is_written_while_an_answer_is_slow(api: Api, tmp_path: Path) -> None:
    with lab(tmp_path, rows=40, api=api) as served:
        served.world.heard = deque()
        async with running_on(served, QUICK) as service:
            await until(lambda: all_shown(served), 60)
            turns, (late, urgent) = service.context.observed.turns, right_rows(served)[:2]
            await until(lambda: not turns.taken)
            slow = slow_writes(served, api, 5.0, times=1)
            become(served, late, "Away")
            await until(lambda: late in turns.in_flight and slow.seen == 1)
            loop = asyncio.get_running_loop()
            became = loop.time()
            become(served, urgent, "Busy")
            await until(lambda: served.shown(urgent, "Presence") == "Busy")
            assert loop.time() - became < 2.5
            assert served.shown(late, "Presence") == "Available", "its answer is not there yet"
            become(served, late, "DoNotDisturb")
            before = len(served.world.heard)
            await until(lambda: served.shown(late, "Presence") == "DoNotDisturb", 20)
            assert writes_of(served, late, before) == 1, "no row is written twice at a time"


@pytest.mark.anyio
async def test_where_every_answer_is_slow_news_is_sent_within_a_second_or_so(api: Api, tmp_path: Path) -> None:
    with lab(tmp_path, rows=40, api=api) as served:
        served.world.heard = deque()
        async with running_on(served, QUICK) as service:
            await until(lambda: all_shown(served), 60)
            await until(lambda: not service.context.observed.turns.taken)
            slow_writes(served, api, 3.0)
            loop, took, most = asyncio.get_running_loop(), list[float](), 0
            for row_id in right_rows(served)[:12]:
                before, became = len(served.world.heard), loop.time()
                become(served, row_id, "Busy")
                await until(lambda row=row_id, since=before: writes_of(served, row, since) > 0)  # type: ignore[misc]
                took.append(loop.time() - became)
                most = max(most, len(service.context.observed.turns.in_flight))
            assert median(took) < 1.5, took  # one may meet a machine that is busy
            assert most > 3


@asynccontextmanager
async def written(folder: Path, api: Api) -> AsyncIterator[tuple[Lab, Service, list[int]]]:
    """After the first pass, with the rows whose users are right."""
    async with opened(folder, api=api) as (served, service):
        await observe(service)
        await whole_turn(service)
        yield served, service, right_rows(served)


async def begun(service: Service, *row_ids: int) -> None:
    await until(lambda: set(row_ids) <= service.context.observed.turns.in_flight)


@pytest.mark.anyio
async def test_rows_of_a_turn_under_way_are_not_chosen_and_their_units_are_promised(api: Api, tmp_path: Path) -> None:
    async with written(tmp_path, api) as (served, service, rows):
        for row_id in rows:
            become(served, row_id, "Busy")
        await poll_presence(service.context)
        first, mine = await begin_turn(service.context, known_rows=None, leave=None, most=5)
        budget = service.context.edges.sharepoint
        await budget.spend(budget.room() - 16)  # for eight rows, of which five are promised
        second, other = await begin_turn(service.context, known_rows=None, leave=None, most=400)
        assert (len(mine.changes), len(other.changes)) == (5, 3)
        assert mine.changes.keys().isdisjoint(other.changes)
        assert (first.writes.planned, second.writes.planned) == (len(rows), len(rows) - 5)
        assert second.left == len(rows) - 8
        third, none = await begin_turn(service.context, known_rows=None, leave=None, most=400)
        assert (none.changes, third.writes.planned) == ({}, len(rows) - 8)
        for turn, result in ((mine, first), (other, second)):
            turn.end()
            assert result.writes.done == 0
        assert service.context.observed.turns.taken == {}


@pytest.mark.anyio
async def test_a_turn_that_fails_beside_one_that_is_written(api: Api, tmp_path: Path) -> None:
    async with written(tmp_path, api) as (served, service, rows):
        failing, fine = rows[:2]
        nobody_has(served, service, [failing])
        lost = served.world.faults.add(r"POST .*batch", holding=WRITING[api], delay=0.5, cut=True, times=1)
        first = asyncio.create_task(whole_turn(service))
        await begun(service, failing)
        nobody_has(served, service, [fine])
        second = await whole_turn(service)
        assert (second.writes.done, second.writes.failed) == (1, 0)
        assert not first.done()
        assert (await first).writes.failed == 1
        assert lost.seen == 1
        observed = service.context.observed
        assert observed.unwritten == {failing}
        assert observed.refusals.keys() == {failing}
        assert {row_id: known(service)[row_id] for row_id in (failing, fine)} == {failing: False, fine: True}
        assert served.shown(fine, "SyncStatus") == "Error"


def name_of(served: Lab, row_id: int) -> str:
    return str(served.shown(row_id, "UPN")).lower()


def nobody_has(served: Lab, service: Service, row_ids: list[int]) -> None:
    answered(service, {name_of(served, row_id): Absent("contoso.com") for row_id in row_ids})


@pytest.mark.anyio
async def test_what_a_turn_is_about_to_write_is_judged_once(api: Api, tmp_path: Path) -> None:
    async with written(tmp_path, api) as (served, service, rows):
        nobody_has(served, service, rows[:8])
        first, turn = await begin_turn(service.context, known_rows=None, leave=None, most=400)
        nobody_has(served, service, rows[8:16])
        second = await whole_turn(service)
        assert (second.held, second.writes.planned, second.writes.done) == (None, 8, 8)
        await carry_out(service.context, turn, first)
        assert first.writes.done == 8


@pytest.mark.anyio
async def test_a_verdict_that_changes_while_the_row_is_written_is_judged_with_the_next_turn(
    api: Api, tmp_path: Path
) -> None:
    async with written(tmp_path, api) as (served, service, rows):
        slow_writes(served, api, 1.0)
        for row_id in rows:
            become(served, row_id, "Busy")
        await poll_presence(service.context)
        first = asyncio.create_task(whole_turn(service))
        await begun(service, *rows)
        nobody_has(served, service, rows)
        second = await whole_turn(service)
        assert second.held is not None
        assert (second.held.fuse, second.writes.done) == ("max_worsened", 0)
        assert (await first).writes.done == len(rows)
        assert {served.shown(row_id, "SyncStatus") for row_id in rows} == {"OK"}


@pytest.mark.anyio
async def test_a_person_who_is_faster_than_a_slow_turn_is_written_about_next(api: Api, tmp_path: Path) -> None:
    async with written(tmp_path, api) as (served, service, rows):
        edited, fine = rows[:2]
        slow_writes(served, api, 0.5, times=1)
        become(served, edited, "Busy")
        await poll_presence(service.context)
        first = asyncio.create_task(whole_turn(service))
        await begun(service, edited)
        served.agents.edit(edited, {"UPN": "nobody@contoso.com"})
        become(served, fine, "Busy")
        await poll_presence(service.context)
        assert (await whole_turn(service)).writes.done == 1
        done = (await first).writes
        # By REST the row is compared before the form goes out, which the edit may come behind.
        assert (done.conflicts, done.done) in (((1, 0),) if api == "graph" else ((1, 0), (0, 1)))
        await read_list(service.context)
        await resolve_users(service.context)
        assert (await whole_turn(service)).writes.done == 1
        assert "user_not_found" in served.shown(edited, "SyncAnomalies")
        assert served.shown(edited, "UPN") == "nobody@contoso.com"


@pytest.mark.anyio
async def test_of_rows_of_a_turn_under_way_it_is_not_settled_whether_they_were_written(
    api: Api, tmp_path: Path
) -> None:
    async with written(tmp_path, api) as (served, service, rows):
        lost, slow, fine = rows[:3]
        served.world.faults.add(r"POST .*batch", holding=WRITING[api], cut=True, times=1)
        nobody_has(served, service, [lost])
        assert (await whole_turn(service)).writes.failed == 1
        slow_writes(served, api, 0.5, times=1)
        nobody_has(served, service, [slow])
        first = asyncio.create_task(whole_turn(service))
        await begun(service, slow)
        nobody_has(served, service, [fine])
        assert (await whole_turn(service)).writes.done == 1
        now = known(service)
        assert [now[row_id] for row_id in (lost, slow, fine)] == [False, False, True]
        await first
        assert known(service)[slow]


@pytest.mark.anyio
async def test_a_stop_waits_for_all_turns(api: Api, tmp_path: Path) -> None:
    with lab(tmp_path, rows=40, api=api) as served, capture_logs() as logs:
        async with running_on(served, QUICK) as service:
            turns, rows = service.context.observed.turns, right_rows(served)[:3]
            await until(lambda: all_shown(served) and not turns.taken, 60)
            slow = slow_writes(served, api, 2.0)
            for number, row_id in enumerate(rows, 1):
                become(served, row_id, "Busy")
                await until(lambda row=row_id, seen=number: row in turns.in_flight and slow.seen == seen)  # type: ignore[misc]
            assert {served.shown(row_id, "Presence") for row_id in rows} == {"Available"}
        assert {served.shown(row_id, "Presence") for row_id in rows} == {"Busy"}
    assert "job_cut_off" not in [each["event"] for each in logs]


@pytest.mark.anyio
async def test_while_a_failing_list_is_tried_with_a_few_rows_nothing_goes_beside_them(tmp_path: Path) -> None:
    async with written(tmp_path, "graph") as (served, service, rows):
        jobs = Jobs(service, asyncio.Event())
        refusing = served.world.faults.add(r"PATCH .*/items/", status=423)
        for row_id in rows:
            become(served, row_id, "Busy")
        await poll_presence(service.context)
        await jobs.writes.turn()
        assert jobs.writes.ever["failed"] == len(rows)
        await asyncio.sleep(2.1)
        refusing.times = 0
        slow_writes(served, "graph", 0.5, times=1)
        trying = asyncio.create_task(jobs.writes.turn())
        await until(lambda: len(service.context.observed.turns.in_flight) == 20)
        await jobs.writes.turn()
        assert jobs.writes.ever["written"] == 0
        await trying
        await jobs.writes.turn()
        assert [row_id for row_id in rows if served.shown(row_id, "Presence") != "Busy"] == []
