"""Make the list show what is true: plan the rows that may differ, judge the plan, write it.

A pass plans all rows that may differ and writes them. A turn of `run` plans those of which something is new, and writes
as many as SharePoint's budget has room for at that moment: what waits is chosen anew at the next turn, which need not
wait for this one's answers. Rows that a turn has taken are no other's until it lets them go.

A row that a person changed meanwhile is decided anew and stays dirty: what comes of it is planned and judged with
everything else at the next turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog

from sync_agent.fuses import Held, judge, let_through, no_columns
from sync_agent.jobs.ask_people import ask_people
from sync_agent.jobs.context import Context
from sync_agent.jobs.plan_rows import plan_all, plan_news, take_due
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.jobs.write_rows import write_rows
from sync_agent.microsoft365.agent_list import ROW_UNITS
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.outcome import Writes
from sync_agent.plan import Plan
from sync_agent.turns import Turn

_log = structlog.get_logger()


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
) -> WriteBack:
    """A pass: plan all dirty rows but those that ``leave`` holds, and write what differs. What a fuse holds stays
    dirty.

    ``approved`` is the checksum of what a person lets through. Once another service has the list's lease, no further
    row is begun. Write errors of single rows are counted and logged. Raises ListProblem.
    """
    take_due(context)
    result = await _judged(context, await plan_all(context, leave), known_rows)
    if approved is not None:
        result.held = let_through(result.plan, result.held, tuple(context.observed.rows.values()), approved)
    if dry_run:
        return result
    free = _free(context, result)
    if result.held is None or free:
        turn = await _taken(context, result, context.observed.backlog.ordered(free, context.clock()))
        await carry_out(context, turn, result)
    return result


async def begin_turn(
    context: Context, *, known_rows: int | None, leave: Held | None, most: int, quick: bool = False
) -> tuple[WriteBack, Turn]:
    """A turn of `run`, up to its first write: the rows that it takes are at most ``most``, and no more than the budget
    has room for. Rows whose user flaps or whose write failed wait a while; ``quick``: rows that wait for an answer are
    not looked at.

    Not to be called again before it has returned: who chooses must see what others have taken. Raises ListProblem.
    """
    take_due(context)
    result = await _judged(context, await plan_news(context, leave, quick=quick), known_rows)
    if result.held is not None:  # a person is told of the plan as it is at this moment
        result = await _judged(context, await plan_all(context, leave), known_rows)
    free, backlog, now = _free(context, result), context.observed.backlog, context.clock()
    chosen = backlog.next(free, min(most, _room(context)), now)
    result.left = backlog.ready(free, now) - len(chosen)
    return result, await _taken(context, result, chosen)


async def carry_out(context: Context, turn: Turn, result: WriteBack, stop: asyncio.Event | None = None) -> None:
    """Write the rows that the turn has taken, and let them go, whatever happens; after ``stop`` is set, or once another
    service has the list's lease, no further row is begun.
    """
    stage = context.progress.stage("Writing to the list", len(turn.changes))
    try:
        overtaken = await write_rows(context, turn, result.writes, stage, stop)
        if overtaken and not (stop is not None and stop.is_set()):
            await _ask_again(context, overtaken)
    except ServiceError as failure:
        result.error = failure.reason
    if result.writes.put_right:
        _log.info("rows_put_right", rows=result.writes.put_right, why="somebody had changed cells of the service")
    stage.done(f"{result.writes.done:,} of {result.writes.planned:,} rows written")


async def _judged(context: Context, planned: Plan, known_rows: int | None) -> WriteBack:
    """What turns under way are about to write has been judged, and counts once."""
    observed = context.observed
    fresh = Plan(tuple(change for change in planned.changes if not observed.turns.has_judged(change)))
    rows = tuple(observed.rows.values())
    unwritable = await context.edges.agent_list.unwritable()
    held = (
        no_columns(fresh, rows, unwritable)
        or context.writers.held(fresh, len(rows))
        or judge(fresh, rows, context.safety, known_rows)
    )
    return WriteBack(Writes(planned=len(fresh.changes)), fresh, held)


async def _taken(context: Context, result: WriteBack, row_ids: Sequence[int]) -> Turn:
    """What is not known of earlier writes is found out first, also of a process that was killed at the very end."""
    observed = context.observed
    await context.journal.settle(observed.rows, observed.unwritten | observed.turns.taken.keys())
    changes = {change.row.id: change for change in result.plan.changes}
    return observed.turns.take(changes[row_id] for row_id in row_ids if row_id in observed.rows)


def _free(context: Context, result: WriteBack) -> Collection[int]:
    """Rows that may be written: of neither a fuse's nor another turn's."""
    held, taken = result.held, context.observed.turns.taken
    ids = [change.row.id for change in result.plan.changes if held is None or not held.holds(change.row.id)]
    return [row_id for row_id in ids if row_id not in taken]


def _room(context: Context) -> int:
    """Rows that the budget has room for, beside those that turns under way have yet to send."""
    return max(0, int(context.edges.sharepoint.room() / ROW_UNITS) - context.observed.turns.promised)


async def _ask_again(context: Context, row_ids: Sequence[int]) -> None:
    """An edited row may hold a name that nobody was asked about yet."""
    _log.info("rows_changed_by_others", rows=len(row_ids))
    unknown = context.observed.names() - context.observed.matches.keys()
    if unknown:
        await resolve_users(context, unknown)
    else:
        await ask_people(context)
