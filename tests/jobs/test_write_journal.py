"""The journal of our own columns beside the writes: it claims none that was not made, and misses none that was."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import follow_list, read_list
from sync_agent.jobs.write_back import write_back
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service, utc_now
from sync_agent.settings import load
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lab import Api
from sync_agent.simulator.wire import Call, Reply
from sync_agent.state.records import Intention
from sync_agent.state.store import RunJournal
from sync_agent.undoing import VerdictCells
from tests.jobs.opening import opened
from tests.jobs.test_write_back import begun, observe, right_rows
from tests.jobs.turning import whole_turn
from tests.lab import Lab

BATCH = r"POST .*batch"


def journal_of(service: Service) -> RunJournal:
    assert service.store is not None
    return service.store.run_journal("Agents")


def known(service: Service) -> dict[int, bool]:
    """By row: whether its last write is known to be made."""
    journal = journal_of(service)
    lines = [line for row_id in service.context.observed.rows for line in journal.of_row(row_id)[-1:]]
    return {line.row_id: line.made is not None for line in lines}


def change_presence(served: Lab, row_id: int) -> None:
    user = served.world.user(served.world.truth[row_id].object_id)
    assert user is not None
    user.availability, user.activity = "Busy", "InACall"


@pytest.mark.anyio
async def test_each_verdict_that_is_written_has_a_line_and_presence_has_none(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        assert (await write_back(service.context)).writes.done == 40
        assert known(service) == dict.fromkeys(range(1, 41), True)
        for row_id, item in served.agents.items.items():
            [line] = journal_of(service).of_row(row_id)
            assert line.before.status == line.before.anomalies == ""
            assert line.after.status == item.fields["SyncStatus"]
            assert line.after.object_id == (item.fields.get("EntraObjectId") or "")
            assert line.upn == item.fields.get("UPN")
            assert set(line.why.split(", ")) == served.world.truth[row_id].codes or line.why == "user matched"
        change_presence(served, right_rows(served)[0])
        await poll_presence(service.context)
        assert (await write_back(service.context)).writes.done == 1
        assert sum(len(journal_of(service).of_row(row_id)) for row_id in served.agents.items) == 40


@pytest.mark.anyio
async def test_what_a_person_was_faster_at_leaves_no_line(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        edited, deleted = right_rows(served)[:2]
        served.agents.edit(edited, {"UPN": "nobody"})
        served.agents.delete(deleted)
        assert (await write_back(service.context)).writes.conflicts == 2
        assert journal_of(service).of_row(edited) == journal_of(service).of_row(deleted) == []
        assert (await write_back(service.context)).writes.done == 1
        assert [line.upn for line in journal_of(service).of_row(edited)] == ["nobody"]


@pytest.mark.anyio
async def test_rows_that_a_stop_left_alone_have_no_line(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, rows=600, api=api) as (served, service):
        await observe(service)
        stop = asyncio.Event()
        served.world.faults.add(r"batch", delay=0.3)
        writing = asyncio.create_task(whole_turn(service, 600, stop))
        await begun(service)
        stop.set()
        await writing
        shown = {row_id for row_id, item in served.agents.items.items() if "SyncStatus" in item.fields}
        assert known(service) == dict.fromkeys(shown, True)


@pytest.mark.anyio
async def test_a_lost_answer_is_not_known_until_the_list_is_read_again(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)

        def lost(call: Call, truly: Truly) -> Reply:
            if (b"SyncStatus" in call.body and b"PATCH" in call.body) or b"ValidateUpdateListItem" in call.body:
                truly(call)
                return Reply(502, b"<html>", {"content-type": "text/html"})
            return truly(call)

        served.world.faults.add(BATCH, instead=lost)
        await write_back(service.context)
        served.world.faults.clear()
        assert served.shown(1, "SyncStatus") is not None
        assert set(known(service).values()) == {False}
        await write_back(service.context)
        assert set(known(service).values()) == {False}, "nobody has looked yet"
        await read_list(service.context)
        change_presence(served, right_rows(served)[0])
        await poll_presence(service.context)
        await write_back(service.context)
        assert known(service) == dict.fromkeys(range(1, 41), True)


@pytest.mark.anyio
async def test_what_fails_again_and_again_is_not_journalled_again_and_again(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        await observe(service)
        served.world.faults.add(BATCH, status=403)
        for _ in range(3):
            result = await write_back(service.context)
            assert (result.writes.done, len(result.writes.unwritten)) == (0, 40)
            await read_list(service.context)
        assert set(known(service).values()) == {False}
        assert sum(len(journal_of(service).of_row(row_id)) for row_id in served.agents.items) == 40


@pytest.mark.anyio
async def test_a_database_that_cannot_be_used_costs_the_journal_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    time = [utc_now()]
    async with opened(tmp_path) as (served, _):  # provisioned; what it opened is not used
        settings = load(served.settings)
        async with open_service(settings, progress=Silent(), clock=lambda: time[0]) as service:
            await observe(service)
            locking = sqlite3.connect(tmp_path / "state" / "sync-agent.db")
            locking.execute("BEGIN EXCLUSIVE")
            assert (await whole_turn(service, 20)).writes.done == 20
            assert (await whole_turn(service, 10)).writes.done == 10
            locking.rollback()
            locking.close()
            time[0] += timedelta(minutes=2)
            assert (await write_back(service.context)).writes.done == 10
            assert list(known(service).values()) == [True] * 10
    said = capsys.readouterr().out
    assert said.count("writes_not_journalled") == said.count("writes_journalled_again") == 1


@pytest.mark.anyio
async def test_cells_of_ours_that_a_person_edits_are_put_right_and_counted(api: Api, tmp_path: Path) -> None:
    """By another process too: what was last written is known from the journal."""
    async with opened(tmp_path, api=api) as (served, service):
        first, second, third = right_rows(served)[:3]
        assert (await service.sync()).writes.put_right == 0
        async with open_service(load(served.settings), progress=Silent()) as another:
            served.agents.edit(first, {"SyncStatus": "Error"})
            served.agents.edit(second, {"EntraObjectId": ""})
            served.agents.edit(third, {"UPN": "nobody"})
            outcome = await another.sync()
            assert (outcome.writes.done, outcome.writes.put_right) == (3, 2)
            assert outcome.document()["put_right"] == 2
            assert served.shown(first, "SyncStatus") == "OK"
        assert (await service.sync()).writes.put_right == 0


@pytest.mark.anyio
async def test_presence_that_a_person_edits_is_put_right_and_counted_while_the_service_runs(
    api: Api, tmp_path: Path
) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        first, second, third, fourth = right_rows(served)[:4]
        assert (await service.sync()).writes.put_right == 0
        await read_list(service.context, follow=True)
        served.agents.edit(first, {"Presence": "Offline"})
        assert await follow_list(service.context)
        served.agents.edit(second, {"PresenceChangedAt": None, "PresenceActivity": "Lunch"})
        change_presence(served, second)
        await read_list(service.context)
        served.agents.edit(third, {"Presence": "Offline"})  # after the list was read: our write comes second
        change_presence(served, third)
        change_presence(served, fourth)
        await poll_presence(service.context)
        writes = (await write_back(service.context)).writes
        assert (writes.done, writes.conflicts, writes.put_right) == (3, 1, 2)
        writes = (await write_back(service.context)).writes
        assert (writes.done, writes.put_right) == (1, 1)
        assert served.shown(first, "Presence") == "Available"
        assert [served.shown(row_id, "Presence") for row_id in (second, third, fourth)] == ["Busy"] * 3
        change_presence(served, first)
        await poll_presence(service.context)
        await read_list(service.context)
        writes = (await write_back(service.context)).writes
        assert (writes.done, writes.put_right) == (1, 0), "an edit is counted once"


@pytest.mark.anyio
async def test_what_another_service_and_an_undo_write_is_nobody_s_edit(api: Api, tmp_path: Path) -> None:
    time = [utc_now()]
    async with opened(tmp_path, api=api) as (served, _):  # provisioned; what it opened is not used
        settings = load(served.settings)
        async with (
            open_service(settings, progress=Silent(), clock=lambda: time[0]) as one,
            open_service(settings, progress=Silent(), clock=lambda: time[0]) as another,
        ):
            await one.sync()
            time[0] += timedelta(minutes=1)
            change_presence(served, right_rows(served)[0])
            assert (await another.sync()).writes.done == 1
            await read_list(one.context)
            assert one.context.observed.edited == set()
            await another.undo()
            assert (await one.sync()).writes.put_right == 0


@pytest.mark.anyio
async def test_an_edit_that_turned_out_right_is_forgotten(tmp_path: Path) -> None:
    async with opened(tmp_path) as (served, service):
        row_id = right_rows(served)[0]
        await service.sync()
        since = served.shown(row_id, "PresenceChangedAt")
        served.agents.edit(row_id, {"PresenceChangedAt": None})
        await read_list(service.context)
        served.agents.edit(row_id, {"PresenceChangedAt": since})
        await read_list(service.context)
        assert (await write_back(service.context)).writes.planned == 0
        change_presence(served, row_id)
        await poll_presence(service.context)
        assert (await write_back(service.context)).writes.put_right == 0


@pytest.mark.anyio
async def test_of_two_turns_that_write_a_row_one_after_the_other_each_tells_of_its_own_write(tmp_path: Path) -> None:
    """The first is known to have been made before the second means to, whenever the database is told."""
    async with opened(tmp_path) as (_, service):
        journal, wrong, right = (
            service.context.journal,
            VerdictCells("Error", "", "", ""),
            VerdictCells("OK", "", "", ""),
        )
        first, second = journal.turn(), journal.turn()
        await first.intend([Intention(1, "a@b.c", right, wrong, "one")])
        first.made(1)
        await second.intend([Intention(1, "a@b.c", wrong, right, "two")])
        await first.end()
        await second.end()
        assert [(line.why, line.made is not None) for line in journal_of(service).of_row(1)] == [
            ("one", True),
            ("two", False),
        ]


@pytest.mark.anyio
async def test_turns_that_begin_at_the_same_time_are_one_run(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, service):
        journal = service.context.journal
        assert len(set(await asyncio.gather(*(journal.number() for _ in range(4))))) == 1
