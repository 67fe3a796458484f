"""Presence that was read by another way than the rounds in which everybody is asked for.

Two things could go wrong. An answer that was asked for before somebody's change was told may come after it: it must
not set him back. And of a round's answer only its news are looked at: what was told meanwhile is no news to it, and
would stay whatever the round says. So whoever was told of is compared in every answer for a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync_agent.microsoft365.presence import Reading, Readings

_WATCHED_FOR = timedelta(minutes=2)
"""Longer than any answer takes."""


@dataclass(slots=True)
class BesidePoll:
    """By user id: when he was told of first, of late, and when last."""

    _told: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)

    def note(self, user_ids: Iterable[str], at: datetime) -> None:
        """``at``: a moment at which what was told of them was true, as far as that is known."""
        for id_ in user_ids:
            _, last = self._told.get(id_, (at, at))
            self._told[id_] = (at, max(last, at))

    def weighed(
        self, part: Readings, readings: Mapping[str, Reading], read_at: datetime, *, rounds: bool
    ) -> Mapping[str, Reading]:
        """What of an answer counts, where ``readings`` are its news. ``rounds``: whether it is one of the rounds'.

        Only they let go of somebody, and each looks at him first: his news are then news to what is known.
        """
        if not self._told:
            return readings
        counts = dict(readings)
        for id_, (first, last) in list(self._told.items()):
            if id_ not in part.every:
                continue
            if read_at < last:
                counts.pop(id_, None)
                continue
            counts[id_] = part.every[id_]
            if rounds and read_at - first > _WATCHED_FOR:
                del self._told[id_]
        return counts

    def forget(self, user_id: str) -> None:
        self._told.pop(user_id, None)
