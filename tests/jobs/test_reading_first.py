"""Reading the list goes before whoever waits for SharePoint's units; the list of anomalies holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sync_agent.jobs.read_list import follow_list, read_list
from sync_agent.microsoft365.pacing import Priority
from sync_agent.model import Change, OurColumn
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from tests.lab import lab
from tests.microsoft365.agent_list_suite import write_all
from tests.test_scheduler import all_shown, running_on, until


async def waits_as(service: Service, work: Callable[[], Awaitable[object]]) -> set[Priority]:
    """How urgent the first request is that the work makes."""
    budget = service.context.edges.sharepoint
    budget.close_for(1.0)
    working = asyncio.ensure_future(work())
    await asyncio.sleep(0.5)
    seen = set(budget.snapshot().waiting)
    await asyncio.wait_for(working, 10)
    return seen


@pytest.mark.anyio
@pytest.mark.parametrize("api", ["graph", "rest"])
async def test_reading_is_urgent_and_writing_is_not(tmp_path: Path, api: Api) -> None:
    with lab(tmp_path, rows=20, api=api) as served:
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            context = service.context
            await service.sync()
            assert await waits_as(service, service.open_list) == {Priority.URGENT}
            assert await waits_as(service, lambda: read_list(context, follow=True)) == {Priority.URGENT}
            assert await waits_as(service, lambda: follow_list(context)) == {Priority.URGENT}
            rows = list(context.observed.rows.values())
            change = Change(rows[0], {OurColumn.ACTIVITY: "Presenting"})
            assert await waits_as(service, lambda: write_all(context.edges.agent_list, [change])) == {Priority.NORMAL}


@pytest.mark.anyio
async def test_a_list_of_anomalies_that_takes_for_ever_does_not_keep_the_agents_list_from_being_read(
    tmp_path: Path,
) -> None:
    fast = "schedule: {read_list: 1s, resolve_users: 1s, presence: 100ms, write_back: 100ms}\n"
    with lab(tmp_path, rows=40) as served:
        served.replace("  columns:", "  anomaly_list: Agent anomalies\n  columns:")
        async with open_service(load(served.settings), progress=Silent()) as service:
            assert service.context.edges.anomaly_list is not None
            await service.context.edges.agent_list.provision(dry_run=False)
            await service.context.edges.anomaly_list.provision(dry_run=False)
        stuck = served.world.faults.add(r"(GET|POST) .*/lists/Agent.{1,3}anomalies", delay=8.0)
        async with running_on(served, fast) as service:
            await until(lambda: all_shown(served) and stuck.seen > 0)
            read_at = service.context.observed.rows_read_at
            assert read_at is not None
            await until(lambda: (service.context.observed.rows_read_at or read_at) > read_at, patience=4)
            served.world.faults.clear()
