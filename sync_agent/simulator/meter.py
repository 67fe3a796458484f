"""How much was spent in a sliding window."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

Window = tuple[float, float]
"""Units, seconds."""


@dataclass(frozen=True, slots=True)
class Charged:
    """``share`` of the limit that is used; seconds until some of it is free again; seconds until the limit is no longer
    exceeded, 0 while it is not."""

    share: float
    resets_in: float
    wait: float


@dataclass(slots=True)
class _Spent:
    total: float = 0.0
    when: deque[tuple[float, float]] = field(default_factory=deque)

    def freed(self, over: float) -> float:
        """When so much will have been spent longest ago."""
        for moment, units in self.when:
            over -= units
            if over <= 0:
                return moment
        return self.when[-1][0]


class Meter:
    """Sliding windows by key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: defaultdict[str, _Spent] = defaultdict(_Spent)
        self.charged: defaultdict[str, float] = defaultdict(float)
        """Ever since the start, by key."""

    def charge(self, key: str, window: Window, units: float) -> Charged:
        """Spend, also beyond the limit: a throttled request counts too."""
        limit, seconds = window
        now = self._clock()
        spent = self._spent[key]
        while spent.when and spent.when[0][0] <= now - seconds:
            spent.total -= spent.when.popleft()[1]
        spent.when.append((now, units))
        spent.total += units
        self.charged[key] += units
        over = spent.total - limit
        wait = spent.freed(over) + seconds - now if over > 0 else 0.0
        return Charged(spent.total / limit, spent.when[0][0] + seconds - now, wait)
