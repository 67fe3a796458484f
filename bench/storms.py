"""`python -m bench storms`: the service while Microsoft 365 throttles, is slow, and cuts answers off.

The embedded Microsoft 365 keeps its limits all the while, so what it refuses by itself are budgets exceeded; and it
notes every request that comes before the Retry-After of an earlier refusal of the same limit is over.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bench.soak_world import Life
from sync_agent.progress import Silent
from sync_agent.scheduler import run
from sync_agent.service import open_service
from sync_agent.settings import load
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lab import write_settings
from sync_agent.simulator.messy import build
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import World

_ROWS = 400
_CALM = 30.0
_STORM = 30.0
_AFTER = 60.0
"""Seconds within which all is to be fresh again."""
_RETRY_AFTER = 3.0
_UNDER_WAY = 0.25
"""Seconds after a refusal in which requests may still come that had left before it was heard."""
_LIMITED = r"^(GET|POST|PATCH) /(v1\.0|sites)/(?!\$batch)"


@dataclass(slots=True)
class Refusing:
    """Every seventh request is refused for some seconds; who comes too early is noted."""

    on: bool = False
    seen: int = 0
    refused: int = 0
    early: int = 0
    _until: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def answer(self, call: Call, truly: Truly) -> Reply:
        key = (_limit(call.path), call.headers.get("authorization", ""))
        now = time.monotonic()
        since, until = self._until.get(key, (0.0, 0.0))
        self.early += since + _UNDER_WAY < now < until
        self.seen += 1
        if not self.on or self.seen % 7:
            return truly(call)
        self.refused += 1
        if now >= until:
            self._until[key] = now, now + _RETRY_AFTER
        return Reply(429, b"", {"content-type": "text/html", "retry-after": f"{_RETRY_AFTER:g}"})


def _limit(path: str) -> str:
    if "getPresencesByUserId" in path:
        return "presence"
    return "list" if "/sites/" in path else "directory"


def _throttle(world: World, refusing: Refusing) -> None:
    refusing.on = True


def _slow(world: World, refusing: Refusing) -> None:
    world.faults.clear()
    world.faults.add(".", delay=5.0)


def _cut(world: World, refusing: Refusing) -> None:
    world.faults.clear()
    world.faults.add(".", cut=True, every=10)


_STORMS: dict[str, Callable[[World, Refusing], None]] = {
    "refuses every seventh, Retry-After 3 s": _throttle,
    "takes 5 s for each answer": _slow,
    "cuts every tenth answer off": _cut,
}


def _calm(world: World, refusing: Refusing) -> None:
    world.faults.clear()
    refusing.on = False
    world.faults.add(_LIMITED, instead=refusing.answer)


def _line(name: str, seconds: float, life: Life, world: World, refusing: Refusing) -> None:
    told = life.told()
    ages, waiting = told["ages"], told["waiting"]
    p95 = statistics.quantiles(ages, n=20)[18] if len(ages) > 1 else 0.0
    counts = f"{refusing.refused:>9}{refusing.early:>7}{world.requests['throttled']:>10}"
    print(f"{name:42}{seconds:>5.0f} s{len(ages):>8}{p95:>9.1f}{max(waiting, default=0):>10.1f}{counts}", flush=True)


async def _weather(settings: Path, world: World) -> None:
    refusing = Refusing()
    async with open_service(load(settings), progress=Silent()) as service:
        await service.context.edges.agent_list.provision(dry_run=False)
        stop = asyncio.Event()
        running = asyncio.create_task(run(service, stop))
        await asyncio.sleep(_CALM)
        life = Life(world)
        threading.Thread(target=life.run, daemon=True).start()
        for name, break_loose in _STORMS.items():
            _calm(world, refusing)
            await asyncio.sleep(_CALM / 3)
            _line("calm", _CALM / 3, life, world, refusing)
            break_loose(world, refusing)
            await asyncio.sleep(_STORM)
            _line(name, _STORM, life, world, refusing)
            _calm(world, refusing)
            await asyncio.sleep(_AFTER)
            _line("a minute later", _AFTER, life, world, refusing)
        for budget in service.context.budgets:
            seen = budget.snapshot()
            print(f"{seen.name:32}{seen.rate / (seen.limit / seen.window):>7.0%} of its rate  {seen.why}")
        stop.set()
        await running


def main() -> None:
    logging.getLogger().setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"{'':47}{'shown':>8}{'age p95':>9}{'waiting':>10}{'refused':>9}{'early':>7}{'exceeded':>10}")
    world = build(_ROWS, 1)
    with tempfile.TemporaryDirectory() as folder, Simulator(world, folder=Path(folder)):
        settings = write_settings(world, Path(folder), "graph")
        settings.write_text(f"{settings.read_text()}schedule: {{presence: 1s, read_list: 20s, resolve_users: 30s}}\n")
        asyncio.run(_weather(settings, world))


if __name__ == "__main__":
    main()
