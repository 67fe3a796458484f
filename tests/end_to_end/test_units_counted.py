"""What we take our requests to cost is what Microsoft 365 counts for them, limit by limit, by both APIs."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

import pytest

from sync_agent.jobs.read_list import follow_list, read_list
from sync_agent.microsoft365.agent_list import ROW_UNITS
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from tests.lab import Lab, lab

_SINGLE = re.compile(r"/sites/ucc/_api/web/lists/getby\w+\('[^']+'\)", re.IGNORECASE)
LIMITS = ("sharepoint", "directory", "presence")
LOOK_UPS: dict[Api, float] = {"graph": 0.0, "rest": 1.0}
"""Units above those of Microsoft Graph's for one thing: REST has no stated cost and "tends to cost more", so its single
look-ups are taken for two. There are a handful in a pass."""


def spent(service: Service) -> dict[str, float]:
    """Ours, by the limit whose name the budget's begins with."""
    found = dict.fromkeys(LIMITS, 0.0)
    for seen in (budget.snapshot() for budget in service.context.budgets):
        (limit,) = (limit for limit in LIMITS if limit in seen.name.lower())
        found[limit] += seen.total
    return found


def counted(served: Lab) -> dict[str, float]:
    charged = served.world.meter.charged.items()
    return {limit: sum(units for key, units in charged if key.split("/")[0] == limit) for limit in LIMITS}


def single_look_ups(served: Lab) -> int:
    return sum(call.method == "GET" and bool(_SINGLE.fullmatch(call.path)) for call in served.world.heard)


@pytest.mark.anyio
@pytest.mark.parametrize("api", ["graph", "rest"])
async def test_all_that_is_asked_of_the_list_costs_what_is_counted(tmp_path: Path, api: Api) -> None:
    with lab(tmp_path, rows=250, api=api) as served:
        served.replace("  columns:", "  anomaly_list: Agent anomalies\n  columns:")
        served.world.limited = True
        served.world.heard = deque(maxlen=10_000)
        async with open_service(load(served.settings), progress=Silent()) as service:

            def hold_together() -> None:
                ours, theirs = spent(service), counted(served)
                ours["sharepoint"] -= single_look_ups(served) * LOOK_UPS[api]
                assert ours == theirs

            edges = service.context.edges
            assert edges.anomaly_list is not None
            await edges.agent_list.provision(dry_run=False)
            await edges.anomaly_list.provision(dry_run=False)
            hold_together()
            first = await service.sync()
            assert first.writes.done == 250
            hold_together()
            for item in list(served.agents.items.values())[:3]:
                served.agents.edit(item.id, {"SyncAnomalies": "by hand"})
            second = await service.sync()
            assert second.writes.done == 3
            hold_together()
            await read_list(service.context, follow=True)
            served.agents.edit(1, {"Title": "Jane"})
            assert await follow_list(service.context)
            hold_together()


@pytest.mark.anyio
async def test_a_batch_that_is_throttled_is_paid_for_again(tmp_path: Path) -> None:
    """A throttled request counts too; what a fault answers here, the embedded Microsoft 365 does not count."""
    with lab(tmp_path, rows=20, api="rest") as served:
        served.world.limited = True
        served.world.heard = deque(maxlen=10_000)
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            assert (await service.sync()).writes.done == 20
            throttled = served.world.faults.add(
                r"POST .*/_api/\$batch", status=429, headers={"retry-after": "1"}, times=1
            )
            for item in list(served.agents.items.values())[:3]:
                served.agents.edit(item.id, {"SyncAnomalies": "by hand"})
            assert (await service.sync()).writes.done == 3
            assert throttled.times == 0
            ours, theirs = spent(service)["sharepoint"], counted(served)["sharepoint"]
            assert ours - theirs == 3 * ROW_UNITS + single_look_ups(served) * LOOK_UPS["rest"]
