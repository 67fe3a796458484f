"""How much was spent in a sliding window."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable

Window = tuple[float, float]
"""Units, seconds."""


class Meter:
    """Sliding windows by key."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: defaultdict[str, deque[tuple[float, float]]] = defaultdict(deque)
        self._total: defaultdict[str, float] = defaultdict(float)

    def charge(self, key: str, window: Window, units: float) -> tuple[float, float]:
        """Spend; returns (share of the limit used, seconds until there is room again, 0 when within the limit)."""
        limit, seconds = window
        now = self._clock()
        spent = self._spent[key]
        while spent and spent[0][0] <= now - seconds:
            self._total[key] -= spent.popleft()[1]
        spent.append((now, units))
        self._total[key] += units
        share = self._total[key] / limit
        return share, max(1.0, spent[0][0] + seconds - now) if share > 1 else 0.0
