"""`python -m bench stalls`: what holds the event loop up while the service runs, and for how long.

While the loop is held, nothing is read, written or renewed. A thread beside it looks on: what it finds running when the
loop is late is to blame. CPU time of the loop's own thread is counted, so that a busy machine is not taken for a stall.
The service runs here, as `sync-agent run` runs it but for shorter intervals; the world is a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from bench.served import Served, served
from sync_agent.garbage import leave_out_what_is_loaded, seldom
from sync_agent.progress import Silent
from sync_agent.scheduler import run
from sync_agent.service import Service, open_service
from sync_agent.settings import load

_BEAT = 0.005
"""Seconds between two beats of the loop, and between two looks at it."""
_LATE = 0.03
"""Seconds from which on it is told what held the loop up."""
_START = 25.0
"""Seconds in which the list is read for the first time and everybody asked about; told apart from what follows."""
_SCHEDULE = """
schedule: {presence: 500ms, read_list: 5s, read_whole_list: 25s, resolve_users: 15s, resolve_everybody: 60s}
"""


@dataclass(slots=True)
class Stalls:
    """Seconds for which the loop was held, the longest by what was to blame."""

    longest: dict[str, float] = field(default_factory=dict)
    collected: list[float] = field(default_factory=list)
    """Seconds of each collection of garbage. In one, nobody can look on."""
    _collects_since: float = 0.0
    _beats: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _loop: int = field(default_factory=threading.get_ident)

    async def beat(self) -> None:
        while not self._over.is_set():
            self._beats += 1
            await asyncio.sleep(_BEAT)

    def look_on(self) -> None:
        """In another thread, until `end`."""
        clock = time.pthread_getcpuclockid(self._loop)
        beats, began, blamed = self._beats, time.clock_gettime(clock), ""
        while not self._over.wait(_BEAT):
            held = time.clock_gettime(clock) - began
            if beats == self._beats and held < _LATE:
                continue
            if beats == self._beats:
                blamed = blamed or _blamed(sys._current_frames()[self._loop])
                self.longest[blamed] = max(held, self.longest.get(blamed, 0.0))
            else:
                beats, began, blamed = self._beats, time.clock_gettime(clock), ""

    def end(self) -> None:
        self._over.set()

    def collecting(self, phase: str, _info: dict[str, int]) -> None:
        """Called by the interpreter around each collection of garbage, which may be to blame whatever is running."""
        if phase == "start":
            self._collects_since = time.thread_time()
        else:
            took = time.thread_time() - self._collects_since
            self.collected.append(took)


def _blamed(frame: FrameType | None) -> str:
    """What of ours the loop has called: the outermost three."""
    calls = []
    while frame is not None:
        place = Path(frame.f_code.co_filename)
        if "sync_agent" in place.parts and "scheduler" not in place.parts:
            calls.append(f"{place.stem}.{frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(calls[-3:]) or "not ours"


async def _watched(service: Service, facts: Served, seconds: float) -> tuple[Stalls, Stalls]:
    """At the start, and in the ``seconds`` that follow, in which users change."""
    await service.context.edges.agent_list.provision(dry_run=False)
    stop = asyncio.Event()
    leave_out_what_is_loaded()
    running = asyncio.create_task(run(service, stop))
    start = await _look(asyncio.sleep(_START))
    then = await _look(_changes(facts, seconds))
    stop.set()
    await running
    return start, then


async def _changes(facts: Served, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.to_thread(facts.change_users, 7)
        await asyncio.sleep(10)


async def _look(meanwhile: Coroutine[Any, Any, None]) -> Stalls:
    stalls = Stalls()
    gc.callbacks.append(stalls.collecting)
    beating = asyncio.create_task(stalls.beat())
    looking = asyncio.create_task(asyncio.to_thread(stalls.look_on))
    await meanwhile
    stalls.end()
    gc.callbacks.remove(stalls.collecting)
    await asyncio.gather(beating, looking)
    return stalls


def _print(title: str, stalls: Stalls) -> None:
    print(f"{title}: longest {max(stalls.longest.values(), default=0.0) * 1000:.0f} ms")
    garbage = ", ".join(f"{took * 1000:.0f}" for took in sorted(stalls.collected, reverse=True)[:5])
    print(f"{garbage} ms: the longest of {len(stalls.collected)} collections of garbage")
    for blamed, held in sorted(stalls.longest.items(), key=lambda item: -item[1])[:12]:
        print(f"{held * 1000:>8.0f} ms  {blamed}")


async def _run(facts: Served, seconds: float) -> None:
    async with open_service(load(Path(facts["settings"])), progress=Silent()) as service:
        start, then = await _watched(service, facts, seconds)
    _print("From the start until everybody was asked about", start)
    _print(f"In the {seconds:.0f} s that follow, with users that change", then)


def main(rows: int = 15_000, seconds: float = 90.0) -> None:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), rows, latency=0.02, api="graph") as facts:
        settings = Path(facts["settings"])
        settings.write_text(f"{settings.read_text()}{_SCHEDULE}")
        seldom()
        asyncio.run(_run(facts, seconds))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
