"""What was spent in the last so many seconds."""

from __future__ import annotations

from collections import deque

_PIECES = 200
"""The window is remembered in this many pieces. A piece counts until its youngest unit is a window old, which errs on
the slow side by at most a two-hundredth.
"""
_ROUNDING = 1e-6
_TICK = 0.001
"""Seconds. Sums of times are rounded, and a wait that rounds to nothing must not pass for none."""


class Window:
    """A sliding window of ``seconds``. Every ``now`` is in seconds of one clock that only grows."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._total = 0.0
        self._pieces: deque[tuple[float, float]] = deque()  # (time of the youngest unit, units), oldest first

    def spent(self, now: float) -> float:
        while self._pieces and self._pieces[0][0] <= now - self.seconds:
            self._total -= self._pieces.popleft()[1]
        if not self._pieces:
            self._total = 0.0  # sums of many fractions drift
        return self._total

    def wait(self, units: float, limit: float, now: float) -> float:
        """Seconds until so many more fit below the limit; 0 when they do, or when the window is empty."""
        excess = units + self.spent(now) - limit
        wait = 0.0
        for youngest, spent in self._pieces:
            if excess <= _ROUNDING:
                break
            excess -= spent
            wait = max(youngest + self.seconds - now, _TICK)
        return wait

    def take(self, units: float, now: float) -> None:
        """Negative ``units`` give back what turned out to be cheaper."""
        self._total += units
        piece = self.seconds / _PIECES
        if self._pieces and int(self._pieces[-1][0] / piece) == int(now / piece):
            units += self._pieces.pop()[1]
        self._pieces.append((now, units))
