"""Writing what differs: what comes first, what a stop does, and what happens meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.jobs.write_back import write_back
from sync_agent.leads import questions
from sync_agent.model import Absent, Match
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from tests.jobs.opening import opened
from tests.jobs.turning import whole_turn
from tests.lab import PLENTY, Lab


async def observe(service: Service) -> None:
    await read_list(service.context)
    await resolve_users(service.context)
    await poll_presence(service.context)


def answered(service: Service, answers: dict[str, Match]) -> None:
    """As the tenants answer now; nobody comes up who may be meant."""
    observed = service.context.observed
    observed.put_matches(answers)
    observed.put_heard(observed.heard, questions(observed.rows.values(), observed.matches))


async def begun(service: Service) -> None:
    """Until the first rows are on the wire."""
    async with asyncio.timeout(10):
        while not service.context.observed.turns.in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def right_rows(served: Lab) -> list[int]:
    return [row_id for row_id, truth in served.world.truth.items() if not truth.codes]


@pytest.mark.anyio
async def test_a_part_is_written_and_the_rest_waits_its_turn(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        written = []
        while (result := await whole_turn(service, 15)).writes.planned:
            written.append((result.writes.planned, result.writes.done))
        assert written == [(40, 15), (25, 15), (10, 10)]
        assert all(item.fields.get("SyncStatus") for item in served.agents.items.values())


@pytest.mark.anyio
async def test_verdicts_are_written_before_presence_and_who_waits_longest_first(tmp_path: Path) -> None:
    async with opened(tmp_path) as (served, service):
        await observe(service)
        await write_back(service.context)
        first, second, third = right_rows(served)[:3]
        for row_id in (third, first):  # the third has waited longest, of those whose presence changed
            user = served.world.user(served.world.truth[row_id].object_id)
            assert user is not None
            user.availability, user.activity = "Busy", "InACall"
            await poll_presence(service.context)
        served.agents.edit(second, {"UPN": ""})
        rows = await service.context.edges.agent_list.read_rows([second])
        service.context.observed.put_followed(rows, [], service.context.clock())
        answered(service, {})
        for expected in (second, third, first):
            before = {id_: item.revision for id_, item in served.agents.items.items()}
            assert (await whole_turn(service, 1)).writes.done == 1
            assert [id_ for id_, item in served.agents.items.items() if item.revision != before[id_]] == [expected]


@pytest.mark.anyio
async def test_presence_that_changes_while_the_row_is_written_is_written_next(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        row_id = right_rows(served)[0]
        user = served.world.user(served.world.truth[row_id].object_id)
        assert user is not None
        served.world.faults.add(r"PATCH|batch", delay=0.3)
        writing = asyncio.create_task(write_back(service.context))
        await begun(service)
        user.availability, user.activity = "DoNotDisturb", "Presenting"
        await poll_presence(service.context)
        await writing
        assert served.shown(row_id, "Presence") == "Available"
        served.world.faults.clear()
        assert (await write_back(service.context)).writes.done == 1
        assert served.shown(row_id, "Presence") == "DoNotDisturb"


@pytest.mark.anyio
async def test_after_a_stop_no_further_row_is_begun_and_what_was_begun_is_told(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, rows=1_200, api=api) as (served, service):
        await observe(service)
        stop = asyncio.Event()
        served.world.faults.add(r"batch", delay=0.3)
        writing = asyncio.create_task(whole_turn(service, 1_200, stop))
        await begun(service)
        stop.set()
        result = await writing
        shown = sum("SyncStatus" in item.fields for item in served.agents.items.values())
        assert 0 < shown < 1_200
        assert result.writes.done == shown
        assert result.writes.failed == 0


@pytest.mark.anyio
async def test_a_row_that_cannot_be_written_is_left_until_the_list_is_read_again(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        served.world.faults.add(r"batch", status=403)
        failed = await write_back(service.context)
        assert (failed.writes.done, failed.writes.failed) == (0, 40)
        served.world.faults.clear()
        assert (await write_back(service.context)).writes.planned == 0
        await read_list(service.context)
        assert (await write_back(service.context)).writes.done == 40


@pytest.mark.anyio
async def test_a_row_that_a_person_changed_is_left_alone_and_decided_again(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        edited, deleted = right_rows(served)[:2]
        served.agents.edit(edited, {"UPN": "nobody@contoso.com"})
        served.agents.delete(deleted)
        first = await write_back(service.context)
        assert (first.writes.done, first.writes.conflicts, first.writes.failed) == (38, 2, 0)
        assert served.shown(edited, "SyncStatus") is None
        second = await write_back(service.context)
        assert (second.writes.done, second.writes.conflicts) == (1, 0)
        assert "user_not_found" in served.shown(edited, "SyncAnomalies")
        assert served.shown(edited, "UPN") == "nobody@contoso.com"


@pytest.mark.anyio
async def test_what_persons_changed_meanwhile_is_judged_too(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=120) as (served, service):
        await observe(service)
        await write_back(service.context)
        right = right_rows(served)
        for row_id in right:
            user = served.world.user(served.world.truth[row_id].object_id)
            assert user is not None
            user.availability = "Busy"
            served.agents.edit(row_id, {"UPN": "nobody"})
        await poll_presence(service.context)
        assert (await write_back(service.context)).writes.conflicts == len(right)
        held = (await write_back(service.context)).held
        assert held is not None
        assert (held.fuse, held.rows) == ("max_worsened", len(right))
        assert all(served.shown(row_id, "SyncStatus") == "OK" for row_id in right)


@pytest.mark.anyio
async def test_a_verdict_that_changes_after_the_fuses_looked_waits_for_the_next_turn(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=400) as (served, service):
        await observe(service)
        served.world.faults.add(r"POST /v1.0/\$batch", delay=0.3)
        row_id = right_rows(served)[-1]
        writing = asyncio.create_task(write_back(service.context))
        await begun(service)
        name = str(served.shown(row_id, "UPN")).lower()
        answered(service, {name: Absent("contoso.com")})
        assert (await writing).writes.done == 399
        assert served.shown(row_id, "SyncStatus") is None
        served.world.faults.clear()
        await write_back(service.context)
        assert "user_not_found" in served.shown(row_id, "SyncAnomalies")


@pytest.mark.anyio
async def test_a_row_that_is_deleted_while_it_is_written_stays_deleted(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        served.world.faults.add(r"batch", delay=0.3)
        writing = asyncio.create_task(write_back(service.context))
        await begun(service)
        observed = service.context.observed
        gone = right_rows(served)[0]
        observed.put_rows([row for row in observed.rows.values() if row.id != gone], service.context.clock())
        await writing
        assert gone not in observed.rows
        assert gone not in (await service.outcome(service.context.clock(), 0.0, None)).verdicts


@pytest.mark.anyio
async def test_the_budget_of_the_settings_is_the_list_s(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, _):
        served.replace("share: 80%", "share: 50%")
        served.replace(f"sharepoint_units_per_minute: {PLENTY}", "sharepoint_units_per_minute: 100")
        async with open_service(load(served.settings), progress=Silent()) as service:
            await observe(service)
            started = asyncio.get_running_loop().time()
            writing = asyncio.create_task(write_back(service.context))
            done, _ = await asyncio.wait([writing], timeout=3)
            writing.cancel()
            assert not done, asyncio.get_running_loop().time() - started
            assert sum("SyncStatus" in item.fields for item in served.agents.items.values()) <= 25


@pytest.mark.anyio
async def test_what_was_known_of_names_that_nobody_has_any_more_is_forgotten(tmp_path: Path) -> None:
    async with opened(tmp_path) as (served, service):
        await observe(service)
        row_id = right_rows(served)[0]
        name = str(served.shown(row_id, "UPN")).lower()
        assert name in service.context.observed.matches
        served.agents.edit(row_id, {"UPN": ""})
        await read_list(service.context)
        assert name not in service.context.observed.matches


@pytest.mark.anyio
async def test_a_row_with_another_upn_does_not_go_on_showing_the_person_before(api: Api, tmp_path: Path) -> None:
    """Calls would follow the presence of somebody who is not in the row any more."""
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        await write_back(service.context)
        row_id, other = right_rows(served)[:2]
        served.agents.edit(row_id, {"UPN": f"new.{served.shown(other, 'UPN')}"})
        served.world.faults.add(r"GET /v1.0/users|POST /v1.0/\$batch", holding=b"users", status=500)
        await read_list(service.context)
        await resolve_users(service.context)
        served.world.faults.clear()
        await write_back(service.context)
        assert served.shown(row_id, "SyncStatus") == "Unknown"
        assert served.shown(row_id, "EntraObjectId") is None
        assert served.shown(row_id, "Presence") is None
        assert served.shown(other, "SyncStatus") == "OK"


@pytest.mark.anyio
async def test_a_verdict_that_turns_back_while_the_row_is_written_is_written_next(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        await write_back(service.context)
        row_id = right_rows(served)[0]
        observed, name = service.context.observed, str(served.shown(right_rows(served)[0], "UPN")).lower()
        found = observed.matches[name]
        answered(service, {name: Absent("contoso.com")})
        served.world.faults.add(r"batch", delay=0.3)
        writing = asyncio.create_task(write_back(service.context))
        await begun(service)
        observed.put_matches({name: found})
        await poll_presence(service.context)
        await write_back(service.context, dry_run=True)  # as a look at the list does
        assert (await writing).writes.done == 1
        assert served.shown(row_id, "SyncStatus") == "Error"
        served.world.faults.clear()
        await write_back(service.context)
        assert served.shown(row_id, "SyncStatus") == "OK"


@pytest.mark.anyio
async def test_others_get_their_turn_while_many_rows_are_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that is gone by the time all are planned is in no plan."""
    monkeypatch.setattr("sync_agent.jobs.plan_rows._PLANNED_AT_ONCE", 8)
    async with opened(tmp_path) as (_, service):
        await observe(service)
        observed, turns = service.context.observed, 0
        gone = next(iter(observed.dirty))

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                if turns == 2:
                    observed.put_followed({}, [gone], service.context.clock())
                await asyncio.sleep(0)

        other = asyncio.create_task(others())
        planned = (await write_back(service.context, dry_run=True)).plan
        other.cancel()
        assert turns >= len(observed.rows) // 8
        assert {change.row.id for change in planned.changes} == observed.rows.keys()
