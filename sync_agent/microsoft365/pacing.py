"""One budget for each limit that Microsoft states; every caller of a limit goes through its one budget.

A limit is "so many units in any window of so many seconds". The budget keeps what it spent in the last window and lets
nobody exceed ``units × share`` in any window, so a quiet budget may be spent at once and a busy one flows at the rate.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

import structlog

from sync_agent.microsoft365.errors import Throttled

_log = structlog.get_logger()

PATIENCE = 120.0
"""Seconds that callers wait for a service that wants to be left alone; when it asks for more, they are told."""
_PIECES = 200
"""The window is remembered in this many pieces. A piece counts until its youngest unit is a window old, which errs on
the slow side by at most a two-hundredth.
"""
_ROUNDING = 1e-6
_TICK = 0.001
"""Seconds. Sums of times are rounded, and a wait that rounds to nothing must not pass for none."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that only grow, and how to wait for some: what pacing, retries and sign-ins go by."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


REAL_TIME = Timing()


class Budget:
    """``units`` in any ``window`` (seconds), of which ``share`` is ours; at most ``concurrency`` requests in flight."""

    def __init__(
        self,
        name: str,
        units: float,
        window: float,
        *,
        share: float = 1.0,
        concurrency: int = 32,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.limit = units * share
        self.window = window
        self._clock = clock
        self._sleep = sleep
        self._spent: deque[tuple[float, float]] = deque()  # (time of the youngest unit, units), oldest first
        self._closed_until = 0.0
        self._turn = asyncio.Lock()  # FIFO: whoever waits for units keeps later callers behind
        self._slots = asyncio.Semaphore(concurrency)

    async def spend(self, units: float = 1.0, patience: float = PATIENCE) -> None:
        """Wait until the budget is open and has ``units`` left, and take them. A cancelled caller takes nothing.

        Who needs none, having paid before, waits for nobody's units. Raises Throttled when it is closed for longer than
        ``patience`` seconds.
        """
        if units > self.limit:
            raise ValueError(f"{units} units never fit into the budget of {self.name}: {self.limit} in {self.window} s")
        self._closed(patience)
        async with self._turn if units else nullcontext():
            while (wait := max(self._closed(patience), self._full(units))) > 0:
                await self._sleep(wait)
            if units:
                self._take(units)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the places in flight."""
        async with self._slots:
            yield

    def close_for(self, seconds: float) -> None:
        """The service wants to be left alone: nobody spends until then."""
        until = self._clock() + seconds
        if until > self._closed_until:
            if self._closed_until <= self._clock():
                _log.warning("throttled", budget=self.name, seconds=round(seconds, 1))
            self._closed_until = until

    def _closed(self, patience: float) -> float:
        """Seconds until the budget opens again; 0 when it is open."""
        seconds = max(0.0, self._closed_until - self._clock())
        if seconds > patience:
            reason = f"{self.name} is throttled, and the service asks us to wait for long"
            raise Throttled(reason, retry_after=seconds)
        return seconds

    def _full(self, units: float) -> float:
        """Seconds until there is room for so many; 0 when there is."""
        now = self._clock()
        while self._spent and self._spent[0][0] <= now - self.window:
            self._spent.popleft()
        excess = units + sum(spent for _, spent in self._spent) - self.limit
        wait = 0.0
        for youngest, spent in self._spent:
            if excess <= _ROUNDING:
                break
            excess -= spent
            wait = max(youngest + self.window - now, _TICK)
        return wait

    def _take(self, units: float) -> None:
        now = self._clock()
        piece = self.window / _PIECES
        if self._spent and int(self._spent[-1][0] / piece) == int(now / piece):
            units_before = self._spent.pop()[1]
            self._spent.append((now, units_before + units))
        else:
            self._spent.append((now, units))
