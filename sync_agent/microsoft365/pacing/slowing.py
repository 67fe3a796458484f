"""How much slower than its limit a budget goes, by what the service says."""

from __future__ import annotations

from sync_agent.microsoft365.pacing.pace import LEAST, Pace, fallen
from sync_agent.microsoft365.pacing.told import Told, share_left


class Slowing:
    """Every ``now`` is in seconds of one clock; ``window``: seconds of the limit.

    Whoever goes slower than the limit goes evenly: each unit is followed by the time that it takes at that pace.
    """

    def __init__(self, window: float) -> None:
        self._quarter = window / 4
        self._window = window
        self._pace = Pace()
        self._went_through = True
        self._hint = 1.0
        self._hint_until = 0.0
        self._next = 0.0

    def share(self, now: float) -> float:
        """Of the limit's rate, from above 0 to 1."""
        share = self._pace.at(now / self._quarter)
        return min(share, self._hint) if now < self._hint_until else share

    def slow(self, now: float) -> bool:
        return self.share(now) < 1.0

    def why(self, now: float) -> str:
        if now < self._hint_until and self._hint < self._pace.at(now / self._quarter):
            return "the service says that its limit is nearly used up"
        return "the service refused requests, and the rate grows again step by step"

    def ceiling(self, now: float) -> float:
        """Of the limit, what a window may hold."""
        return self._pace.ceiling(now / self._quarter)

    def throttled(self, now: float, spent: float) -> bool:
        """Something was refused; ``spent``: the share of the limit in the window. Whether it goes slower now.

        Until something has gone through since, that is still the same trouble, not proof that the slower pace is too
        fast as well.
        """
        if not self._went_through:
            return False
        self._went_through = False
        self._pace = fallen(self._pace, now / self._quarter, spent)
        self._next = max(self._next, now)
        return True

    def went_through(self) -> None:
        self._went_through = True

    def hear(self, told: Told, rate: float, now: float) -> None:
        """``rate``: units a second of the whole limit."""
        if told.used is not None:
            self._slow_to(share_left(told.used), now, self._window)
        if told.remaining is not None and told.reset:
            self._slow_to(max(LEAST, told.remaining / told.reset / rate), now, told.reset)

    def wait(self, now: float) -> float:
        return max(0.0, self._next - now)

    def took(self, units: float, rate: float, now: float) -> None:
        """What the service said of its limit holds until that begins anew: units that take longer go faster then."""
        share, pace = self.share(now), self._pace.at(now / self._quarter)
        if share < 1.0:
            begins = max(self._next, now)
            slowly = min(units / (rate * share), max(0.0, self._hint_until - begins)) if share < pace else 0.0
            self._next = begins + slowly + max(0.0, units - slowly * rate * share) / (rate * pace)

    def _slow_to(self, share: float, now: float, seconds: float) -> None:
        """The newest word counts."""
        self._hint, self._hint_until = min(1.0, share), now + seconds
