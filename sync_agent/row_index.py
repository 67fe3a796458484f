"""The rows of a list, found by what makes the verdict on one rest on another.

Kept while rows come and go, in little memory: nearly every group has one row, and some lists have one value in all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sync_agent.duplicates import spelling_of
from sync_agent.judging import Standing
from sync_agent.model import Struct


class RowGroups:
    """Ids of rows by what they have in common. A group without rows is none."""

    __slots__ = ("_more", "_one")

    def __init__(self) -> None:
        self._one: dict[str, int] = {}
        self._more: dict[str, set[int]] = {}
        """Groups that have, or had, several."""

    def __contains__(self, key: str) -> bool:
        return key in self._one or key in self._more

    def of(self, key: str | None) -> Collection[int]:
        if key is None:
            return ()
        if key in self._more:
            return self._more[key]
        return (self._one[key],) if key in self._one else ()

    def add(self, key: str | None, row_id: int) -> None:
        """None: the row is in no such group."""
        if key is None:
            return
        if key in self._more:
            self._more[key].add(row_id)
        elif self._one.setdefault(key, row_id) != row_id:
            self._more[key] = {self._one.pop(key), row_id}

    def remove(self, key: str | None, row_id: int) -> None:
        """The row is in the group."""
        if key is None:
            return
        if key in self._one:
            del self._one[key]
            return
        self._more[key].remove(row_id)
        if not self._more[key]:
            del self._more[key]


class Place(Struct, frozen=True):
    """Where a row is found. ``means``: the name that its cell probably means; ``has``: the id of the user whom it has
    by UPN, and by whose ``account``; ``led``: the id of the user to whom it leads by another name.
    """

    spelling: str | None = None
    means: str | None = None
    has: str | None = None
    account: str = ""
    led: str | None = None

    @classmethod
    def of(cls, standing: Standing) -> Place:
        findings, found, user = standing.findings, standing.has, standing.leads_to
        spelling = spelling_of(findings.name)
        if found is not None:
            return cls(spelling, findings.candidate, found.user.id, found.account)
        return cls(spelling, findings.candidate, led=None if user is None else user.id)


_NOWHERE = Place()


class RowIndex:
    """``put`` rows; `concerned` then tells on whom that bears, once."""

    def __init__(self) -> None:
        self.by_user = RowGroups()
        """By id of the user whom rows have by UPN."""
        self._spelt = RowGroups()
        self._meaning = RowGroups()
        self._led = RowGroups()
        self._having = RowGroups()
        """By id in lower case, where that is another, of the user whom rows have by UPN."""
        self._looking = RowGroups()
        """By id in lower case of a user: rows whose verdict rests on whether a row has them."""
        self._looked_for: dict[int, frozenset[str]] = {}
        """By row, where there are any: the ids by which ``_looking`` has it."""
        self._places: dict[int, Place] = {}
        self._left: set[Place] = set()
        """From which rows went, or to which they came, since it was asked whom that concerns."""
        self._had: dict[str, bool] = {}
        """By id in lower case, of such rows: whether a row had that user before."""

    def put(self, row_id: int, standing: Standing | None) -> frozenset[str]:
        """None: the row is gone. Gives the ids of the users whom it had or has, where that changed."""
        before, now = self._places.get(row_id, _NOWHERE), _NOWHERE if standing is None else Place.of(standing)
        if standing is None:
            self.looks_for(row_id, frozenset())
        if before == now:
            return frozenset()
        for place in (before, now):
            if place.has is not None:
                self._had.setdefault(place.has.lower(), self.is_taken(place.has.lower()))
        self._move(row_id, before, now)
        self._left |= {before, now}
        return frozenset(place.has for place in (before, now) if place.has is not None)

    def looks_for(self, row_id: int, user_ids: frozenset[str]) -> None:
        """In lower case: on whether a row has these users the verdict rests."""
        before = self._looked_for.pop(row_id, frozenset())
        if user_ids:
            self._looked_for[row_id] = user_ids
        for id_ in before - user_ids:
            self._looking.remove(id_, row_id)
        for id_ in user_ids - before:
            self._looking.add(id_, row_id)

    def is_taken(self, user_id: str) -> bool:
        """``user_id``: in lower case."""
        return user_id in self._having or user_id in self.by_user

    def naming(self, name: str) -> Iterator[int]:
        """Rows with this name, and those that probably mean it."""
        yield from self._spelt.of(spelling_of(name))
        yield from self._meaning.of(name)

    def mates(self, row_id: int) -> Iterator[int]:
        """Rows of the same spelling or with the same user, itself among them."""
        place = self._places.get(row_id, _NOWHERE)
        yield from self._spelt.of(place.spelling)
        yield from self._with(place.has or place.led)

    def is_alone(self, row_id: int) -> bool:
        place = self._places.get(row_id, _NOWHERE)
        user = place.has or place.led
        return len(self._spelt.of(place.spelling)) < 2 and len(self.by_user.of(user)) + len(self._led.of(user)) < 2

    def concerned(self) -> set[int]:
        """Rows whose verdicts may be others for what was put since this was last asked."""
        left, self._left = self._left, set()
        had, self._had = self._had, {}
        found: set[int] = set()
        for place in left:
            found.update(self._spelt.of(place.spelling), self._with(place.has or place.led))
        for user_id, before in had.items():
            if before != self.is_taken(user_id):
                found.update(self._looking.of(user_id))
        return found

    def _with(self, user_id: str | None) -> Iterator[int]:
        yield from self.by_user.of(user_id)
        yield from self._led.of(user_id)

    def _move(self, row_id: int, before: Place, now: Place) -> None:
        for group, key in self._groups(before):
            group.remove(key, row_id)
        for group, key in self._groups(now):
            group.add(key, row_id)
        if now == _NOWHERE:
            del self._places[row_id]
        else:
            self._places[row_id] = now

    def _groups(self, place: Place) -> Iterator[tuple[RowGroups, str | None]]:
        yield self._spelt, place.spelling
        yield self._meaning, place.means
        yield self.by_user, place.has
        yield self._having, None if place.has is None else _other_in_lower_case(place.has)
        yield self._led, place.led


def _other_in_lower_case(user_id: str) -> str | None:
    """None: it is in lower case already, as Entra's ids are, and need not be kept twice."""
    lowered = user_id.lower()
    return None if lowered == user_id else lowered
