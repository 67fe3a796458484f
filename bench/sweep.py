"""One sweep of 15,000 ids, next to the plain way (requests, one call after the other) and to the floor (aiohttp, all at
once), which both throw away what they decoded.
"""

from __future__ import annotations

import asyncio
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import orjson
import requests

from bench.served import served
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.microsoft365.presence import MOST_IDS
from sync_agent.progress import Silent
from sync_agent.service import Service, open_service
from sync_agent.settings import load

_SWEEPS = 10


async def _measure(turn: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Median wall and CPU seconds of a turn, after one that is not counted."""
    await turn()
    walls, cpus = [], []
    for _ in range(_SWEEPS):
        wall, cpu = time.perf_counter(), time.process_time()
        await turn()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return statistics.median(walls), statistics.median(cpus)


async def _ours(service: Service) -> tuple[float, float, int, list[list[str]]]:
    await service.context.edges.agent_list.provision(dry_run=False)
    await read_list(service.context)
    await resolve_users(service.context)
    before = service.transport.requests["presence"]
    wall, cpu = await _measure(lambda: poll_presence(service.context))
    asked = (service.transport.requests["presence"] - before) // (_SWEEPS + 1)
    return wall, cpu, asked, [list(ids) for ids in service.context.observed.watched.values()]


async def _floor(service: Service, url: str, ca_bundle: str, users: list[list[str]]) -> tuple[float, float]:
    context = ssl.create_default_context(cafile=ca_bundle)
    tokens = {}
    for account, group in zip(service.accounts.values(), users, strict=True):
        tokens[id(group)] = await account.tokens(url).token()
    address = f"{url}/v1.0/communications/getPresencesByUserId"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=64)) as session:

        async def one(token: str, body: bytes) -> None:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            async with session.post(address, data=body, headers=headers) as answer:
                orjson.loads(await answer.read())

        bodies = [
            (tokens[id(group)], orjson.dumps({"ids": group[start : start + MOST_IDS]}))
            for group in users
            for start in range(0, len(group), MOST_IDS)
        ]

        async def sweep() -> None:
            await asyncio.gather(*(one(token, body) for token, body in bodies))

        return await _measure(sweep)


async def _plain(service: Service, url: str, ca_bundle: str, users: list[list[str]]) -> tuple[float, float]:
    session = requests.Session()
    session.verify = ca_bundle
    session.trust_env = False
    calls = []
    for account, group in zip(service.accounts.values(), users, strict=True):
        headers = {"Authorization": f"Bearer {await account.tokens(url).token()}"}
        calls += [(headers, group[start : start + MOST_IDS]) for start in range(0, len(group), MOST_IDS)]

    async def sweep() -> None:
        for headers, ids in calls:
            address = f"{url}/v1.0/communications/getPresencesByUserId"
            session.post(address, json={"ids": ids}, headers=headers, timeout=30).json()

    return await _measure(sweep)


async def _run(settings: str, url: str, ca_bundle: str) -> None:
    async with open_service(load(Path(settings)), progress=Silent()) as service:
        wall, cpu, asked, users = await _ours(service)
        floor_wall, floor_cpu = await _floor(service, url, ca_bundle, users)
        plain_wall, plain_cpu = await _plain(service, url, ca_bundle, users)
    count = sum(map(len, users))
    print(f"One sweep of {count:,} users, {asked} requests, median of {_SWEEPS}, answers unchanged")
    print(f"{'':34}{'wall':>10}{'CPU':>10}{'CPU/request':>14}")
    for name, its_wall, its_cpu in (
        ("the plain way: requests, json", plain_wall, plain_cpu),
        ("floor: aiohttp + orjson", floor_wall, floor_cpu),
        ("sync-agent", wall, cpu),
    ):
        print(f"{name:34}{its_wall * 1000:>7.0f} ms{its_cpu * 1000:>7.0f} ms{its_cpu * 1000 / asked:>11.2f} ms")
    print(f"{'the plain way to ours':34}{plain_wall / wall:>9.2f}×{plain_cpu / cpu:>9.2f}×")
    print(f"{'ours to the floor':34}{wall / floor_wall:>9.2f}×{cpu / floor_cpu:>9.2f}×")


def main(rows: int = 15_600) -> None:
    """A few of the rows lead to no user, so that about 15,000 users are swept."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), rows, latency=0.0, api="graph") as facts:
        asyncio.run(_run(facts["settings"], facts["url"], facts["ca_bundle"]))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
