"""The presence of each user as it was last read, whichever way it came, and since when it is so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakSet

from sync_agent.jobs.beside_poll import BesidePoll
from sync_agent.microsoft365.presence import AnswerKey, Reading, Readings
from sync_agent.model import Presence
from sync_agent.pushing import Restlessness

News = Iterator[tuple[str, Presence | None]]
"""Ids of users whose presence is another, with what it was before; None: it was not known. Each is taken in as it is
drawn.
"""


@dataclass(slots=True)
class SeenPresences:
    by_user: dict[str, Presence] = field(default_factory=dict)
    restlessness: Restlessness = field(default_factory=Restlessness)
    """How often each user's presence changed lately."""
    _answers: WeakSet[AnswerKey] = field(default_factory=WeakSet)
    """Of the answers that ``by_user`` was made of, as long as more news may come to them."""
    _beside: BesidePoll = field(default_factory=BesidePoll)

    def put_rounds(self, parts: Sequence[Readings], read_at: datetime, is_watched: Callable[[str], object]) -> News:
        """What a sweep, or a part of one, read. Of an answer whose predecessor was put here only the news are looked
        at, and one that was put here itself has none: 15,000 comparisons in each sweep would cost as much as decoding
        the answers.
        """
        for part in parts:
            if part.key in self._answers:
                readings: Mapping[str, Reading] = {}
            else:
                readings = part.news if part.before in self._answers else part.every
            yield from self._put(self._beside.weighed(part, readings, read_at, rounds=True), read_at, is_watched)
            self._answers.add(part.key)

    def put_beside(self, parts: Sequence[Readings], read_at: datetime, is_watched: Callable[[str], object]) -> News:
        """What was read beside the rounds."""
        for part in parts:
            self._beside.note(part.every, read_at)
            yield from self._put(self._beside.weighed(part, part.every, read_at, rounds=False), read_at, is_watched)

    def watch_others(self, gone: Iterable[str]) -> None:
        """Other users are watched than before, and these not any more: every answer is looked at whole again."""
        for user_id in gone:
            self.by_user.pop(user_id, None)
            self._beside.forget(user_id)
            self.restlessness.forget(user_id)
        self._answers.clear()

    def _put(self, readings: Mapping[str, Reading], read_at: datetime, is_watched: Callable[[str], object]) -> News:
        for user_id, reading in readings.items():
            known = self.by_user.get(user_id)
            if not is_watched(user_id) or (known is not None and reading == (known.availability, known.activity)):
                continue
            if known is not None:
                self.restlessness.changed(user_id, read_at.timestamp())
            self.by_user[user_id] = Presence(*reading, since=read_at)
            yield user_id, known
