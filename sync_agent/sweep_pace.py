"""How fast everybody's presence is asked for in turn: whose turn it is, when the next is, and what holds it up.

Seconds are of a clock that only grows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_NOTICED = 1.25
"""An interval that is so many times as long as it should be is no mere jitter."""
_MANY = 0.5
AT_ONCE = 0.05
"""Seconds of lateness that are made up for at once."""
_STANDS = 10.0
"""Seconds that a change must last before it is told."""


class Limit(StrEnum):
    REQUESTS = "the limit of presence requests"
    THROTTLED = "Microsoft 365 throttles us"
    ANSWERS = "slow answers"
    MACHINE = "this machine"


@dataclass(frozen=True, slots=True)
class Pace:
    """The seconds between two questions about the same user: wanted, held, and what keeps the one from the other."""

    wanted: float
    held: float
    limited_by: Limit | None = None


def pace(wanted: float, parts: int, rate: float) -> Pace:
    """The shortest interval in which each of ``parts`` can be asked for once, where ``rate`` requests a second are
    allowed.
    """
    by_limit = parts / rate
    return Pace(wanted, wanted) if by_limit <= wanted else Pace(wanted, by_limit, Limit.REQUESTS)


def seen(aim: Pace, gaps: Sequence[float], waited_for: int) -> Pace:
    """What came of it. ``gaps``: of each part the seconds between its last two questions; ``waited_for``: how many had
    not answered when their turn came. Where less than half of the parts are late, they are so by themselves.
    """
    usual = sorted(gaps)[(len(gaps) - 1) // 2]
    if usual <= aim.held * _NOTICED:
        return aim
    return Pace(aim.wanted, usual, Limit.ANSWERS if waited_for >= len(gaps) * _MANY else Limit.MACHINE)


def worst(aim: Pace, oldest: float, waited_for: float) -> Pace:
    """The same where not everybody is asked equally often: ``aim`` is for the worst age, ``oldest`` the worst there is,
    infinite at the very beginning, and ``waited_for`` the share of all users of whom an answer is on its way.
    """
    if oldest <= aim.held * _NOTICED or math.isinf(oldest):
        return aim
    return Pace(aim.wanted, oldest, Limit.ANSWERS if waited_for >= _MANY else Limit.MACHINE)


class Wheel:
    """The parts come round in turn, spread evenly over the interval.

    What a busy loop held up is caught up at twice the pace at most, so never as a volley, and no more than one round. A
    loop that comes some hundredths of a second late each time, as under many others, makes up for those at once.
    """

    def __init__(self) -> None:
        self._part = -1
        self._due: float | None = None
        self._next = -math.inf

    def begins(self, parts: int) -> bool:
        """Whether the next turn is the first of a round."""
        return (self._part + 1) % parts == 0

    def turn(self, now: float, parts: int, interval: float) -> int:
        """The number of the part whose turn it is."""
        step = interval / parts
        self._part = (self._part + 1) % parts
        due = now if self._due is None else max(self._due, now - interval)
        self._due = due + step
        self._next = max(self._due, max(self._next, now - AT_ONCE) + step / 2)
        return self._part

    def wait(self, now: float) -> float:
        """Seconds until the next turn."""
        return max(0.0, self._next - now)

    def rest(self) -> None:
        """The next turn begins a round, at once."""
        self._part, self._due = -1, None


class Telling:
    """Says a change of pace once, and only where it lasts: that something else limits it, or the limit much more or
    much less. How slow slow answers are changes all the time.
    """

    def __init__(self) -> None:
        self._told: Pace | None = None
        self._other_since: float | None = None

    def is_news(self, now: float, this: Pace) -> bool:
        if self._is_as_told(this):
            self._other_since = None
            return False
        if self._other_since is None:
            self._other_since = now
        if now - self._other_since < _STANDS:
            return False
        self._told, self._other_since = this, None
        return True

    def _is_as_told(self, this: Pace) -> bool:
        if self._told is None:
            return this.limited_by is None
        if this.limited_by is not Limit.REQUESTS:
            return this.limited_by is self._told.limited_by
        return self._told.limited_by is Limit.REQUESTS and self._told.held / 2 < this.held < self._told.held * 2
