"""A part of the watched users that is asked for in one request, and what it answered last.

Nearly all of an answer is as it was the last time. Only what differs costs more than a look: an answer comes with its
news and with the name of the answer that they are news to, so that whoever has seen that one needs no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil

import msgspec
import orjson

from sync_agent.microsoft365.errors import UNREADABLE, Garbled
from sync_agent.microsoft365.transport import Answer

MOST_IDS = 650
"""Of one getPresencesByUserId."""
UNKNOWN = ("PresenceUnknown", "PresenceUnknown")
_SILENCE_NOT_BELIEVED = 10
"""From this many ids on, an answer that names none of them is no answer."""

Reading = tuple[str, str]
"""Availability and activity, as Graph names them."""


class AnswerKey:
    """The name of an answer: itself, and nothing else."""

    __slots__ = ("__weakref__",)


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What a chunk answered. ``every`` id of it has a reading; ``news`` are those that differ from the answer whose
    ``key`` is ``before``; None where there is none.
    """

    every: Mapping[str, Reading]
    news: Mapping[str, Reading]
    before: AnswerKey | None = None
    key: AnswerKey = field(default_factory=AnswerKey)


def without_history(readings: Mapping[str, Reading]) -> Readings:
    return Readings(readings, readings)


class _Presence(msgspec.Struct, gc=False):
    id: str
    availability: str
    activity: str


class _Presences(msgspec.Struct):
    value: list[_Presence]


class Chunk:
    """The request body is made once. An answer that is the last one byte for byte says nothing new. Of any other only
    the presences that are written otherwise than last time are decoded: it is cut up, and the pieces compared as a set,
    whatever their order (docs/decisions/0024).
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = tuple(ids)
        self.body = orjson.dumps({"ids": self.ids})
        self._readings = without_history({})
        self._answer = b""
        """The last one, as it came."""
        self._written: frozenset[bytes] = frozenset()
        """The presences of the last answer as they were written; empty where they could not be told apart."""
        self._ours: dict[str, str] = {}
        """Our ids by those of the last answer: Graph may use another case."""

    def take(self, answer: Answer) -> Readings:
        """Raises Garbled where the answer is not one to this question."""
        if answer.body != self._answer:
            written = _apart(answer.body)
            if (written != self._written or not written) and not self._take_news(written):
                self._take_all(answer, written)
            self._answer = answer.body
        return self._readings

    def halves(self) -> tuple[Chunk, Chunk]:
        middle = len(self.ids) // 2
        return Chunk(self.ids[:middle]), Chunk(self.ids[middle:])

    def _take_news(self, written: frozenset[bytes]) -> bool:
        """False where the answer must be decoded as a whole, as one that names others than the last one did."""
        if not self._written or len(written) != len(self._written):
            return False
        try:
            before, now = _decoded(self._written - written), _decoded(written - self._written)
        except UNREADABLE:
            return False
        if before.keys() != now.keys():
            return False
        news = {self._ours[id_]: _shared(now[id_]) for id_ in now if now[id_] != before[id_] and id_ in self._ours}
        if news:
            self._readings = Readings({**self._readings.every, **news}, news, self._readings.key)
        self._written = written
        return True

    def _take_all(self, answer: Answer, written: frozenset[bytes]) -> None:
        """Ids that were left out have no presence; ids that nobody asked for are passed over."""
        presences = answer.json(_Presences).value
        by_key = {presence.id.lower(): presence for presence in presences}
        named = {id_: by_key[id_.lower()] for id_ in self.ids if id_.lower() in by_key}
        if not named and len(self.ids) >= _SILENCE_NOT_BELIEVED:
            raise Garbled(f"asked for {len(self.ids)} presences, Graph gave none of them")
        self._ours = {id_ if presence.id == id_ else presence.id: id_ for id_, presence in named.items()}
        self._readings = without_history({id_: _shared(named[id_]) if id_ in named else UNKNOWN for id_ in self.ids})
        self._written = written if len(written) == len(presences) == len(by_key) else frozenset()


def _apart(body: bytes) -> frozenset[bytes]:
    """The members of the array in it without their braces; where one holds an array of objects it comes in pieces."""
    return frozenset(body[body.find(b"[{") + 2 : body.rfind(b"}]")].split(b"},{"))


def _decoded(written: Iterable[bytes]) -> dict[str, _Presence]:
    body = b"},{".join(written)
    presences = _decoder.decode(b"[{%b}]" % body) if body else []
    return {presence.id: presence for presence in presences}


_decoder = msgspec.json.Decoder(list[_Presence])


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
