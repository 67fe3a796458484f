"""One limit of Microsoft's: "so many units in any window of so many seconds".

The budget keeps what it spent in the last window and lets nobody exceed ``units × share`` in any window, so a quiet
budget may be spent at once and a busy one flows at the rate. It believes the service over itself: what answers say of
the limit, and that something was refused, slow it down (docs/decisions/0023-how-budgets-are-spent.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from sync_agent.microsoft365.errors import Throttled
from sync_agent.microsoft365.pacing.line import Line, Priority, Waiting
from sync_agent.microsoft365.pacing.reserve import Reserve
from sync_agent.microsoft365.pacing.slowing import Slowing
from sync_agent.microsoft365.pacing.told import told
from sync_agent.microsoft365.pacing.window import Window

_log = structlog.get_logger()

PATIENCE = 120.0
"""Seconds that callers wait for a service that wants to be left alone; when it asks for more, they are told."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A budget at one moment. Units of the limit; ``rate`` a second; ``closed_for`` seconds; ``why`` it is slower than
    its limit, "" where it is not; ``stated``: units that the service itself names as the whole limit, where it did.
    ``spent``: in the window; ``total``: since the start; ``of_day``: units of 24 hours at hand, where they are limited.
    """

    name: str
    limit: float
    window: float
    rate: float
    spent: float
    total: float
    of_day: float | None
    waiting: Mapping[Priority, int]
    in_flight: int
    closed_for: float
    why: str
    stated: float | None


class Budget:
    """``units`` in any ``window`` (seconds), of which ``share`` is ours; at most ``concurrency`` requests in flight.

    ``day``: units in any 24 hours, where that is limited too.
    """

    def __init__(
        self,
        name: str,
        units: float,
        window: float,
        *,
        share: float = 1.0,
        day: float | None = None,
        concurrency: int = 32,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.key = name
        """What it is called among services that share it."""
        self.spenders = 1
        """Services that share the limit, this one included."""
        self.window = window
        self._units = units
        self._share = share
        self._stated: float | None = None
        self._reserve = Reserve(day * share) if day is not None else None
        self._slowing = Slowing(window)
        self._said_slow = False
        self._clock = clock
        self._sleep = sleep
        self._spent = Window(window)
        self._total = 0.0
        self._closed_until = 0.0
        self._line = Line()
        self._paid = Line()
        self._concurrency = concurrency
        self._in_flight = 0

    @property
    def limit(self) -> float:
        """Units in a window that are ours."""
        return self._share * min(self._units, self._stated or self._units) / self.spenders

    @property
    def rate(self) -> float:
        """Units a second that it lets through in the long run, as things stand now."""
        now = self._clock()
        rate = self._slowing.share(now) * self.limit / self.window
        return rate if self._reserve is None else min(rate, self._reserve.rate(now) / self.spenders)

    @property
    def is_slow(self) -> bool:
        """Whether it goes slower than its limit, by what the service said: whatever is taken is waited for after."""
        return self._slowing.slow(self._clock())

    def room(self) -> float:
        """Units that somebody who comes now could spend at once: none while it is closed, or for who is in line."""
        now = self._clock()
        if self.closed_for() or self._slowing.wait(now):
            return 0.0
        room = self.limit * self._slowing.ceiling(now) - self._spent.spent(now)
        if self._reserve is not None:
            room = min(room, self._reserve.room(now) / self.spenders)
        return max(0.0, room - self._line.units())

    @property
    def total(self) -> float:
        """Units spent since the start."""
        return self._total

    @property
    def day_inflow(self) -> float | None:
        """Units a second that come into the reserve of 24 hours; None where they are not limited."""
        return None if self._reserve is None else self._reserve.inflow

    def know_of_day(self, missing: float, total: float) -> None:
        """The reserve of 24 hours lacks so many units by all that anybody spent, this one's ``total`` included."""
        if self._reserve is not None:
            self._reserve.lacks(missing + (self._total - total) * self.spenders, self._clock())

    def know_nothing_of_day(self) -> None:
        """Others may have spent all that is at hand of 24 hours: what flows in is left."""
        if self._reserve is not None:
            self._reserve.is_empty(self._clock())

    def snapshot(self) -> Snapshot:
        now = self._clock()
        return Snapshot(
            name=self.name,
            limit=self.limit,
            window=self.window,
            rate=self.rate,
            spent=self._spent.spent(now),
            total=self._total,
            of_day=None if self._reserve is None else self._reserve.room(now) / self.spenders,
            waiting=self._line.by_priority(),
            in_flight=self._in_flight,
            closed_for=self.closed_for(),
            why=self._why(),
            stated=self._stated,
        )

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
        """The service refused something and wants to be left alone: nobody spends until then, and slower after it."""
        now = self._clock()
        was_open = self._closed_until <= now
        self._closed_until = max(self._closed_until, now + seconds)
        if was_open:
            slower = self._slowing.throttled(now, self._spent.spent(now) / self.limit)
            self._said_slow = self._said_slow or slower
            rate = round(self.rate * self.window, 1)
            _log.warning("throttled", budget=self.name, seconds=round(seconds, 1), then=f"{rate} in {self.window:g} s")

    def divide(self, spenders: int) -> None:
        """So many services share the limit; each takes its part, and of the day's what it spends counts that many times
        over, as the others are taken to spend as much.
        """
        self.spenders = spenders

    def resize(self, units: float) -> None:
        """The whole limit turned out to be another than was assumed."""
        self._units = units

    def went_through(self) -> None:
        """The service did not refuse something that was counted against this limit."""
        self._slowing.went_through()

    def hear(self, headers: Mapping[str, str], charged: float | None = None) -> None:
        """What an answer says of the limit; header names in lower case. ``charged``: what was spent for it, to be put
        right where the answer says what it really cost; None where that cannot be compared.
        """
        now, said = self._clock(), told(headers)
        if said.limit is not None and said.limit != self._stated:
            self._state(said.limit)
        if said.cost is not None and charged:
            self._take(said.cost - charged, now)
        self._slowing.hear(said, self.limit / self.window, now)
        if self._said_slow and not self._slowing.slow(now):
            self._said_slow = False
            _log.info("throttling_over", budget=self.name)

    def _line_of(self, units: float) -> Line:
        most = self._units * self._share  # one that was planned before the limit turned out to be lower goes out alone
        if units > most:
            raise ValueError(f"{units} units never fit into the budget of {self.name}: {most} in {self.window} s")
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
            now = self._clock()
            self._slowing.took(mine.units, self.limit / self.window, now)
            self._take(mine.units, now)

    def _take(self, units: float, now: float) -> None:
        self._spent.take(units, now)
        self._total += units
        if self._reserve is not None:
            self._reserve.take(units * self.spenders, now)

    def _state(self, limit: float) -> None:
        """The service names its limit: where it is the lower one, ours was wrong."""
        self._stated = limit
        if limit < self._units:
            advice = "set pacing.sharepoint_units_per_minute to what the service states"
            _log.warning("limit_is_lower", budget=self.name, configured=self._units, stated=limit, advice=advice)

    def _why(self) -> str:
        now = self._clock()
        if self.closed_for():
            return "the service asked to be left alone"
        if self._slowing.slow(now):
            return self._slowing.why(now)
        if self._reserve is not None and self.rate < self.limit / self.window:
            return "the units of 24 hours are nearly spent"
        return "the service states a lower limit" if self._stated and self._stated < self._units else ""

    def _patiently(self, patience: float) -> float:
        """Seconds until the budget opens again. Raises Throttled where that is too long."""
        seconds = self.closed_for()
        if seconds > patience:
            reason = f"{self.name} is throttled, and the service asks us to wait for long"
            raise Throttled(reason, retry_after=seconds)
        return seconds

    def _full(self, units: float) -> float:
        """Seconds until there is room for so many; 0 when there is."""
        if not units:
            return 0.0
        now = self._clock()
        wait = max(self._spent.wait(units, self.limit * self._slowing.ceiling(now), now), self._slowing.wait(now))
        return wait if self._reserve is None else max(wait, self._reserve.wait(units * self.spenders, now))
