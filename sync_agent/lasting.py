"""How much longer a presence will last, learnt from those that have ended.

For each presence, and for how long it has lasted already, the mean of what was still to come: somebody in a call for
ten seconds will be for minutes, somebody who has been offline for an hour will be for hours.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

Value = tuple[str, str]
"""Availability and activity, as Graph names them."""

_AGES = (0.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1_920.0, 3_600.0)
"""Seconds that a value has lasted: the steps at which what is still to come is learnt."""
_LONGEST = 3_600.0
"""Seconds. By then whatever was written is worth its write."""
_AT_FIRST = 300.0
"""Seconds, until something is known."""
_MEMORY = 500
"""Ends by which a mean goes: days differ."""
_MOST_VALUES = 200
"""Graph knows some dozens; a service that makes them up shall not fill the memory."""


@dataclass(slots=True)
class Lasting:
    _left: dict[Value, list[float]] = field(default_factory=dict)
    """Mean seconds that were still to come, by age."""
    _ends: dict[Value, list[int]] = field(default_factory=dict)

    def ended(self, value: Value, lasted: float) -> None:
        """A value has ended after so many seconds."""
        if value not in self._left:
            if len(self._left) >= _MOST_VALUES:
                return
            self._left[value] = [_AT_FIRST] * len(_AGES)
            self._ends[value] = [0] * len(_AGES)
        means, ends = self._left[value], self._ends[value]
        for step, age in enumerate(_AGES):
            if lasted < age:
                break
            ends[step] = min(ends[step] + 1, _MEMORY)
            means[step] += (min(lasted - age, _LONGEST) - means[step]) / ends[step]

    def left(self, value: Value, lasted: float) -> float:
        """Seconds that a value which has lasted so long is expected to last from now."""
        means = self._left.get(value)
        if means is None:
            return _AT_FIRST
        return means[max(0, bisect_right(_AGES, lasted) - 1)]
