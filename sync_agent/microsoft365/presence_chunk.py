"""A part of the watched users that is asked for in one request, and what it answered last.

Nearly all of an answer is as it was the last time. Only what differs costs more than a look: an answer comes with its
news and with the name of the answer that they are news to, so that whoever has seen that one needs no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil

import msgspec
import orjson

from sync_agent.microsoft365.errors import Garbled
from sync_agent.microsoft365.transport import Answer

MOST_IDS = 650
"""Of one getPresencesByUserId."""
UNKNOWN = ("PresenceUnknown", "PresenceUnknown")
_SILENCE_NOT_BELIEVED = 10
"""From this many ids on, an answer that names none of them is no answer."""

Reading = tuple[str, str]
"""Availability and activity, as Graph names them."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What a chunk answered. ``every`` id of it has a reading; ``news`` are those that differ from the answer whose
    ``key`` is ``before``; None where there is none.
    """

    every: Mapping[str, Reading]
    news: Mapping[str, Reading]
    before: object | None = None
    key: object = field(default_factory=object)


def without_history(readings: Mapping[str, Reading]) -> Readings:
    return Readings(readings, readings)


class _Presence(msgspec.Struct, gc=False):
    id: str
    availability: str
    activity: str


class _Presences(msgspec.Struct):
    value: list[_Presence]


class Chunk:
    """The request body is made once. An answer equal to the last, byte for byte, is not even decoded."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = tuple(ids)
        self.body = orjson.dumps({"ids": self.ids})
        self._raw = b""
        self._readings = without_history({})
        self._answered: dict[str, _Presence] | None = None
        """By the ids as the answer wrote them: Graph may use another case, or leave some out."""
        self._ours: dict[str, str] = {}
        """Our ids by those."""

    def take(self, answer: Answer) -> Readings:
        """Raises Garbled where the answer is not one to this question."""
        if answer.body != self._raw:
            answered = {presence.id: presence for presence in answer.json(_Presences).value}
            if self._answered is None or answered.keys() != self._answered.keys():
                self._take_all(answered)
            elif answered != self._answered:
                self._take_news(answered, self._answered)
            self._answered, self._raw = answered, answer.body
        return self._readings

    def halves(self) -> tuple[Chunk, Chunk]:
        middle = len(self.ids) // 2
        return Chunk(self.ids[:middle]), Chunk(self.ids[middle:])

    def _take_news(self, answered: Mapping[str, _Presence], before: Mapping[str, _Presence]) -> None:
        """The answer names the same ids as the one before."""
        changed = (presence for id_, presence in answered.items() if presence != before[id_])
        news = {self._ours[presence.id]: _shared(presence) for presence in changed if presence.id in self._ours}
        self._readings = Readings({**self._readings.every, **news}, news, self._readings.key)

    def _take_all(self, answered: Mapping[str, _Presence]) -> None:
        """Ids that were left out have no presence; ids that nobody asked for are passed over."""
        by_key = {id_.lower(): presence for id_, presence in answered.items()}
        named = {id_: by_key[id_.lower()] for id_ in self.ids if id_.lower() in by_key}
        if not named and len(self.ids) >= _SILENCE_NOT_BELIEVED:
            raise Garbled(f"asked for {len(self.ids)} presences, Graph gave none of them")
        self._ours = {presence.id: id_ for id_, presence in named.items()}
        self._readings = without_history({id_: _shared(named[id_]) if id_ in named else UNKNOWN for id_ in self.ids})


def _shared(presence: _Presence) -> Reading:
    """Few pairs occur, so all users share them: 15,000 tuples would keep the garbage collector busy."""
    pair = (presence.availability, presence.activity)
    return _pairs.setdefault(pair, pair) if len(_pairs) < _MOST_PAIRS else pair


_pairs: dict[Reading, Reading] = {}
_MOST_PAIRS = 1_000
"""Of Graph's values there are a few dozen pairs; whoever sends more is not kept."""


def divided(ids: Sequence[str]) -> list[Chunk]:
    """As few chunks as possible, of even size."""
    number = ceil(len(ids) / MOST_IDS)
    bounds = [len(ids) * index // number for index in range(number + 1)] if number else []
    return [Chunk(ids[start:end]) for start, end in pairwise(bounds)]
