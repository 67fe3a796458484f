"""An undo while the service runs: neither harms the other, and it is not taken for a person's edit."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.undo import Ending
from sync_agent.progress import Silent
from sync_agent.scheduler import Jobs
from sync_agent.service import open_service, utc_now
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from tests.jobs.opening import opened
from tests.jobs.test_write_back import right_rows


@pytest.mark.anyio
@pytest.mark.parametrize("api", ["graph", "rest"])
async def test_a_service_that_runs_writes_its_verdicts_again_at_its_next_look(api: Api, tmp_path: Path) -> None:
    async with opened(tmp_path, api=api) as (served, service):
        jobs = Jobs(service, asyncio.Event())
        await jobs.looks.turn()
        await poll_presence(service.context)
        await jobs.writes.turn()
        row_id = right_rows(served)[0]
        served.agents.edit(row_id, {"UPN": "nobody@contoso.com"})
        await jobs.looks.turn()
        await jobs.writes.turn()
        assert served.shown(row_id, "SyncStatus") == "Error"
        async with open_service(load(served.settings), progress=Silent()) as another:
            undone = await another.undo()
            assert undone.document["kind"] == "run"
            assert undone.rows[row_id].reason == "", "what the run found first: a row that nobody had looked at"
            assert undone.count(Ending.RESTORED) == 40
        assert not served.shown(row_id, "SyncStatus")
        assert served.shown(right_rows(served)[1], "Presence") == "Available"
        await jobs.looks.turn()
        await jobs.writes.turn()
        assert served.shown(row_id, "SyncStatus") == "Error"
        assert service.store is not None
        lines = service.store.run_journal("Agents").of_row(row_id)
        assert [line.run for line in lines] == [1, 1, 2, 1]


@pytest.mark.anyio
@pytest.mark.parametrize("api", ["graph", "rest"])
async def test_of_a_service_that_has_been_writing_for_long_only_the_last_hours_are_taken_back(
    api: Api, tmp_path: Path
) -> None:
    time = [utc_now()]
    async with opened(tmp_path, api=api) as (served, _):  # provisioned; what it opened is not used
        settings = load(served.settings)
        async with open_service(settings, progress=Silent(), clock=lambda: time[0]) as service:
            jobs = Jobs(service, asyncio.Event())

            async def turn() -> None:
                await jobs.looks.turn()
                await poll_presence(service.context)
                await jobs.writes.turn()

            await turn()
            before, after = right_rows(served)[:2]
            time[0] += timedelta(days=20)
            served.agents.edit(before, {"UPN": "nobody@contoso.com"})
            await turn()
            time[0] += timedelta(hours=3)
            served.agents.edit(after, {"UPN": "nobody.else@contoso.com"})
            await turn()
            assert [served.shown(row_id, "SyncStatus") for row_id in (before, after)] == ["Error", "Error"]
            async with open_service(settings, progress=Silent(), clock=lambda: time[0]) as another:
                undone = await another.undo(time[0] - timedelta(hours=2))
            assert (undone.scope.runs, undone.count(Ending.RESTORED), undone.number) == ((1,), 1, 2)
            assert [served.shown(row_id, "SyncStatus") for row_id in (before, after)] == ["Error", "OK"]
