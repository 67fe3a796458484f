"""Time in the hands of a test: clocks that it moves, and a loop whose time passes only while everybody waits."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

Clock = Callable[[], float]


class Seconds:
    """Stand still until a test moves them."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class SleptBy(Seconds):
    """Who sleeps by them wakes when his time has come."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self._slept = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        wake = asyncio.Event()
        self._sleepers.append((self.now + seconds, wake))
        self._slept.set()
        await wake.wait()

    async def asleep(self) -> None:
        """Until somebody sleeps."""
        await asyncio.wait_for(self._slept.wait(), 10)

    async def advance(self, seconds: float) -> None:
        """Let time pass, once somebody sleeps."""
        await self.asleep()
        self.now += seconds
        due = [wake for until, wake in self._sleepers if until <= self.now]
        self._sleepers = [(until, wake) for until, wake in self._sleepers if until > self.now]
        if not self._sleepers:
            self._slept.clear()
        for wake in due:
            wake.set()


class Skipping:
    """Real seconds, but for waits, which are skipped: whoever would sleep puts the clock forward."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self._skipped

    async def sleep(self, seconds: float) -> None:
        self._skipped += max(0.0, seconds)
        await asyncio.sleep(0)


class TimeOfDay:
    """The same as a date and time, in UTC."""

    def __init__(self, now: datetime = datetime(2026, 11, 25, 8, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


class _Selector(selectors.SelectSelector):
    """Nobody waits: a wait for a timer moves the clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for something that never comes")
        events = super().select(0)
        if not events:
            self.now += timeout
        return events


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _Selector) -> None:
        super().__init__(selector)
        self._hurried = selector

    def time(self) -> float:
        return self._hurried.now


def hurry(work: Callable[[Clock], Coroutine[Any, Any, T]]) -> T:
    """Run ``work``, given the clock, to its end. Fails when everybody waits in vain."""
    loop = _Loop(_Selector())
    try:
        return loop.run_until_complete(work(loop.time))
    finally:
        loop.close()
