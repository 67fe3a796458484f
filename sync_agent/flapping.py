"""Presence that flaps is held back once: it is shown a little later, never hidden."""

from __future__ import annotations

from dataclasses import dataclass, field

_MANY = 5_000
"""Users whose last change is remembered before those are forgotten that changed too long ago to matter."""


@dataclass(slots=True)
class Flapping:
    """Of users by id. ``damping`` and all times are seconds of one clock.

    A change that comes within ``damping`` of the one before is held until ``damping`` after it came; further changes
    within that time extend nothing. So no presence is shown later than ``damping`` after it was true for the first
    time, and a user who flaps costs one write in that time.
    """

    damping: float
    _changed: dict[str, float] = field(default_factory=dict)
    """When each user's presence last changed, as far as that may matter."""
    _until: dict[str, float] = field(default_factory=dict)
    _purge_at: int = _MANY

    def changed(self, user_id: str, at: float) -> None:
        """The user's presence changed; that it was seen for the first time is no change."""
        before = self._changed.get(user_id)
        self._changed[user_id] = at
        if before is not None and 0 <= at - before < self.damping and self.held_until(user_id, at) is None:
            self._until[user_id] = at + self.damping
        if len(self._changed) > self._purge_at:
            self._changed = {id_: when for id_, when in self._changed.items() if 0 <= at - when < self.damping}
            self._until = {id_: until for id_, until in self._until.items() if at < until}
            self._purge_at = max(_MANY, 2 * len(self._changed))  # else it would be gone through at each change

    def held_until(self, user_id: str, now: float) -> float | None:
        """None where nothing is held (any longer)."""
        until = self._until.get(user_id)
        if until is None:
            return None
        if 0 < until - now <= 2 * self.damping:  # more than that: the clock was set back
            return until
        del self._until[user_id]
        return None
