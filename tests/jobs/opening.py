"""A service inside the test's own event loop, on an embedded Microsoft 365."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api
from sync_agent.simulator.world import World
from tests.lab import Lab, lab


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    rows: int = 40,
    tenants: int = 2,
    api: Api = "graph",
    world: World | None = None,
    anomaly_list: str | None = None,
    database: str | None = None,
) -> AsyncIterator[tuple[Lab, Service]]:
    """The list has our columns already, and so has the list of anomalies, if there is to be one."""
    with lab(folder, rows=rows, tenants=tenants, api=api, world=world) as served:
        if anomaly_list is not None:
            served.replace("  columns:", f"  anomaly_list: {anomaly_list}\n  columns:")
        if database is not None:
            served.replace("sharepoint:", f"state: {{database: '{database}'}}\nsharepoint:")
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            if service.context.edges.anomaly_list is not None:
                await service.context.edges.anomaly_list.provision(dry_run=False)
            yield served, service
