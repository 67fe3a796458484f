"""How old what the list shows is: the age of every shown presence, and the share of the rows that are right.

Ages are seconds. What a row shows is as old as the latest moment at which it is known to have been true: that of the
last reading of its user's presence, where the row shows what was read; else that of the last reading before the change
that it does not show yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import inf

LASTING = 60.0
"""Seconds for which a promise must be missed before it is told, and kept before that is over."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A row. ``read_at``: when its user's presence was last read, None where it never was; ``owed_since``: since when
    something else is true than what it shows, as far as is known, None where it shows what is true.
    """

    has_user: bool
    read_at: datetime | None = None
    owed_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Freshness:
    """Of ``rows``: how many are ``right``, and how many have a user who was ``never_read``. The ages (seconds) are of
    rows that have a user whose presence was read, or that are not right; None where there are none.
    """

    rows: int = 0
    right: int = 0
    never_read: int = 0
    p50: float | None = None
    p95: float | None = None
    longest: float | None = None

    @property
    def share_right(self) -> float:
        """Of all rows; an empty list is right."""
        return self.right / self.rows if self.rows else 1.0


def freshness(rows: Iterable[Shown], now: datetime, interval: float | None) -> Freshness:
    """``interval``: seconds between two readings of one user, as held: so much earlier than it was read a change may
    have come. None: it was never read before, and how old what is not right is, is not known.
    """
    count = right = never = 0
    ages: list[float] = []
    for row in rows:
        count += 1
        unread = row.has_user and row.read_at is None
        never += unread
        right += row.owed_since is None and not unread
        if (age := _age(row, now, interval)) is not None:
            ages.append(age)
    ages.sort()
    if not ages:
        return Freshness(count, right, never)
    return Freshness(count, right, never, quantile(ages, 0.5), quantile(ages, 0.95), ages[-1])


def _age(row: Shown, now: datetime, interval: float | None) -> float | None:
    """A clock that was set back makes nothing younger than just read."""
    if row.owed_since is not None:
        return None if interval is None else max(0.0, (now - row.owed_since).total_seconds()) + interval
    if row.has_user and row.read_at is not None:
        return max(0.0, (now - row.read_at).total_seconds())
    return None


def quantile(ages: list[float], part: float) -> float:
    """The smallest of the sorted ``ages`` that is no less than ``part`` of them are."""
    return ages[min(len(ages) - 1, max(0, -int(-part * len(ages) // 1) - 1))]


class Told(StrEnum):
    MISSED = "missed"
    KEPT = "kept"


@dataclass(slots=True)
class Promise:
    """That 95 of 100 shown values are no older than ``target`` seconds; 0: nothing is promised.

    A burst of seconds is no alarm and a lucky moment no end of one: either must last.
    """

    target: float
    missed: bool = False
    _since: float | None = field(default=None)
    """From when on it is otherwise than was last told."""

    def look(self, found: Freshness, now: float) -> Told | None:
        """``now``: seconds that only grow. What is to be told, once a change."""
        if not self.target:
            return None
        if self._is_missed(found) == self.missed:
            self._since = None
            return None
        self._since = now if self._since is None else self._since
        if now - self._since < LASTING:
            return None
        self.missed, self._since = not self.missed, None
        return Told.MISSED if self.missed else Told.KEPT

    def _is_missed(self, found: Freshness) -> bool:
        """Users who were never read are older than anything."""
        with_age = found.rows - found.never_read
        if found.never_read and found.never_read > 0.05 * (with_age + found.never_read):
            return True
        return found.p95 is not None and found.p95 > self.target


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What may keep the list from being fresh; "" where nothing is the matter. Each is a clause without a full stop.

    ``throttled``: by the budget's name, for how many seconds the service wants to be left alone; ``slow``: by tenant,
    why presence is read less often than it should be, at worst each ``slowest`` seconds; ``waiting``: rows that differ,
    of which ``a_second`` can be written.
    """

    paused: str = ""
    unreachable: str = ""
    throttled: tuple[tuple[str, float], ...] = ()
    slow: tuple[tuple[str, str], ...] = ()
    slowest: float = inf
    waiting: int = 0
    a_second: float = 0.0


def constraint(of: Circumstances) -> str:
    """The one that explains most, in words: what stands still, else whichever takes longer, reading or writing."""
    writing = of.waiting / of.a_second if of.a_second > 0 else 0.0
    if of.paused:
        return f"paused: {of.paused}"
    if of.throttled:
        name, seconds = max(of.throttled, key=lambda each: each[1])
        return f"throttled: {name} is to be left alone for {seconds:.0f} s"
    if of.unreachable:
        return f"the service: {of.unreachable}"
    if of.slow and of.slowest >= writing:
        return f"presence: {'; '.join(f'tenant {tenant}: {why}' for tenant, why in of.slow)}"
    if writing:
        return f"budget: SharePoint, {of.waiting:,} rows to write at {of.a_second:.1f} a second: {writing:,.0f} s"
    return "nothing that is known: see what the log says of the jobs"
