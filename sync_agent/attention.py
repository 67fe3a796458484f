"""Whose presence is asked for next, where not everybody's can be as often as one would like.

A change is seen, on average, half a turn after it happened. Where somebody changes so many times an hour and is asked
every so many seconds, the time that his changes stay unseen is least, for all together, when everybody's turns are as
long as one over the square root of how often he changes. That comes about by itself where whoever has most
``changes an hour × age²`` is asked next. Beside it so many places of each request go to whoever was asked longest ago
that everybody's turn comes within the worst age by these alone.

Seconds are of a clock that only grows.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

_HOUR = 3_600.0
_MEMORY = _HOUR
"""Seconds after which a change counts for a third of what it did."""
_AWAKE, _GONE, _GONE_FOR_LONG = 6.0, 1.0, 1 / 8
"""Changes an hour that are expected of people whose own are not known."""
_LONG = 8 * _HOUR
_ASLEEP = frozenset({"Offline", "PresenceUnknown"})
_REVIEW = 600.0
"""Seconds after which it is looked at again how often somebody changes who does not."""
_SLOWEST, _FASTEST = -4, 8
"""Lanes: whoever changes 2 ** number times an hour."""

A_CHANGE = _HOUR / _MEMORY
"""What a change adds to somebody's changes an hour."""

_Urgency = Callable[[int, float], float]
"""Of a lane and an age."""

Reading = tuple[str, str]
"""Availability and activity, as Graph names them."""


def usual(availability: str | None, unchanged_for: float) -> float:
    """Changes an hour that are expected of somebody of whom no change is known; None: not even what he is."""
    if availability is None or availability not in _ASLEEP:
        return _AWAKE
    return _GONE_FOR_LONG if unchanged_for >= _LONG else _GONE


def faded(own: float, seconds: float) -> float:
    """What somebody's own changes an hour count for, so long after."""
    return own * math.exp(-seconds / _MEMORY)


@dataclass(slots=True, eq=False)
class _Person:
    id: str
    asked_at: float = -math.inf
    reading: Reading | None = None
    changed_at: float = -math.inf
    own: float = 0.0
    """Changes an hour, as of ``own_at``."""
    own_at: float = 0.0
    lane: int = _FASTEST
    review_at: float = -math.inf
    on_its_way: bool = False
    gone: bool = False
    """Not watched any more, but still in a lane."""

    def expected(self, now: float) -> float:
        """Changes an hour."""
        availability = None if self.reading is None else self.reading[0]
        return usual(availability, now - self.changed_at) + faded(self.own, now - self.own_at)

    def changes(self, reading: Reading, now: float) -> None:
        if self.reading is not None:  # what is read first is no change
            self.own = faded(self.own, now - self.own_at) + A_CHANGE
            self.own_at = self.changed_at = now
        self.reading = reading


class Attention:
    """``most``: of one request. ``worst_age`` and ``least_age``: seconds after which somebody should have been asked
    again, and before which it would be a waste.
    """

    def __init__(self, worst_age: float, least_age: float, most: int) -> None:
        self._worst_age = worst_age
        self._least_age = least_age
        self._most = most
        self._people: dict[str, _Person] = {}
        self._lanes: dict[int, deque[_Person]] = {lane: deque() for lane in range(_SLOWEST, _FASTEST + 1)}
        """Whoever was asked longest ago comes first. Who is being asked is in none."""

    def watch(self, ids: Iterable[str]) -> None:
        """These and nobody else; who is new comes first."""
        wanted = dict.fromkeys(ids)
        for id_ in self._people.keys() - wanted.keys():
            self._people.pop(id_).gone = True
        for id_ in wanted:
            if id_ not in self._people:
                person = self._people[id_] = _Person(id_)
                self._lanes[person.lane].appendleft(person)

    def is_on_its_way(self, id_: str) -> bool:
        """Whether a question about somebody who is watched is not answered yet."""
        return id_ in self._people and self._people[id_].on_its_way

    def oldest(self, now: float) -> float:
        """Seconds since somebody was asked for whose turn is to come; infinite while some never were."""
        return max((now - queue[0].asked_at for queue in self._lanes.values() if queue), default=0.0)

    def age_held(self, rate: float) -> float:
        """The worst age that so many requests a second can hold."""
        return max(self._worst_age, len(self._people) / (rate * self._most))

    def next(self, now: float, rate: float) -> list[str]:
        """The ids of the next request, of which ``rate`` a second are made; none where all are fresh.

        They are on their way from now on, until they are heard.
        """
        asked: list[_Person] = []
        in_turn = min(self._most, math.ceil(len(self._people) / (self._worst_age * rate)))
        self._take(asked, in_turn, now, _longest_ago)
        self._take(asked, self._most, now, _most_missed)
        for person in asked:
            person.asked_at = now
        return [person.id for person in asked]

    def heard(self, asked: Sequence[str], readings: Mapping[str, Reading], now: float) -> None:
        """What was answered about those who were ``asked``; nothing is known of whom ``readings`` leave out."""
        for id_ in asked:
            person = self._people.get(id_)
            if person is None or not person.on_its_way:
                continue  # not watched any more, or only since
            person.on_its_way = False
            reading = readings.get(id_)
            if reading is not None and reading != person.reading:
                person.changes(reading, now)
                person.review_at = now
            if now >= person.review_at:
                person.lane = min(_FASTEST, max(_SLOWEST, round(math.log2(person.expected(now)))))
                person.review_at = now + _REVIEW
            self._lanes[person.lane].append(person)

    def _take(self, asked: list[_Person], until: int, now: float, urgency: _Urgency) -> None:
        """From where it is most urgent, as long as it is nowhere more so."""
        while len(asked) < until:
            ripe = [
                (urgency(lane, now - queue[0].asked_at), lane)
                for lane, queue in self._lanes.items()
                if queue and now - queue[0].asked_at >= self._least_age
            ]
            if not ripe:
                return
            _, most_urgent = max(ripe)
            elsewhere = max((how for how, lane in ripe if lane != most_urgent), default=0.0)
            queue = self._lanes[most_urgent]
            while queue and len(asked) < until:
                age = now - queue[0].asked_at
                if age < self._least_age or urgency(most_urgent, age) < elsewhere:
                    break
                person = queue.popleft()
                if not person.gone:
                    person.on_its_way = True
                    asked.append(person)


def _longest_ago(lane: int, age: float) -> float:
    return age


def _most_missed(lane: int, age: float) -> float:
    return age * age * 2.0**lane
