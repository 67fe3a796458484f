"""When nothing of the list can be written: not every row finds that out for itself.

The list is then left alone for a while, doubled with each try, and tried with a few rows only, whatever pause each had
of its own. With the first row that is written again everything may be. Of turns that go on side by side only one tells
that the list fails: what the others met is no news.
"""

from __future__ import annotations

from dataclasses import dataclass

_MANY = 20
"""Rows that fail together, and none is written, before it is the list that fails."""
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 30.0
_MOST_DOUBLINGS = 10


@dataclass(slots=True)
class ListPause:
    """Seconds are those of one clock."""

    heard_of: int = 0
    """How often the list was found to answer or to fail."""
    _until: float = 0.0
    _times: int = 0

    @property
    def fails(self) -> bool:
        return self._times > 0

    def most(self, usual: int, now: float) -> int:
        """How many rows a turn may begin that else may begin ``usual``."""
        if not self._times:
            return usual
        return 0 if self._lasts(now) else min(usual, _MANY)

    def is_over(self, now: float) -> bool:
        """Whether it is time to try the list again."""
        return self._times > 0 and not self._lasts(now)

    def heard(self, answered: int, failed: int, now: float, *, heard_before: int) -> None:
        """Of how many rows of a turn the list said something, and how many failed. ``heard_before``: what ``heard_of``
        was when the turn began.
        """
        if answered:
            self._times = 0
        elif heard_before == self.heard_of and (failed >= _MANY or (failed and self._times)):
            self._until = now + min(_FIRST_PAUSE * 2 ** min(self._times, _MOST_DOUBLINGS), _LONGEST_PAUSE)
            self._times += 1
        else:
            return
        self.heard_of += 1

    def _lasts(self, now: float) -> bool:
        return 0 < self._until - now <= _LONGEST_PAUSE  # more than that: the clock was set back
