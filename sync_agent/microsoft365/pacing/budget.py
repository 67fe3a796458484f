"""One limit of Microsoft's: "so many units in any window of so many seconds".

The budget keeps what it spent in the last window and lets nobody exceed ``units × share`` in any window, so a quiet
budget may be spent at once and a busy one flows at the rate.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from sync_agent.microsoft365.errors import Throttled
from sync_agent.microsoft365.pacing.line import Line, Priority, Waiting
from sync_agent.microsoft365.pacing.window import Window

_log = structlog.get_logger()

PATIENCE = 120.0
"""Seconds that callers wait for a service that wants to be left alone; when it asks for more, they are told."""


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
        self._spent = Window(window)
        self._closed_until = 0.0
        self._line = Line()
        self._paid = Line()
        self._concurrency = concurrency
        self._in_flight = 0

    @property
    def rate(self) -> float:
        """Units a second that it lets through in the long run, as things stand now."""
        return self.limit / self.window

    def room(self) -> float:
        """Units that somebody who comes now could spend at once: none while it is closed, or for who is in line."""
        if self.closed_for():
            return 0.0
        return max(0.0, self.limit - self._spent.spent(self._clock()) - self._line.units())

    def closed_for(self) -> float:
        """Seconds until the budget opens again; 0 when it is open."""
        return max(0.0, self._closed_until - self._clock())

    async def spend(self, units: float = 1.0, patience: float = PATIENCE, priority: Priority = Priority.NORMAL) -> None:
        """Wait until the budget is open and has ``units`` left, and take them. A cancelled caller takes nothing.

        Who needs none, having paid before, waits for nobody's units. Raises Throttled when it is closed for longer than
        ``patience`` seconds.
        """
        with self._line_of(units).stand(priority, units) as mine:
            await self._served(mine, patience, places=False)

    @asynccontextmanager
    async def place(
        self, units: float = 1.0, patience: float = PATIENCE, priority: Priority = Priority.NORMAL
    ) -> AsyncIterator[None]:
        """The same, with one of the places in flight to hold. Both are had at one moment: what waited for a place with
        units in hand would go out later than the budget knows, and who waited for units would keep a place empty.
        """
        with self._line_of(units).stand(priority, units) as mine:
            await self._served(mine, patience, places=True)
            self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._paid.wake_first()
            self._line.wake_first()

    def close_for(self, seconds: float) -> None:
        """The service wants to be left alone: nobody spends until then."""
        until = self._clock() + seconds
        if until > self._closed_until:
            if self._closed_until <= self._clock():
                _log.warning("throttled", budget=self.name, seconds=round(seconds, 1))
            self._closed_until = until

    def _line_of(self, units: float) -> Line:
        if units > self.limit:
            raise ValueError(f"{units} units never fit into the budget of {self.name}: {self.limit} in {self.window} s")
        return self._line if units else self._paid

    async def _served(self, mine: Waiting, patience: float, *, places: bool) -> None:
        """Returns when it is this one's turn and what it needs is there; its units are then taken."""
        line = self._line_of(mine.units)
        while True:
            wait = self._patiently(patience)
            if line.first() is not mine:
                await mine.woken()
            elif wait := max(wait, self._full(mine.units)):
                await self._sleep(wait)
            elif places and self._in_flight >= self._concurrency:
                await mine.woken()
            else:
                break
        if mine.units:
            self._spent.take(mine.units, self._clock())

    def _patiently(self, patience: float) -> float:
        """Seconds until the budget opens again. Raises Throttled where that is too long."""
        seconds = self.closed_for()
        if seconds > patience:
            reason = f"{self.name} is throttled, and the service asks us to wait for long"
            raise Throttled(reason, retry_after=seconds)
        return seconds

    def _full(self, units: float) -> float:
        """Seconds until there is room for so many; 0 when there is."""
        return self._spent.wait(units, self.limit, self._clock()) if units else 0.0
