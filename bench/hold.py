"""Whether everybody's presence is asked for every half second for minutes, at what cost, and that nobody is throttled.

15,000 users: the service with its rows, one tenant, one registration, on the embedded Microsoft 365, whose limits hold;
then the presence reader alone on canned answers, beside the floor (aiohttp and orjson at the same pace).
150,000 users: the presence reader with ten registrations on canned answers, which count what each registration asks.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle
from pathlib import Path
from weakref import WeakSet

import aiohttp
import orjson
from structlog.testing import capture_logs

from bench.canned import canned, several_canned
from bench.fleet import ids, parts
from bench.reader import presence_reader
from bench.served import served
from sync_agent.garbage import leave_out_what_is_loaded
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.microsoft365.presence import AnswerKey, Readings
from sync_agent.progress import Silent
from sync_agent.service import open_service
from sync_agent.settings import load

_USERS = 15_000
_ROWS = 17_250
"""Of which about 15,000 lead to a user."""
_INTERVAL = 0.5
_WARM_UP = 10.0
_CHANGE_EVERY = 360.0
"""Seconds for which the presence of an agent stays as it is: ten changes in an hour."""


@dataclass
class _Watched:
    """Takes in what is read, and the times at which each part of the users came."""

    observed: Observed
    news: int = 0
    gaps: list[float] = field(default_factory=list)
    _last: dict[str, float] = field(default_factory=dict)
    _seen: WeakSet[AnswerKey] = field(default_factory=WeakSet)

    def take(self, parts: Sequence[Readings], read_at: datetime) -> None:
        now = time.perf_counter()
        for part in parts:
            first = next(iter(part.every))
            if first in self._last:
                self.gaps.append(now - self._last[first])
            self._last[first] = now
            self.news += 0 if part.before is None or part.key in self._seen else len(part.news)
            self._seen.add(part.key)
        self.observed.put_presences(parts, read_at)

    async def measured(self, seconds: float) -> float:
        """The share of a core that it takes, after a while that is not counted."""
        await asyncio.sleep(_WARM_UP)
        self.gaps.clear()
        self.news = 0
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        return (time.process_time() - cpu) / (time.perf_counter() - wall)

    def told(self, what: str, core: float, requests: float, throttled: float) -> str:
        gaps = sorted(self.gaps)
        usual, late = (gaps[int(len(gaps) * share)] * 1_000 for share in (0.5, 0.99))
        return (
            f"{_cost(what, core, requests)}, {throttled:.0f} times 429\n  between two answers about the same user: "
            f"p50 {usual:.0f} ms, p99 {late:.0f} ms, max {gaps[-1] * 1_000:.0f} ms; {self.news:,} news"
        )


def _cost(what: str, core: float, requests: float) -> str:
    return f"{what}: {core:.1%} of a core, {requests:.1f} requests/s, {1_000 * core / requests:.2f} ms CPU each"


async def _service(settings: Path, seconds: float) -> str:
    async with open_service(load(settings), progress=Silent()) as service:
        context = service.context
        await context.edges.agent_list.provision(dry_run=False)
        leave_out_what_is_loaded()  # as `run` does
        await read_list(context)
        await resolve_users(context)
        watched = _Watched(context.observed)
        with capture_logs() as logs:
            following = asyncio.create_task(
                context.edges.presence.follow(lambda: context.observed.watched, _INTERVAL, watched.take)
            )
            before = service.transport.requests["presence"]
            core = await watched.measured(seconds)
            requests = (service.transport.requests["presence"] - before) / (seconds + _WARM_UP)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        users = sum(map(len, context.observed.watched.values()))
        throttled = sum(log["event"] == "throttled" for log in logs)
        said = [log for log in logs if log["event"].startswith("presence_interval")]
        return (
            watched.told(f"{users:,} users, one registration, the service", core, requests, throttled)
            + f"\n  said: {said}"
        )


async def _reader(folder: Path, users: int, registrations: int, servers: int, seconds: float) -> str:
    """Each registration asks one of the servers, all of which tell the same."""
    with several_canned(folder, users, users / _CHANGE_EVERY, servers) as serving:
        urls = [server.url for server in serving]
        reader, transport = presence_reader(urls, serving[0].ca_bundle, registrations)
        watched, everybody = _Watched(Observed({})), tuple(ids(users))
        following = asyncio.create_task(reader.follow(lambda: {"tenant": everybody}, _INTERVAL, watched.take))
        core = await watched.measured(seconds)
        counted = sum((Counter(server.counted()) for server in serving), Counter[str]())
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await transport.aclose()
        what = f"{users:,} users, {registrations} registrations, the reader alone"
        theirs = f"\n  the servers: {1_000 * counted['cpu'] / counted['requests']:.2f} ms CPU a request"
        return watched.told(what, core, counted["requests"] / (seconds + _WARM_UP), counted["throttled"]) + theirs


async def _floor(folder: Path, users: int, seconds: float) -> str:
    with canned(folder, users, users / _CHANGE_EVERY) as server:
        context = ssl.create_default_context(cafile=server.ca_bundle)
        bodies = [orjson.dumps({"ids": part}) for part in parts(users)]
        headers = {"Authorization": "Bearer " + "t" * 1_800, "Content-Type": "application/json"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:

            async def one(body: bytes) -> None:
                async with session.post(f"{server.url}/v1.0/", data=body, headers=headers) as answer:
                    orjson.loads(await answer.read())

            async def forever() -> None:
                due = time.perf_counter()
                async with asyncio.TaskGroup() as group:
                    for body in cycle(bodies):
                        group.create_task(one(body))
                        due += _INTERVAL / len(bodies)
                        await asyncio.sleep(max(0.0, due - time.perf_counter()))

            asking = asyncio.create_task(forever())
            core = await _Watched(Observed({})).measured(seconds)
            counted = server.counted()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        return _cost(f"{users:,} users, the floor", core, counted["requests"] / (seconds + _WARM_UP))


def main(seconds: float = 300.0) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), _ROWS, latency=0.0, api="graph", tenants=1, busy=True) as facts,
    ):
        print(asyncio.run(_service(Path(facts["settings"]), seconds)), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(_reader(Path(folder), _USERS, 1, 1, seconds)), flush=True)
        print(asyncio.run(_floor(Path(folder), _USERS, seconds)), flush=True)
        print(asyncio.run(_reader(Path(folder), 10 * _USERS, 10, 2, seconds)), flush=True)


if __name__ == "__main__":
    main(*(float(argument) for argument in sys.argv[1:2]))
