"""Make the list show what is true: plan the rows that may differ, judge the plan, write it.

A row that a person changed meanwhile is decided anew and written in the same pass, a few times at most: somebody who
types faster than we write is left to the next pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from sync_agent.jobs.context import Context
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.microsoft365.agent_list import Failed, Overtaken, Written
from sync_agent.model import Change, Row, Verdict
from sync_agent.outcome import Writes
from sync_agent.plan import Held, Plan, judge, plan, written
from sync_agent.progress import Stage
from sync_agent.reconcile import with_presence

_log = structlog.get_logger()

_ROUNDS = 3
_SLICE = 2_000
"""Rows given to the list at a time: enough to fill every slot on the wire, few enough that a stop is soon heard and
that what waits is planned on fresh presence."""


@dataclass(slots=True)
class WriteBack:
    """What a call came to."""

    writes: Writes
    plan: Plan
    held: Held | None = None


async def write_back(
    context: Context,
    *,
    dry_run: bool = False,
    approved: str | None = None,
    known_rows: int | None = None,
    stop: asyncio.Event | None = None,
) -> WriteBack:
    """Plan all dirty rows and write what differs; ``approved`` is the checksum of a held plan to be let through.

    Write errors of single rows are counted and logged, and the rows stay dirty; a ServiceError of the list as a whole
    is raised.
    """
    first = plan_dirty(context)
    result = WriteBack(Writes(planned=len(first.changes)), first)
    result.held = judge(first, tuple(context.observed.rows.values()), context.safety, known_rows)
    if result.held is not None and result.held.checksum == approved:
        result.held = None
    if dry_run or result.held is not None:
        return result
    stage = context.progress.stage("Writing to the list", len(first.changes))
    todo = first
    for _ in range(_ROUNDS):
        overtaken = await _write(context, todo.changes, result.writes, stage, stop)
        if not overtaken or (stop is not None and stop.is_set()):
            break
        await _decide_again(context, overtaken)
        todo = plan_dirty(context, overtaken)
    stage.done(f"{result.writes.done:,} of {result.writes.planned:,} rows written")
    return result


def plan_dirty(context: Context, only: Sequence[int] | None = None) -> Plan:
    """The plan for the dirty rows (or ``only`` those); rows that already show what is true leave the dirty set.

    Rows of which something was not asked for yet stay dirty and wait for it.
    """
    observed = context.observed
    wanted = sorted(observed.dirty if only is None else observed.dirty.intersection(only))
    rows = [row for row_id in wanted if (row := observed.rows.get(row_id)) is not None and observed.is_known(row)]
    verdicts = {row.id: verdict_of(context, row) for row in rows}
    made = plan(rows, verdicts, observed.presences, context.clock())
    differing = {change.row.id for change in made.changes}
    observed.dirty.difference_update(row.id for row in rows if row.id not in differing)
    return made


def verdict_of(context: Context, row: Row) -> Verdict:
    """The row's verdict with what its user's presence adds to it."""
    verdict = context.observed.verdicts[row.id]
    presence = None if verdict.user is None else context.observed.presences.get(verdict.user.id)
    return with_presence(verdict, presence, context.clock(), context.unknown_after, row.shown)


async def _write(
    context: Context, changes: Sequence[Change], writes: Writes, stage: Stage, stop: asyncio.Event | None
) -> list[int]:
    """Write slice by slice; returns the ids of rows that a person changed meanwhile and that still exist."""
    overtaken: dict[int, Row | None] = {}
    for start in range(0, len(changes), _SLICE):
        if stop is not None and stop.is_set():
            break
        by_id = {change.row.id: change for change in changes[start : start + _SLICE]}
        async for outcome in context.edges.agent_list.write(tuple(by_id.values())):
            stage.advance()
            match outcome:
                case Written(row_id=row_id, etag=etag):
                    writes.done += 1
                    context.observed.put_written(written(by_id[row_id], etag))
                    context.observed.dirty.discard(row_id)
                case Overtaken(row_id=row_id, row=row):
                    writes.conflicts += row is not None
                    overtaken[row_id] = row
                case Failed(row_id=row_id, reason=reason):
                    writes.failed += 1
                    _log.warning("row_not_written", row=row_id, reason=reason)
    context.observed.put_overtaken(overtaken)
    return [row_id for row_id, row in overtaken.items() if row is not None]


async def _decide_again(context: Context, row_ids: Sequence[int]) -> None:
    """An edited row may hold a name that nobody was asked about yet."""
    _log.info("rows_changed_by_others", rows=len(row_ids))
    unknown = context.observed.names() - context.observed.matches.keys()
    if unknown:
        await resolve_users(context, unknown)
