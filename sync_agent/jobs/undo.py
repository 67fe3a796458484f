"""Take back what a run wrote, or all runs since a time, row by row, only where the row still shows what they wrote.

Nobody but the list is asked. An undo is a run of its own, journalled as every other, so that it can be undone too.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog

from sync_agent.jobs.context import Context
from sync_agent.jobs.fix_journal import UPN_COLUMN, FixJournal
from sync_agent.jobs.undo_scope import Scope, of_run, since
from sync_agent.jobs.write_journal import intention
from sync_agent.microsoft365.agent_list import FIXES_AT_ONCE, Failed, Overtaken, Written
from sync_agent.microsoft365.errors import NotFound, ServiceError
from sync_agent.microsoft365.errors import Overtaken as OvertakenError
from sync_agent.microsoft365.side_by_side import chunks
from sync_agent.model import Fix, Row
from sync_agent.outcome import Exit, in_json
from sync_agent.state.records import RunKind
from sync_agent.state.store import StateUnavailable, Store
from sync_agent.undoing import CHANGED, DELETED, UPN_CHANGED, Restoring, Undo, plan_undo

_log = structlog.get_logger()

_FEW = 200
"""Rows that are asked for by their ids; to read the whole list costs less than to ask for more."""


class Ending(StrEnum):
    """What became of a row that the run wrote."""

    RESTORED = "restored"
    TO_RESTORE = "to restore"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RowUndone:
    """``reason``: why it was not restored, "" where it was."""

    ending: Ending
    reason: str = ""


@dataclass(slots=True)
class Undone:
    """What an undo came to. ``number``: the run that it is itself, None where nothing was written."""

    scope: Scope
    plan: Undo
    rows: dict[int, RowUndone] = field(default_factory=dict)
    number: int | None = None
    error: str | None = None

    def count(self, ending: Ending) -> int:
        return Counter(row.ending for row in self.rows.values())[ending]

    @property
    def exit_code(self) -> Exit:
        """A row that somebody changed since is left alone as it should be."""
        return Exit.INCOMPLETE if self.error is not None or self.count(Ending.FAILED) else Exit.DONE

    @property
    def document(self) -> dict[str, Any]:
        values, run = {each.row.id: _values(each) for each in self.plan.restoring}, self.scope.run
        return {
            "run": None if run is None else run.id,
            "kind": None if run is None else str(run.kind),
            "began": None if run is None else run.began,
            "since": self.scope.since,
            "runs": list(self.scope.runs),
            "undo_run": self.number,
            "counts": {str(ending): self.count(ending) for ending in Ending},
            "rows": [
                {
                    "row": row_id,
                    "ending": str(row.ending),
                    "reason": in_json(row.reason) or None,
                    "values": values.get(row_id),
                }
                for row_id, row in sorted(self.rows.items())
            ],
            "error": in_json(self.error),
        }


def _values(each: Restoring) -> dict[str, Any]:
    cells: Mapping[Any, Any] = {} if each.change is None else each.change.values
    values = {str(column): in_json(value) if isinstance(value, str) else value for column, value in cells.items()}
    return values if each.upn is None else {UPN_COLUMN: in_json(each.upn.before), **values}


async def undo(
    context: Context, store: Store, list_title: str, wanted: int | datetime | None, *, dry_run: bool
) -> Undone:
    """``wanted``: the number of a run, or since when, in UTC; None: the run that wrote last. What failed is told in the
    result.

    Raises NoSuchRun, NothingWritten, StateUnavailable, ServiceError, ListProblem, all before anything is written.
    """
    journal = store.run_journal(list_title)
    if isinstance(wanted, datetime):
        scope = await asyncio.to_thread(since, journal, wanted)
    else:
        scope = await asyncio.to_thread(of_run, journal, wanted)
    rows = await _read(context, scope.row_ids)
    planned = plan_undo(scope.verdicts, scope.upns, rows, context.clock())
    result = Undone(scope, planned)
    result.rows = {row_id: RowUndone(Ending.KEPT, reason) for row_id, reason in planned.kept.items()}
    result.rows |= {each.row.id: RowUndone(Ending.TO_RESTORE) for each in planned.restoring}
    if dry_run or not planned.restoring:
        return result
    run = scope.run
    context.journal.begin(RunKind.UNDO, undoes=None if run is None else run.id, undoes_since=scope.since)
    result.number = await context.journal.number()
    try:
        await _restore_verdicts(context, result)
        await _restore_upns(context, FixJournal(store, list_title, context.clock, context.journal), result)
    except (ServiceError, StateUnavailable) as failure:
        result.error = failure.told if isinstance(failure, ServiceError) else str(failure)
    for row_id, row in result.rows.items():
        if row.ending is Ending.TO_RESTORE:
            result.rows[row_id] = RowUndone(Ending.FAILED, "it was not reached")
    counts = {ending.name.lower(): result.count(ending) for ending in (Ending.RESTORED, Ending.KEPT, Ending.FAILED)}
    _log.info("run_undone", undone=scope.name, by_run=result.number, **counts)
    return result


async def _read(context: Context, ids: set[int]) -> Mapping[int, Row]:
    listed = context.edges.agent_list
    if len(ids) <= _FEW:
        return await listed.read_rows(ids) if ids else {}
    stage = context.progress.stage("Reading the list")
    rows = await listed.read(stage.advance)
    stage.done(f"{len(rows):,} rows read")
    return {row.id: row for row in rows if row.id in ids}


async def _restore_verdicts(context: Context, result: Undone) -> None:
    changes = [each.change for each in result.plan.restoring if each.change is not None]
    upns = {each.row.id for each in result.plan.restoring if each.upn is not None}
    journal, why = context.journal.turn(), f"undo of {result.scope.name}"
    stage = context.progress.stage("Restoring", len(changes))
    await journal.intend([intention(change, why) for change in changes])
    await context.writers.cover()
    try:
        async for outcome in context.edges.agent_list.write(changes):
            stage.advance()
            match outcome:
                case Written(row_id=row_id):
                    journal.made(row_id)
                    ended = RowUndone(Ending.TO_RESTORE if row_id in upns else Ending.RESTORED)
                case Overtaken(row_id=row_id, row=row):
                    journal.not_made(row_id)
                    ended = RowUndone(Ending.KEPT, DELETED if row is None else CHANGED)
                case Failed(row_id=row_id, reason=reason):
                    ended = RowUndone(Ending.FAILED, reason)
            await journal.note()
            result.rows[outcome.row_id] = ended
    finally:
        await journal.end()
    stage.done(f"{result.count(Ending.RESTORED):,} of {len(changes):,} rows restored")


async def _restore_upns(context: Context, journal: FixJournal, result: Undone) -> None:
    """The cells of people, each read again with its version right before it is written."""
    waiting = [
        (each.row.id, each.upn)
        for each in result.plan.restoring
        if each.upn is not None and result.rows[each.row.id].ending is Ending.TO_RESTORE
    ]
    for some in chunks(waiting, FIXES_AT_ONCE):
        edits = await context.edges.agent_list.last_edits([row_id for row_id, _ in some])
        todo: list[Fix] = []
        for row_id, upn in some:
            edit = edits.get(row_id)
            if edit is None or (edit.row.upn or "") != (upn.after or ""):
                result.rows[row_id] = RowUndone(Ending.KEPT, DELETED if edit is None else UPN_CHANGED)
            else:
                todo.append(Fix(edit.row, upn.before or ""))
        await _write_upns(context, journal, todo, result)


async def _write_upns(context: Context, journal: FixJournal, todo: Sequence[Fix], result: Undone) -> None:
    await journal.undoing(todo, f"undo of {result.scope.name}")
    answers = dict(zip([fix.row.id for fix in todo], await context.edges.agent_list.fix(todo), strict=True))
    for row_id, answer in answers.items():
        if answer is None:
            result.rows[row_id] = RowUndone(Ending.RESTORED)
        elif isinstance(answer, OvertakenError | NotFound):
            result.rows[row_id] = RowUndone(Ending.KEPT, UPN_CHANGED)
        else:
            result.rows[row_id] = RowUndone(Ending.FAILED, answer.told)
    ended = {fix.row.id: result.rows[fix.row.id].ending for fix in todo}
    await journal.not_written([fix for fix in todo if ended[fix.row.id] is Ending.KEPT])
    await journal.written([fix for fix in todo if ended[fix.row.id] is Ending.RESTORED])
