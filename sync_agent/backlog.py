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
from sync_agent.model import Change, OurColumn, Presence, Row, Struct, Verdict
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


class _Entry(Struct, frozen=True):
    """What is to be written to a row, as it was last planned, and on what. All in one: it may be the whole list."""

    change: Change
    verdict: Verdict
    presence: Presence | None
    owed: Owed

    @property
    def user_id(self) -> str:
        return "" if self.verdict.user is None else self.verdict.user.id

    def is_on(self, basis: Basis) -> bool:
        row, verdict, presence = basis
        return self.change.row is row and self.verdict is verdict and self.presence is presence


@dataclass(slots=True)
class Backlog:
    """Rows by id. Seconds are those since 1970, of the clock by which presence is read."""

    flapping: Flapping = field(default_factory=lambda: Flapping(0.0))
    lasting: Lasting = field(default_factory=Lasting)
    _entries: dict[int, _Entry] = field(default_factory=dict)
    _waiting: dict[int, Basis] = field(default_factory=dict)
    _failures: dict[int, _Failure] = field(default_factory=dict)
    _served: int = 0

    def put(self, change: Change, basis: Basis, now: datetime) -> None:
        """The row differs, as planned on this basis."""
        (_, verdict, presence), row_id, kind = basis, change.row.id, kind_of(change)
        known = self._entries.get(row_id)
        stands_since = min(now if presence is None else presence.since, now).timestamp()
        began = now.timestamp() if kind is Kind.VERDICT else stands_since
        if known is not None:
            began = min(began, known.owed.since)
        self._waiting.pop(row_id, None)
        owed = Owed(row_id, kind, began, _value(change), stands_since)
        self._entries[row_id] = _Entry(change, verdict, presence, owed)

    def is_planned(self, row_id: int, basis: Basis, *, waiting: bool = False) -> bool:
        """Whether the row was planned on this very basis; with ``waiting``, or has to wait on it for an answer."""
        if (entry := self._entries.get(row_id)) is not None:
            return entry.is_on(basis)
        known = self._waiting.get(row_id) if waiting else None
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
        self._entries.pop(row_id, None)

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
        for row_id in (self._entries.keys() | self._waiting.keys()) - rows:
            self.drop(row_id)
        for row_id in self._failures.keys() - rows:
            del self._failures[row_id]

    def next(self, among: Iterable[int], most: int, now: datetime) -> list[int]:
        """What goes next: at most so many of the rows ``among``."""
        seconds = now.timestamp()
        entries = filter(None, map(self._entries.get, among))
        ready = [entry.owed for entry in entries if self._is_ready(entry, seconds)]
        chosen = next_rows(ready, most, seconds, self.lasting, self._served)
        self._served += len(chosen)
        return [each.row_id for each in chosen]

    def ordered(self, among: Iterable[int], now: datetime) -> list[int]:
        """All of the rows, the most urgent first, whether they are held back or not."""
        owed = [entry.owed for entry in filter(None, map(self._entries.get, among))]
        return [each.row_id for each in next_rows(owed, len(owed), now.timestamp(), self.lasting)]

    def ready(self, among: Iterable[int], now: datetime) -> int:
        """How many of the rows could go at once."""
        seconds = now.timestamp()
        return sum(self._is_ready(entry, seconds) for entry in filter(None, map(self._entries.get, among)))

    def among(self, row_ids: Iterable[int]) -> list[Change]:
        """The changes of these rows, as they were last planned."""
        return [entry.change for entry in filter(None, map(self._entries.get, row_ids))]

    def owed_since(self) -> dict[int, datetime]:
        """By row: since when what it shows is wrong."""
        return {row_id: datetime.fromtimestamp(each.owed.since, UTC) for row_id, each in self._entries.items()}

    def standing(self, now: datetime, rows_a_second: float) -> Backlogged:
        """``rows_a_second``: what the budget lets through in the long run."""
        oldest = min((each.owed.since for each in self._entries.values()), default=None)
        since = None if oldest is None else datetime.fromtimestamp(oldest, UTC)
        done_at = now + timedelta(seconds=len(self._entries) / rows_a_second) if rows_a_second > 0 else None
        return Backlogged(len(self._entries), since, done_at)

    def _is_ready(self, entry: _Entry, now: float) -> bool:
        if self._failures and self._waits(entry.owed.row_id, now):
            return False
        return entry.owed.kind is Kind.VERDICT or self.flapping.held_until(entry.user_id, now) is None

    def _waits(self, row_id: int, now: float) -> bool:
        failure = self._failures.get(row_id)
        return failure is not None and 0 < failure.until - now <= _LONGEST_PAUSE_REFUSED


def _value(change: Change) -> Value:
    shown, values = change.row.shown, change.values
    availability = values.get(OurColumn.PRESENCE, shown.presence)
    value = str(availability), str(values.get(OurColumn.ACTIVITY, shown.activity))
    return _values.setdefault(value, value) if len(_values) < _MOST_VALUES else value


_values: dict[Value, Value] = {}
_MOST_VALUES = 1_000
"""Each is kept once; of Graph's there are a few dozen."""
