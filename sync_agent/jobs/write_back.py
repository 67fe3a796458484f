"""Make the list show what is true: plan the rows that may differ, judge the plan, write it.

A pass plans all rows that may differ and writes them. A turn of `run` plans those of which something is new, and writes
as many as SharePoint's budget has room for at that moment: what waits is chosen anew at the next turn.

A row that a person changed meanwhile is decided anew and stays dirty: what comes of it is planned and judged with
everything else at the next turn.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from sync_agent.backlog import Basis
from sync_agent.fuses import Held, judge, let_through, no_columns
from sync_agent.jobs.ask_people import ask_people
from sync_agent.jobs.context import Context
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.jobs.write_journal import intentions_of
from sync_agent.microsoft365.agent_list import ROW_UNITS, Failed, Overtaken, Written
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.model import Change, Row, Verdict
from sync_agent.outcome import Writes
from sync_agent.plan import Plan, judged_values, plan, written
from sync_agent.progress import Stage
from sync_agent.reconcile import with_presence
from sync_agent.staleness import aged

_log = structlog.get_logger()

_MOST_NAMED = 5
"""Rows named in the log, of those that could not be written for one reason."""
_PLANNED_AT_ONCE = 500
"""Rows planned before whatever else waits gets its turn: some milliseconds' worth."""
_NOTED_AT_ONCE = 500
"""Rows written before the journal is told so: what a process that is killed leaves unknown."""


@dataclass(slots=True)
class WriteBack:
    """What a call came to."""

    writes: Writes
    plan: Plan
    held: Held | None = None
    left: int = 0
    """Rows that could have been written, but for the budget."""
    error: str | None = None
    """Why the list as a whole could not be written any further."""

    def add(self, turn: WriteBack) -> None:
        """A further turn of the same pass."""
        self.writes.add(turn.writes)
        self.held = self.held if turn.held is None else turn.held.and_before(self.held)
        self.error = turn.error


async def write_back(
    context: Context,
    *,
    dry_run: bool = False,
    approved: str | None = None,
    known_rows: int | None = None,
    leave: Held | None = None,
    most: int | None = None,
    quick: bool = False,
    stop: asyncio.Event | None = None,
) -> WriteBack:
    """Plan all dirty rows but those that ``leave`` holds, and write what differs, ``most`` rows of it; the others stay
    dirty, and so does what a fuse holds.

    With ``most`` it is a turn of `run`: no more is begun than the budget has room for, and rows whose user flaps or
    whose write failed wait a while. ``quick``: rows that wait for an answer are not looked at.
    ``approved`` is the checksum of what a person lets through. After ``stop`` is set, or once another
    service has the list's lease, no further row is begun.
    Write errors of single rows are counted and logged. Raises ListProblem.
    """
    observed, now = context.observed, context.clock()
    take_due(context)
    first = await _planned(context, _to_plan(context, leave, most=most, quick=quick))
    if most is not None:
        first = Plan(tuple(observed.backlog.among(not_held(context, leave))))
    result = WriteBack(Writes(planned=len(first.changes)), first)
    result.held = await _judged(context, first, known_rows)
    if most is not None and result.held is not None:  # a person is told of the plan as it is at this moment
        result.plan = first = await _planned(context, not_held(context, leave))
        result.held = await _judged(context, first, known_rows)
    if approved is not None:
        result.held = let_through(first, result.held, tuple(observed.rows.values()), approved)
    if dry_run:
        return result
    held = result.held
    free = {change.row.id: change for change in first.changes if held is None or not held.holds(change.row.id)}
    todo = [free[row_id] for row_id in _chosen(context, free, most)]
    result.left = observed.backlog.ready(free, now) - len(todo)
    if held is not None and not todo:
        return result
    await context.journal.settle(observed.rows, observed.unwritten)  # also of a process that was killed at the very end
    todo = [change for change in todo if change.row.id in observed.rows]
    if todo or most is None:
        await _make(context, todo, result, stop)
    return result


async def _make(context: Context, todo: Sequence[Change], result: WriteBack, stop: asyncio.Event | None) -> None:
    observed, journal = context.observed, context.journal
    observed.edited |= await journal.intend(
        intentions_of(todo, {change.row.id: verdict_of(context, change.row) for change in todo})
    )
    await context.writers.cover()
    stage = context.progress.stage("Writing to the list", len(todo))
    try:
        overtaken = await _write(context, todo, result.writes, stage, stop)
        if overtaken and not _is_set(stop):
            await _decide_again(context, overtaken)
    except ServiceError as failure:
        result.error = failure.reason
    if result.writes.put_right:
        _log.info("rows_put_right", rows=result.writes.put_right, why="somebody had changed cells of the service")
    stage.done(f"{result.writes.done:,} of {result.writes.planned:,} rows written")


async def _judged(context: Context, planned: Plan, known_rows: int | None) -> Held | None:
    rows = tuple(context.observed.rows.values())
    unwritable = await context.edges.agent_list.unwritable()
    return (
        no_columns(planned, rows, unwritable)
        or context.writers.held(planned, len(rows))
        or judge(planned, rows, context.safety, known_rows)
    )


def _chosen(context: Context, row_ids: Collection[int], most: int | None) -> list[int]:
    """A pass writes all, the most urgent first; a turn what is urgent, as far as the budget has room."""
    backlog, now = context.observed.backlog, context.clock()
    if most is None:
        return backlog.ordered(row_ids, now)
    room = int(context.edges.sharepoint.room() / ROW_UNITS)
    return backlog.next(row_ids, min(most, room), now)


def _to_plan(context: Context, leave: Held | None, *, most: int | None, quick: bool) -> list[int]:
    """A pass plans all that is dirty; a turn only rows of which something is new since they were planned."""
    observed, wanted = context.observed, not_held(context, leave)
    if most is None:
        return wanted
    backlog = observed.backlog
    rows = [row for row_id in wanted if (row := observed.rows.get(row_id)) is not None]
    return [row.id for row in rows if not backlog.is_planned(row.id, _basis(observed, row), waiting=quick)]


def _basis(observed: Observed, row: Row) -> Basis:
    verdict = observed.verdicts[row.id]
    return row, verdict, None if verdict.user is None else observed.presences.get(verdict.user.id)


async def _planned(context: Context, row_ids: Sequence[int]) -> Plan:
    """Of these rows, some at a time, so that presence is read meanwhile."""
    changes = list[Change]()
    for start in range(0, len(row_ids), _PLANNED_AT_ONCE):
        changes += plan_dirty(context, row_ids[start : start + _PLANNED_AT_ONCE]).changes
        await asyncio.sleep(0)
    return Plan(tuple(change for change in changes if change.row.id in context.observed.rows))


def take_due(context: Context) -> None:
    """Rows whose write failed some time ago are dirty again."""
    observed = context.observed
    due = observed.backlog.due(context.clock())
    observed.dirty.update(dict.fromkeys(row_id for row_id in due if row_id in observed.rows))


def not_held(context: Context, held: Held | None) -> list[int]:
    """The dirty rows that are not held."""
    return [row_id for row_id in context.observed.dirty if held is None or not held.holds(row_id)]


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
        if row.id not in differing and row.id not in observed.in_flight:
            del observed.dirty[row.id]
            observed.edited.discard(row.id)
            backlog.drop(row.id)
            observed.refusals.pop(row.id, None)
    return made


def verdict_of(context: Context, row: Row) -> Verdict:
    """The row's verdict with what its user's presence adds to it, as long as what it rests on can be asked."""
    observed, verdict, now = context.observed, context.observed.verdicts[row.id], context.clock()
    presence = None if verdict.user is None else context.observed.presences.get(verdict.user.id)
    verdict = with_presence(verdict, presence, now, context.unavailable_after, row.shown)
    unread = None if verdict.user is None else observed.unread.get(verdict.user.id)
    return aged(verdict, observed.silence(row), unread, context.patience, now)


async def _write(
    context: Context,
    changes: Sequence[Change],
    writes: Writes,
    stage: Stage,
    stop: asyncio.Event | None,
) -> list[int]:
    """Returns the ids of rows that a person changed meanwhile and that still exist."""
    observed, journal = context.observed, context.journal
    done: list[int] = []
    begun: dict[int, Change] = {}
    overtaken: dict[int, Row | None] = {}
    failed: defaultdict[str, list[int]] = defaultdict(list)
    try:
        async for outcome in context.edges.agent_list.write(_begin(context, changes, begun, stop)):
            stage.advance()
            observed.in_flight.discard(outcome.row_id)
            match outcome:
                case Written(row_id=row_id, etag=etag):
                    observed.put_written(written(begun[row_id], etag))
                    observed.backlog.written(row_id)
                    writes.done += 1
                    writes.put_right += row_id in observed.edited
                    observed.edited.discard(row_id)
                    observed.refusals.pop(row_id, None)
                    done.append(row_id)
                    if len(done) >= _NOTED_AT_ONCE:
                        await journal.note(done)
                        done.clear()
                case Overtaken(row_id=row_id, row=row):
                    overtaken[row_id] = row
                    writes.conflicts += 1
                case Failed(row_id=row_id, reason=reason, refused=refused):
                    observed.put_unwritten([row_id])
                    observed.backlog.failed(row_id, context.clock(), refused=refused)
                    failed[reason].append(row_id)
                    writes.unwritten[row_id] = observed.refusals[row_id] = reason
                    writes.failed += 1
            await context.writers.cover()
    finally:
        observed.put_unwritten(observed.in_flight)
        for row_id in observed.in_flight:
            observed.backlog.failed(row_id, context.clock(), refused=False)
        observed.in_flight.clear()
        await journal.note(done, [change.row.id for change in changes if change.row.id not in begun] + list(overtaken))
        journal.end()
    observed.put_overtaken(overtaken)
    for reason, row_ids in failed.items():
        if reason not in observed.write_trouble:
            _log.warning("rows_not_written", count=len(row_ids), rows=row_ids[:_MOST_NAMED], reason=reason)
    if begun:
        observed.write_trouble = frozenset(failed)
    return [row_id for row_id, row in overtaken.items() if row is not None]


def _begin(
    context: Context, changes: Iterable[Change], begun: dict[int, Change], stop: asyncio.Event | None
) -> Iterator[Change]:
    """The changes as there is room for them on the wire, with the presence of that moment. From then on the row is not
    dirty, unless something new comes in while it is being written.
    """
    for change in changes:
        if _is_set(stop) or not context.may_write():
            return
        row_id = change.row.id
        for fresh in plan_dirty(context, [row_id]).changes:
            if judged_values(fresh) == judged_values(change):  # else the fuses have not seen it yet
                begun[row_id] = fresh
                del context.observed.dirty[row_id]
                context.observed.in_flight.add(row_id)
                context.writers.note(fresh)
                yield fresh


async def _decide_again(context: Context, row_ids: Sequence[int]) -> None:
    """An edited row may hold a name that nobody was asked about yet."""
    _log.info("rows_changed_by_others", rows=len(row_ids))
    unknown = context.observed.names() - context.observed.matches.keys()
    if unknown:
        await resolve_users(context, unknown)
    else:
        await ask_people(context)


def _is_set(stop: asyncio.Event | None) -> bool:
    return stop is not None and stop.is_set()
