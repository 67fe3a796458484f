"""Whose presence Graph is asked to tell of by itself, where it tells of few, and when that is to be asked anew.

Graph tells each account of so many users at most. They are those who are expected to change most often, and whoever
was chosen before stays where others are not clearly livelier: to choose others, Graph must be told to stop and to
begin again, and tells of nobody in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from sync_agent.attention import A_CHANGE, faded, usual

_LIVELIER = 2.0
"""So many times as often must somebody be expected to change to take another's place."""

LIFETIME = timedelta(minutes=55)
"""Asked for: Graph allows an hour, by its own clock."""
RENEWED_EVERY = timedelta(minutes=5)
"""So soon is it found out, too, that Graph dropped a subscription without a word."""
SETTLED = timedelta(minutes=15)
CHOSEN_ANEW = timedelta(minutes=45)
_MUCH = 0.1
"""The part of those who are wanted whom a subscription may lack until it is ``CHOSEN_ANEW``."""


@dataclass(slots=True)
class Restlessness:
    """How often users' presence changed lately: by id, changes an hour as of a time, in seconds."""

    _own: dict[str, tuple[float, float]] = field(default_factory=dict)

    def changed(self, user_id: str, now: float) -> None:
        own, at = self._own.get(user_id, (0.0, now))
        self._own[user_id] = (faded(own, max(0.0, now - at)) + A_CHANGE, now)

    def expected(self, user_id: str, availability: str | None, unchanged_for: float, now: float) -> float:
        """Changes an hour."""
        own, at = self._own.get(user_id, (0.0, now))
        return usual(availability, unchanged_for) + faded(own, max(0.0, now - at))

    def forget(self, user_id: str) -> None:
        self._own.pop(user_id, None)


def chosen(expected: Mapping[str, float], before: Mapping[str, frozenset[str]], most: int) -> dict[str, frozenset[str]]:
    """The users that each account is to be told of: ``most`` for each, nobody twice.

    ``expected``: changes an hour by user id; ``before``: the users by account, for every account, now.
    """
    was = {id_: account for account, ids in before.items() for id_ in ids}

    def rank(id_: str) -> tuple[float, str]:
        return (-expected[id_] * (_LIVELIER if id_ in was else 1.0), id_)

    liveliest = sorted(expected, key=rank)[: most * len(before)]
    dealt: dict[str, list[str]] = {account: [] for account in before}
    for id_ in liveliest:
        if id_ in was:
            dealt[was[id_]].append(id_)
    _fill(dealt, (id_ for id_ in liveliest if id_ not in was), most)
    return {account: frozenset(ids) for account, ids in dealt.items()}


def _fill(dealt: Mapping[str, list[str]], ids: Iterable[str], most: int) -> None:
    """Each account had ``most`` at most before, so that there is room for all."""
    for id_ in ids:
        emptiest = min(dealt, key=lambda account: (len(dealt[account]), account))
        if len(dealt[emptiest]) < most:
            dealt[emptiest].append(id_)


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription that Graph was last known to keep."""

    users: frozenset[str]
    made_at: datetime
    renewed_at: datetime
    expires: datetime


class Step(Enum):
    NONE = auto()
    MAKE = auto()
    RENEW = auto()
    REPLACE = auto()
    END = auto()


def step(standing: Standing | None, wanted: frozenset[str], now: datetime, *, challenged: bool = False) -> Step:
    """What is to be done about a subscription now; ``challenged``: Graph asked to have it authorized again."""
    if standing is None or standing.expires <= now:
        return Step.MAKE if wanted else Step.NONE
    if not wanted:
        return Step.END
    lacking, age = len(wanted - standing.users), now - standing.made_at
    if (lacking and age >= CHOSEN_ANEW) or (lacking > _MUCH * len(wanted) and age >= SETTLED):
        return Step.REPLACE
    return Step.RENEW if challenged or now - standing.renewed_at >= RENEWED_EVERY else Step.NONE
