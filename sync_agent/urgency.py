"""Which of the rows that show something wrong are written next.

Writing is scarce, so each write goes where it removes most: verdicts first, for an anomaly keeps an agent from all
calls; then by importance × how long what is written will stay true. A value that will change again in a minute is
worth a minute, however long it has been waiting. So that nobody is starved, every twentieth place is for whoever
waits longest: where ``n`` rows have waited longer, a row is written within ``OLDEST_EVERY * (n + 1)`` writes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import IntEnum
from heapq import nlargest, nsmallest

from sync_agent.lasting import Lasting, Value
from sync_agent.model import Change, OurColumn, Struct
from sync_agent.plan import judged_values

OLDEST_EVERY = 20
"""Of so many places one is for the row that waits longest."""

_TAKES_CALLS = frozenset({"Available", "AvailableIdle"})
"""Availabilities, as Graph names them, in which an agent can take a call."""


class Kind(IntEnum):
    """What the row says wrongly, the least important first."""

    DETAIL = 1
    """Presence, but not whether the agent can take a call."""
    REACHABLE = 2
    """Whether the agent can take a call."""
    VERDICT = 3
    """An anomaly is new or cured, or whose row it is has changed."""


IMPORTANCE: Mapping[Kind, float] = {Kind.DETAIL: 1.0, Kind.REACHABLE: 2.0, Kind.VERDICT: 8.0}


class Owed(Struct, frozen=True):
    """A row that shows something else than what is true. Times are seconds of one clock."""

    row_id: int
    kind: Kind
    since: float
    """Since when what the row shows is wrong."""
    value: Value
    """The presence that it is to show."""
    stands_since: float
    """Since when that has been true."""


def takes_calls(availability: str) -> bool:
    """Whether an agent of this availability can take a call."""
    return availability in _TAKES_CALLS


def kind_of(change: Change) -> Kind:
    """What the change puts right."""
    if judged_values(change):
        return Kind.VERDICT
    shown = change.row.shown.presence
    wanted = change.values.get(OurColumn.PRESENCE, shown)
    return Kind.REACHABLE if takes_calls(str(wanted)) != takes_calls(shown) else Kind.DETAIL


def next_rows(owed: Collection[Owed], most: int, now: float, lasting: Lasting, served: int = 0) -> list[Owed]:
    """The ``most`` rows that go next, in their order. ``served``: how many went before, from which the places follow
    that are for whoever waits longest.
    """
    most = min(most, len(owed))
    for_oldest = (served + most) // OLDEST_EVERY - served // OLDEST_EVERY

    def urgency(each: Owed) -> tuple[bool, float, float]:
        left = lasting.left(each.value, now - each.stands_since)
        return each.kind is Kind.VERDICT, IMPORTANCE[each.kind] * left, -each.since

    urgent = nlargest(most - for_oldest, owed, key=urgency)
    taken = {each.row_id for each in urgent}
    oldest = nsmallest(for_oldest, (each for each in owed if each.row_id not in taken), key=_waiting)
    by_urgency, by_age = iter(urgent), iter(oldest)
    places = range(served + 1, served + most + 1)
    return [next(by_age) if place % OLDEST_EVERY == 0 else next(by_urgency) for place in places]


def _waiting(each: Owed) -> tuple[float, int]:
    return each.since, each.row_id
