"""Whether another service, with a database of its own, writes to the same list: the rule, as values.

Each write of ours sets SyncChangedAt, and what services that share a database have written is known: of a row that this
process saw or wrote, by the newest time it knew there; of others, by the span of times within which each writer of the
database wrote. A newer time that nobody of ours can have written is a stranger's. One look proves nothing: a backup of
the list or of the database was restored, a person filled cells down. Who goes on writing shows in look after look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sync_agent.fuses import TWO_WRITERS, Held
from sync_agent.model import Row
from sync_agent.plan import Plan

LOOKS = 3
"""In which strange times were found, within the window: fewer are no second service."""
ROWS = 6
"""Strange times in all of these looks: fewer may be a person's odd edits."""
WINDOW = timedelta(hours=24)
SKEW = timedelta(hours=1)
"""What is further ahead than that was typed, or written while a clock was wrong: it says nothing about who writes."""
_SLACK = timedelta(minutes=1)
"""A site may keep times to the minute only."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """A writer of ours has written, or was about to, at times from ``since`` to ``until`` by its own clock."""

    since: datetime
    until: datetime

    def covers(self, moment: datetime) -> bool:
        return self.since - _SLACK <= moment <= self.until

    def with_times(self, since: datetime, until: datetime) -> Span:
        return Span(min(self.since, since), max(self.until, until))


@dataclass(frozen=True, slots=True)
class Look:
    """A look at the list, at ``seen``, that found ``rows`` with a strange time, the ``latest`` of them."""

    seen: datetime
    rows: int
    latest: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What the services of one database know of a list. ``accepted``: times up to then are nobody's concern; None: the
    list was never looked at. ``spans`` by writer.
    """

    accepted: datetime | None
    spans: Mapping[str, Span]
    looks: tuple[Look, ...] = ()


def newer(rows: Iterable[Row], newest: Mapping[int, datetime], now: datetime) -> dict[int, datetime]:
    """By row: a time that is newer than what this process knew there (``newest``), as far as it can be true."""
    found = {}
    for row in rows:
        moment = row.shown.sync_changed_at
        if moment is not None and moment > newest.get(row.id, NEVER) and moment <= now + SKEW:
            found[row.id] = moment
    return found


def strange(moments: Mapping[int, datetime], seen: Collection[int], known: Known, me: str) -> list[datetime]:
    """Those times of ``newer`` that no writer of ours can have written. ``seen``: rows that this process, which is the
    writer ``me``, saw before, so that it knows what it wrote there itself; other rows may be copies of these.
    """
    accepted = known.accepted
    if accepted is None:
        return []
    others = [span for writer, span in known.spans.items() if writer != me]
    every = list(known.spans.values())

    def is_ours(row_id: int, moment: datetime) -> bool:
        return any(span.covers(moment) for span in (others if row_id in seen else every))

    return [moment for row_id, moment in moments.items() if moment > accepted and not is_ours(row_id, moment)]


def with_look(looks: Sequence[Look], seen: datetime, moments: Sequence[datetime]) -> tuple[Look, ...]:
    """The looks that count after one that found these strange times. Once they hold the list, none is forgotten."""
    if not moments:
        return tuple(looks)
    if is_proven(looks):
        last = looks[-1]
        return (*looks[:-1], Look(seen, last.rows + len(moments), max(moments)))
    kept = [look for look in looks if abs(seen - look.seen) <= WINDOW]
    return (*kept, Look(seen, len(moments), max(moments)))


def is_proven(looks: Sequence[Look]) -> bool:
    return len(looks) >= LOOKS and sum(look.rows for look in looks) >= ROWS


def two_writers(plan: Plan, rows: int, looks: Sequence[Look], list_name: str) -> Held | None:
    """Holds everything: whatever is written, the other service may write otherwise. The checksum stays the same until
    somebody approves, however much more the other one writes.
    """
    if not is_proven(looks):
        return None
    writes, since, latest = sum(look.rows for look in looks), looks[0].seen, looks[-1].latest
    cause = (
        f"another service, with another state.database, writes to this list: since {since:%Y-%m-%d %H:%M} UTC rows "
        f"were seen {writes:,} times with a SyncChangedAt that no service of this database has written, the last of "
        f"{latest:%Y-%m-%d %H:%M:%S} UTC; stop one of the two, or give both the same database and settings"
    )
    return Held(TWO_WRITERS, checksum(looks, list_name), len(plan.changes), rows, "0%", cause)


def checksum(looks: Sequence[Look], list_name: str) -> str:
    first = looks[0]
    return sha256(f"{list_name} {first.seen.isoformat()} {first.latest.isoformat()}".encode()).hexdigest()[:16]


def accepted_after(known: Known, rows: Iterable[Row], now: datetime) -> datetime:
    """Up to when times are nobody's concern once a look is over. The first one accepts all that it finds."""
    moments = (row.shown.sync_changed_at for row in rows)
    first = known.accepted is None
    fit = (moment for moment in moments if moment is not None and (first or moment <= now + SKEW))
    return max(fit, default=NEVER) if known.accepted is None else max(known.accepted, max(fit, default=NEVER))
