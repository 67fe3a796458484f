"""What `capacity` reckons with is what a service spends: in a first pass, a quiet minute, and a busy one.

That it is what Microsoft 365 counts has a test of its own, test_units_counted.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path

import pytest

from sync_agent.capacity import pages, reading_units_a_second, requests_of_pass
from sync_agent.jobs.measure_capacity import demand_of_list, means_of, schedule_of
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import follow_list, read_list
from sync_agent.jobs.write_back import write_back
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from tests.lab import Lab, lab

ROWS = 250
OPENING = {"list": 12, "directory": 6, "presence": 0}
"""Requests, at most, to find the lists, their columns and settings, and the domains and sizes of two tenants."""
OPENING_UNITS = 24.0


def without_mistakes(served: Lab) -> None:
    for row_id, truth in served.world.truth.items():
        if truth.codes:
            del served.agents.items[row_id]


async def busy(served: Lab, service: Service) -> int:
    """Half of the agents are seen to do something else; how many."""
    users = {user.id: user for tenant in served.world.tenants.values() for user in tenant.users.values()}
    watched = sorted(service.context.observed.presences)[: ROWS // 2]
    for id_ in watched:
        user = users[id_]
        user.availability, user.activity = (
            ("Busy", "InACall") if user.availability != "Busy" else ("Available", "Available")
        )
    await poll_presence(service.context)
    assert (await write_back(service.context)).writes.done == len(watched)
    return len(watched)


@pytest.mark.anyio
@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("api", ["graph", "rest"])
async def test_a_pass_a_quiet_and_a_busy_minute_cost_what_was_reckoned(tmp_path: Path, api: Api, beside: bool) -> None:
    with lab(tmp_path, rows=ROWS, api=api) as served:
        served.world.moving = False
        if beside:
            served.replace("  columns:", "  presence_list: Agent presence\n  columns:")
        without_mistakes(served)
        settings = load(served.settings)
        means, schedule = means_of(settings), schedule_of(settings)
        async with open_service(settings, progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            demand = await demand_of_list(service.context, settings)
        async with open_service(settings, progress=Silent()) as service:
            sharepoint = service.context.edges.sharepoint
            first = await service.sync()
            rows = len(first.rows)
            assert first.writes.done == rows == demand.rows
            reckoned = requests_of_pass(demand, means)
            for kind, count in reckoned.items():
                assert count <= first.requests.get(kind, 0) <= count + OPENING[kind], kind
            reading = (pages(rows, means) + (means.lists - 1) * pages(0, means)) * means.units_a_page
            least = reading + rows * means.units_a_row
            assert least - 1e-6 <= sharepoint.total <= least + OPENING_UNITS + rounding(rows, means.units_a_row)

            await read_list(service.context, follow=True)
            before = sharepoint.total
            for _ in range(3):
                assert await follow_list(service.context)
            assert sharepoint.total - before == 3 * means.units_a_turn
            before = sharepoint.total
            await read_list(service.context)
            quiet = reading_units_a_second(rows, schedule, means)
            assert sharepoint.total - before == pytest.approx(
                (quiet - means.units_a_turn / schedule.read_list) * schedule.read_whole_list
            )

            before = sharepoint.total
            changed = await busy(served, service)
            least = changed * means.units_a_change
            assert least - 1e-6 <= sharepoint.total - before <= least + rounding(changed, means.units_a_change)


def rounding(rows: int, units_a_row: float) -> float:
    """What is read before a batch costs the same where the batch is not full: two units for each fifty rows or less."""
    return 2.0 * ceil(rows / 50) if units_a_row % 2 else 0.0
