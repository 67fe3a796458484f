"""A turn of `schedule.read_list` on 15,000 rows: the list read whole, and what changed in it followed."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.served import served
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import follow_list, read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.jobs.write_back import write_back
from sync_agent.model import Change, OurColumn
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.lab import Api

_TURNS = 5
_EDITED = 20
_WRITTEN = 300


async def _synced(service: Service) -> None:
    await service.context.edges.agent_list.provision(dry_run=False)
    await read_list(service.context, follow=True)
    await resolve_users(service.context)
    await poll_presence(service.context)
    await write_back(service.context)
    await _whole(service)


async def _whole(service: Service) -> None:
    await service.open_list()
    await read_list(service.context, follow=True)
    await write_back(service.context, dry_run=True)


async def _follow(service: Service) -> None:
    assert await follow_list(service.context)
    await write_back(service.context, dry_run=True)


async def _write(service: Service, rows: int) -> None:
    """What one service writes is another's news."""
    observed, agent_list = service.context.observed, service.context.edges.agent_list
    some = list(observed.rows.values())[:rows]
    changes = [Change(row, {OurColumn.ACTIVITY: f"{time.monotonic()}"}) for row in some]
    async for _ in agent_list.write(changes):
        pass
    observed.rows |= await agent_list.read_rows([row.id for row in some])


async def _measured(
    name: str, service: Service, turn: Callable[[Service], Awaitable[None]], before: Callable[[], Awaitable[None]]
) -> None:
    walls, cpus, requests = [], [], 0
    for _ in range(_TURNS):
        await before()
        asked = service.transport.requests["list"]
        wall, cpu = time.perf_counter(), time.process_time()
        await turn(service)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        requests = service.transport.requests["list"] - asked
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    print(f"  {name:<42} {requests:>3} requests {1_000 * wall:>6.0f} ms {1_000 * cpu:>6.0f} ms CPU", flush=True)


async def _nothing() -> None:
    pass


async def _run(settings: Path) -> None:
    async with open_service(load(settings), progress=Silent()) as service:
        await _synced(service)
        async with open_service(load(settings), progress=Silent()) as other:
            await read_list(other.context)
            await _measured("whole", service, _whole, _nothing)
            await _measured("followed, nothing changed", service, _follow, _nothing)
            await _measured(f"followed, {_EDITED} rows edited", service, _follow, lambda: _write(other, _EDITED))
            await _measured(f"followed, {_WRITTEN} writes of ours", service, _follow, lambda: _write(service, _WRITTEN))


def main(rows: int = 15_000) -> None:
    apis: tuple[Api, ...] = ("graph", "rest")
    for api in apis:
        with tempfile.TemporaryDirectory() as folder, served(Path(folder), rows, latency=0.0, api=api) as facts:
            print(f"a turn on {rows:,} rows, api: {api}", flush=True)
            asyncio.run(_run(Path(facts["settings"])))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15_000)
