"""A long limit beside a short one, such as SharePoint's of 24 hours beside that of a minute."""

from __future__ import annotations

DAY = 86_400.0
AT_HAND = 0.25
"""Of a day's units, what may be spent as fast as the short limit lets it; the other three quarters flow in evenly.

So no 24 hours ever hold more than the limit, wherever they begin; a shift of eight hours may be spent at the full rate
of the minute; and after that a steady three quarters remain, never nothing until midnight.
"""
_OUTLOOK = 3_600.0


class Reserve:
    """``units`` in any 24 hours. It is full at first. Every ``now`` is in seconds of one clock that only grows."""

    def __init__(self, units: float) -> None:
        self._most = units * AT_HAND
        self.inflow = units * (1.0 - AT_HAND) / DAY
        """Units a second."""
        self.level = self._most
        self._at: float | None = None

    def wait(self, units: float, now: float) -> float:
        """Seconds until so many are there, or as many as there ever are."""
        self._flow(now)
        missing = min(units, self._most) - self.level
        return max(0.0, missing / self.inflow) if missing > 1e-6 else 0.0

    def take(self, units: float, now: float) -> None:
        self._flow(now)
        self.level -= units

    def lacks(self, units: float, now: float) -> None:
        """So many are missing until it is full."""
        self._flow(now)
        self.level = self._most - units

    def is_empty(self, now: float) -> None:
        """Whoever kept to the limit before had at least nothing left, so this much is never too much."""
        self.lacks(self._most, now)

    def room(self, now: float) -> float:
        self._flow(now)
        return max(0.0, self.level)

    def rate(self, now: float) -> float:
        """Units a second that it lasts for in the next hour."""
        self._flow(now)
        return self.inflow + max(0.0, self.level) / _OUTLOOK

    def _flow(self, now: float) -> None:
        if self._at is not None:
            self.level = min(self._most, self.level + self.inflow * (now - self._at))
        self._at = now
