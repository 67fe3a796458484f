"""How fast to go after the service said that it was too fast: down by half at once, up again by little steps.

Additive increase, multiplicative decrease (V. Jacobson, Congestion Avoidance and Control, 1988), and near the pace at
which it last went wrong the steps are small at first, as in S. Ha et al., CUBIC, 2008.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_FALL = 0.5
LEAST = 0.125
"""Slower than this share of the limit it never goes by experience alone: a service that wants less says for how long
it is to be left alone."""
_STEP = 0.25
"""Of the limit, in each quarter of a window, up to near the pace that failed."""
_NEAR = 0.95
"""Of what had been spent in the window when something was refused: at most that is known to be borne."""
_FEELING = 0.04
"""The first step from there; each next one is twice as long."""


@dataclass(frozen=True, slots=True)
class Pace:
    """``share`` of the limit at the moment ``since``; ``knee``: from where on it feels its way.

    Times are in quarters of a window.
    """

    share: float = 1.0
    since: float = 0.0
    knee: float = 1.0

    def at(self, now: float) -> float:
        """The share of the limit now; never falls by itself, never above 1."""
        steps = max(0.0, now - self.since)
        to_knee = max(0.0, self.knee - self.share) / _STEP
        if steps <= to_knee:
            return min(1.0, self.share + _STEP * steps)
        felt = _FEELING * (math.exp2(min(steps - to_knee, 10.0)) - 1.0)
        return min(1.0, max(self.knee, self.share) + felt)

    def ceiling(self, now: float) -> float:
        """The share of the limit that a window may hold: what it holds already has to leave it first."""
        return max(self.knee, self.at(now))


def recovery(window: float) -> tuple[float, float]:
    """What one refusal costs at the full pace: seconds until it is back, and the seconds' worth of the limit that are
    lost by then. ``window``: seconds of the limit.
    """
    pace, step, steps, lost = fallen(Pace(), 0.0), 0.01, 0, 0.0
    while (share := pace.at(steps * step)) < 1.0:
        lost += (1.0 - share) * step
        steps += 1
    return steps * step * window / 4, lost * window / 4


def fallen(pace: Pace, now: float, spent: float = 1.0) -> Pace:
    """After the service refused something for having been too fast; ``spent``: the share of the limit that the window
    held by then.
    """
    failed = pace.at(now)
    share = max(LEAST, failed * _FALL)
    return Pace(share, now, max(share, _NEAR * min(failed, spent)))
