"""What the history knows of a row: now, beside what was asked live, or at a time in the past, in place of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sync_agent.explanation.choosing import is_row_id
from sync_agent.state.records import AnomalyRecord, JournalEntry, PassRecord, VerdictRecord
from sync_agent.state.store import Store
from sync_agent.upn import key

_A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class RowPast:
    """``standing``: the row's anomalies with their lives; ``verdict``: the one that the last pass left; ``fixed``: what
    was written into its UPN cell.
    """

    verdict: VerdictRecord | None
    standing: tuple[AnomalyRecord, ...]
    last_pass: PassRecord | None
    fixed: tuple[JournalEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Then:
    """A row as it stood ``at`` that time. ``row_id`` is None where no row had what was asked for; ``also``: other rows
    that had it; ``before`` and ``after``: the verdicts around the one of then.
    """

    asked: str
    at: datetime
    list_title: str
    row_id: int | None
    also: tuple[int, ...]
    verdict: VerdictRecord | None
    before: VerdictRecord | None
    after: VerdictRecord | None
    pass_before: PassRecord | None
    pass_after: PassRecord | None
    reaches_back_to: datetime | None
    fixed: tuple[JournalEntry, ...] = ()


def row_past(store: Store, list_title: str, row_id: int, now: datetime) -> RowPast:
    """Raises StateUnavailable, as all here."""
    standing = tuple(life for life in store.open_anomalies(list_title) if life.row_id == row_id)
    fixed = tuple(store.journalled(list_title, row_id))
    return RowPast(store.verdict_at(list_title, row_id, now), standing, store.last_pass(list_title), fixed)


def look_back(store: Store, list_title: str, wanted: str, at: datetime) -> Then:
    """``wanted``: a row id, or the UPN that a row held then."""
    ids = [int(wanted)] if is_row_id(wanted) else store.rows_with_upn_at(list_title, key(wanted.strip()), at)
    row_id = ids[0] if ids else None
    verdict = None if row_id is None else store.verdict_at(list_title, row_id, at)
    before = None if verdict is None else store.verdict_at(list_title, verdict.row_id, verdict.since - _A_MOMENT)
    after = None
    if verdict is not None and verdict.until is not None:
        after = store.verdict_at(list_title, verdict.row_id, verdict.until)
    pass_before, pass_after = store.passes_around(list_title, at)
    return Then(
        asked=wanted,
        at=at,
        list_title=list_title,
        row_id=row_id,
        also=tuple(ids[1:]),
        verdict=verdict,
        before=before,
        after=after,
        pass_before=pass_before,
        pass_after=pass_after,
        reaches_back_to=store.reaches_back_to(list_title),
        fixed=() if row_id is None else tuple(store.journalled(list_title, row_id)),
    )
