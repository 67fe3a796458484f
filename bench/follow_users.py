"""A turn of `schedule.resolve_users` on 15,000 rows in three tenants: everybody asked about, or changes followed."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from bench.served import Served, served
from sync_agent.jobs.follow_users import FollowUsers
from sync_agent.jobs.read_list import read_list
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load

_TURNS = 5
_FEW, _MANY = 7, 100
"""Users who change in each tenant."""
_NEVER = 1e9
"""Seconds until everybody is asked about again."""


async def _measured(
    name: str, service: Service, turn: Callable[[], Awaitable[None]], before: Callable[[], None]
) -> None:
    walls, cpus, requests = [], [], 0
    for _ in range(_TURNS):
        before()
        asked = service.transport.requests["directory"]
        wall, cpu = time.perf_counter(), time.process_time()
        await turn()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        requests = service.transport.requests["directory"] - asked
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    print(f"  {name:<42} {requests:>3} requests {1_000 * wall:>6.0f} ms {1_000 * cpu:>6.0f} ms CPU", flush=True)


async def _run(facts: Served) -> None:
    async with open_service(load(Path(facts["settings"])), progress=Silent()) as service:
        await service.context.edges.agent_list.provision(dry_run=False)
        await read_list(service.context)
        whole = FollowUsers(service.context, 1.0, 0.0)
        await _measured("everybody", service, whole.turn, lambda: None)
        following = FollowUsers(service.context, 1.0, _NEVER)
        await following.turn()
        await _measured("followed, nobody changed", service, following.turn, lambda: None)
        for count in (_FEW, _MANY):
            name = f"followed, {3 * count} users changed"
            await _measured(name, service, following.turn, partial(facts.change_users, count))


def main(rows: int = 15_000) -> None:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), rows, latency=0.0, api="graph") as facts:
        print(f"a turn of resolve_users on {rows:,} rows", flush=True)
        asyncio.run(_run(facts))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15_000)
