"""The rows that show something else than what is true, and since when: what is still to be written.

A row is in it from the moment it was planned and found to differ until it was written, or shows by itself what is true
again, which costs nothing. Between, it may be held back for a while: since its user flaps, or since its write failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sync_agent.flapping import Flapping
from sync_agent.lasting import Lasting, Value
from sync_agent.model import Change, OurColumn, Presence, Row, Verdict
from sync_agent.urgency import Kind, Owed, kind_of, next_rows

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
"""Seconds until a row whose write failed is tried again, doubled with each failure."""
_FIRST_PAUSE_REFUSED, _LONGEST_PAUSE_REFUSED = 30.0, 900.0
"""The same where the service refused it: it is locked, or we may not write it."""
_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Backlogged:
    """How much is still to be written. ``done_at``: when all is expected to be, None where nothing is let through."""

    rows: int
    oldest: datetime | None
    done_at: datetime | None


@dataclass(slots=True)
class _Failure:
    until: float
    times: int
    waits: bool = True


Basis = tuple[Row, Verdict, Presence | None]
"""What a row's change was planned on: as long as these are the very same, planning it again changes nothing."""


@dataclass(slots=True)
class Backlog:
    """Rows by id. Seconds are those since 1970, of the clock by which presence is read."""

    flapping: Flapping = field(default_factory=lambda: Flapping(0.0))
    lasting: Lasting = field(default_factory=Lasting)
    changes: dict[int, Change] = field(default_factory=dict)
    """What is to be written, as it was last planned."""
    _owed: dict[int, Owed] = field(default_factory=dict)
    _basis: dict[int, Basis] = field(default_factory=dict)
    _waiting: dict[int, Basis] = field(default_factory=dict)
    _user_of: dict[int, str] = field(default_factory=dict)
    _failures: dict[int, _Failure] = field(default_factory=dict)
    _served: int = 0

    def put(self, change: Change, basis: Basis, now: datetime) -> None:
        """The row differs, as planned on this basis."""
        (_, verdict, presence), row_id, kind = basis, change.row.id, kind_of(change)
        known = self._owed.get(row_id)
        stands_since = min(now if presence is None else presence.since, now).timestamp()
        began = now.timestamp() if kind is Kind.VERDICT else stands_since
        if known is not None:
            began = min(began, known.since)
        self._waiting.pop(row_id, None)
        self.changes[row_id], self._basis[row_id] = change, basis
        self._owed[row_id] = Owed(row_id, kind, began, _value(change), stands_since)
        self._user_of[row_id] = "" if verdict.user is None else verdict.user.id

    def is_planned(self, row_id: int, basis: Basis, *, waiting: bool = False) -> bool:
        """Whether the row was planned on this very basis; with ``waiting``, or has to wait on it for an answer."""
        known = self._basis.get(row_id) or (self._waiting.get(row_id) if waiting else None)
        return known is not None and all(was is now for was, now in zip(known, basis, strict=True))

    def wait(self, row_id: int, basis: Basis) -> None:
        """Not all that the row depends on was asked for yet."""
        self.drop(row_id)
        self._waiting[row_id] = basis

    def changed(self, user_id: str, before: Presence, at: datetime) -> None:
        """A user has another presence than ``before``."""
        self.lasting.ended((before.availability, before.activity), (at - before.since).total_seconds())
        self.flapping.changed(user_id, at.timestamp())

    def drop(self, row_id: int) -> None:
        """The row shows what is true, or is gone."""
        self._waiting.pop(row_id, None)
        if self._owed.pop(row_id, None) is not None:
            del self.changes[row_id], self._user_of[row_id], self._basis[row_id]

    def written(self, row_id: int) -> None:
        self.drop(row_id)
        self._failures.pop(row_id, None)

    def failed(self, row_id: int, now: datetime, *, refused: bool) -> None:
        """The row's write failed; ``refused``: repeating it at once is of no use."""
        times = self._failures[row_id].times + 1 if row_id in self._failures else 0
        first, longest = (_FIRST_PAUSE_REFUSED, _LONGEST_PAUSE_REFUSED) if refused else (_FIRST_PAUSE, _LONGEST_PAUSE)
        pause = min(first * 2 ** min(times, _MOST_DOUBLINGS), longest)
        self._failures[row_id] = _Failure(now.timestamp() + pause, times)

    def forgive(self) -> None:
        """The whole list was read: whatever failed may be tried at once."""
        self._failures.clear()

    def hurry(self) -> None:
        """It was the list that failed: rows whose write did are due at once."""
        for failure in self._failures.values():
            failure.until, failure.times = 0.0, 0

    def due(self, now: datetime) -> list[int]:
        """Rows whose write failed, and for which it is time to be tried again: each is told once."""
        rows = [id_ for id_, each in self._failures.items() if each.waits and not self._waits(id_, now.timestamp())]
        for row_id in rows:
            self._failures[row_id].waits = False
        return rows

    def keep(self, rows: Set[int]) -> None:
        """Whatever else was in the list is gone."""
        for row_id in (self._owed.keys() | self._waiting.keys()) - rows:
            self.drop(row_id)
        for row_id in self._failures.keys() - rows:
            del self._failures[row_id]

    def next(self, among: Iterable[int], most: int, now: datetime) -> list[int]:
        """What goes next: at most so many of the rows ``among``."""
        seconds = now.timestamp()
        ready = [self._owed[row_id] for row_id in among if row_id in self._owed and self._is_ready(row_id, seconds)]
        chosen = next_rows(ready, most, seconds, self.lasting, self._served)
        self._served += len(chosen)
        return [each.row_id for each in chosen]

    def ordered(self, among: Iterable[int], now: datetime) -> list[int]:
        """All of the rows, the most urgent first, whether they are held back or not."""
        owed = [self._owed[row_id] for row_id in among if row_id in self._owed]
        return [each.row_id for each in next_rows(owed, len(owed), now.timestamp(), self.lasting)]

    def ready(self, among: Iterable[int], now: datetime) -> int:
        """How many of the rows could go at once."""
        return sum(row_id in self._owed and self._is_ready(row_id, now.timestamp()) for row_id in among)

    def among(self, row_ids: Iterable[int]) -> list[Change]:
        """The changes of these rows, as they were last planned."""
        return [self.changes[row_id] for row_id in row_ids if row_id in self._owed]

    def owed_since(self) -> dict[int, datetime]:
        """By row: since when what it shows is wrong."""
        return {row_id: datetime.fromtimestamp(each.since, UTC) for row_id, each in self._owed.items()}

    def standing(self, now: datetime, rows_a_second: float) -> Backlogged:
        """``rows_a_second``: what the budget lets through in the long run."""
        oldest = min((each.since for each in self._owed.values()), default=None)
        since = None if oldest is None else datetime.fromtimestamp(oldest, UTC)
        done_at = now + timedelta(seconds=len(self._owed) / rows_a_second) if rows_a_second > 0 else None
        return Backlogged(len(self._owed), since, done_at)

    def _is_ready(self, row_id: int, now: float) -> bool:
        if self._waits(row_id, now):
            return False
        owed = self._owed[row_id]
        return owed.kind is Kind.VERDICT or self.flapping.held_until(self._user_of[row_id], now) is None

    def _waits(self, row_id: int, now: float) -> bool:
        failure = self._failures.get(row_id)
        return failure is not None and 0 < failure.until - now <= _LONGEST_PAUSE_REFUSED


def _value(change: Change) -> Value:
    shown, values = change.row.shown, change.values
    availability = values.get(OurColumn.PRESENCE, shown.presence)
    return str(availability), str(values.get(OurColumn.ACTIVITY, shown.activity))
