"""Plan the rows that may differ: all of them, or those of which something is new since they were planned."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sync_agent.backlog import Basis
from sync_agent.fuses import Held
from sync_agent.jobs.context import Context
from sync_agent.jobs.observed import Observed
from sync_agent.model import Change, Row, Verdict
from sync_agent.plan import Plan, plan
from sync_agent.reconcile import with_presence
from sync_agent.staleness import aged

_PLANNED_AT_ONCE = 500
"""Rows planned before whatever else waits gets its turn: some milliseconds' worth."""
_LOOKED_AT_ONCE = 2_000
"""The same of rows of which only a few values are compared, or looked up."""


def take_due(context: Context) -> None:
    """Rows whose write failed some time ago are dirty again."""
    observed = context.observed
    due = observed.backlog.due(context.clock())
    observed.dirty.update(dict.fromkeys(row_id for row_id in due if row_id in observed.rows))


def not_held(context: Context, held: Held | None) -> list[int]:
    """The dirty rows that are not held."""
    return [row_id for row_id in context.observed.dirty if held is None or not held.holds(row_id)]


async def plan_all(context: Context, leave: Held | None) -> Plan:
    """The plan for all dirty rows but those that ``leave`` holds."""
    return await _planned(context, not_held(context, leave))


async def plan_news(context: Context, leave: Held | None, *, quick: bool) -> Plan:
    """The same, where only those are planned of which something is new since they were; ``quick``: nor those that wait
    for an answer.
    """
    news = list[int]()
    for row_ids in some_at_a_time(not_held(context, leave)):
        news += _not_planned(context.observed, row_ids, waiting=quick)
        await asyncio.sleep(0)
    await _planned(context, news)
    return Plan(tuple(context.observed.backlog.among(not_held(context, leave))))


def _not_planned(observed: Observed, row_ids: Iterable[int], *, waiting: bool) -> Iterator[int]:
    for row in (row for row_id in row_ids if (row := observed.rows.get(row_id)) is not None):
        if not observed.backlog.is_planned(row.id, _basis(observed, row), waiting=waiting):
            yield row.id


def plan_dirty(context: Context, only: Collection[int] | None = None) -> Plan:
    """The plan for the dirty rows (or ``only`` those); rows that already show what is true leave the dirty ones, unless
    they are just being written.

    Rows of which something was not asked for yet stay dirty and wait for it.
    """
    observed, backlog, now = context.observed, context.observed.backlog, context.clock()
    wanted = observed.dirty if only is None else [row_id for row_id in only if row_id in observed.dirty]
    rows = []
    for row in (row for row_id in wanted if (row := observed.rows.get(row_id)) is not None):
        if observed.is_known(row):
            rows.append(row)
        else:
            backlog.wait(row.id, _basis(observed, row))
    verdicts = {row.id: verdict_of(context, row) for row in rows}
    made = plan(rows, verdicts, observed.presences, now)
    for change in made.changes:
        backlog.put(change, _basis(observed, change.row), now)
    differing = {change.row.id for change in made.changes}
    for row in rows:
        if row.id not in differing and row.id not in observed.turns.in_flight:
            del observed.dirty[row.id]
            observed.edited.discard(row.id)
            backlog.drop(row.id)
            observed.refusals.pop(row.id, None)
    return made


def verdict_of(context: Context, row: Row) -> Verdict:
    """The row's verdict with what its user's presence adds to it, as long as what it rests on can be asked."""
    return _as_shown(context, row, context.observed.verdicts[row.id])


async def verdicts_of(context: Context, rows: Mapping[int, Row]) -> dict[int, Verdict]:
    """The same of the whole list, by row id: ``rows`` are those observed now; their verdicts are of one moment, and
    what presence and silence add, which is each row's own, is looked up some rows at a time.
    """
    decided, found = context.observed.verdicts, dict[int, Verdict]()
    for row_ids in some_at_a_time(list(rows)):
        found.update((row_id, _as_shown(context, rows[row_id], decided[row_id])) for row_id in row_ids)
        await asyncio.sleep(0)
    return found


def _as_shown(context: Context, row: Row, verdict: Verdict) -> Verdict:
    observed, now = context.observed, context.clock()
    presence = None if verdict.user is None else context.observed.presences.get(verdict.user.id)
    verdict = with_presence(verdict, presence, now, context.unavailable_after, row.shown)
    unread = None if verdict.user is None else observed.unread.get(verdict.user.id)
    return aged(verdict, observed.silence(row), unread, context.patience, now)


async def _planned(context: Context, row_ids: Sequence[int]) -> Plan:
    """Of these rows, some at a time, so that presence is read meanwhile."""
    changes = list[Change]()
    for some in _portions(row_ids, _PLANNED_AT_ONCE):
        changes += plan_dirty(context, some).changes
        await asyncio.sleep(0)
    return Plan(tuple(change for change in changes if change.row.id in context.observed.rows))


def some_at_a_time(row_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Of which each may be looked at before whatever else waits gets its turn."""
    return _portions(row_ids, _LOOKED_AT_ONCE)


def _portions(row_ids: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    return (row_ids[start : start + most] for start in range(0, len(row_ids), most))


def _basis(observed: Observed, row: Row) -> Basis:
    verdict = observed.verdicts[row.id]
    return row, verdict, None if verdict.user is None else observed.presences.get(verdict.user.id)
