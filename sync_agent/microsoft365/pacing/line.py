"""Who is served next: the more urgent first, and among equals whoever came first."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count


class Priority(IntEnum):
    """Whoever is more urgent is always served first: BACKGROUND may wait for as long as there is anything else."""

    URGENT = 0
    NORMAL = 1
    BACKGROUND = 2


@dataclass(slots=True, order=True)
class Waiting:
    priority: Priority
    number: int
    units: float = field(compare=False)
    _woken: asyncio.Event = field(default_factory=asyncio.Event, compare=False)

    def wake(self) -> None:
        self._woken.set()

    async def woken(self) -> None:
        """Until something changed that may let this one go on."""
        await self._woken.wait()
        self._woken.clear()


class Line:
    """Those who wait. Whoever leaves, served or not, wakes who is first now."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._numbers = count()

    @contextmanager
    def stand(self, priority: Priority, units: float) -> Iterator[Waiting]:
        mine = Waiting(priority, next(self._numbers), units)
        insort(self._waiting, mine)
        try:
            yield mine
        finally:
            self._waiting.remove(mine)
            self.wake_first()

    def first(self) -> Waiting | None:
        return self._waiting[0] if self._waiting else None

    def wake_first(self) -> None:
        if self._waiting:
            self._waiting[0].wake()

    def units(self) -> float:
        """What they all wait for."""
        return sum(waiting.units for waiting in self._waiting)

    def by_priority(self) -> dict[Priority, int]:
        return dict(Counter(waiting.priority for waiting in self._waiting))
