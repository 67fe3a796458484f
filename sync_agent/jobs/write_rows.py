"""The rows of one turn on the wire, and what comes of each."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator

import structlog

from sync_agent.jobs.context import Context
from sync_agent.jobs.plan_rows import plan_dirty, verdict_of
from sync_agent.jobs.write_journal import TurnJournal, intentions_of
from sync_agent.microsoft365.agent_list import Failed, Outcome, Overtaken, Written
from sync_agent.model import Change
from sync_agent.outcome import Writes
from sync_agent.plan import judged_values, written
from sync_agent.progress import Stage
from sync_agent.turns import Turn

_log = structlog.get_logger()

_MOST_NAMED = 5
"""Rows named in the log, of those that could not be written for one reason."""
_NOTED_AT_ONCE = 500
"""Rows written before the journal is told so: what a process that is killed leaves unknown."""


async def write_rows(
    context: Context, turn: Turn, writes: Writes, stage: Stage, stop: asyncio.Event | None
) -> list[int]:
    """Write what the turn has taken; each row is let go as soon as it is known what came of it, and all are in the end.

    Returns the ids of rows that a person changed meanwhile and that still exist. Raises ServiceError, ListProblem.
    """
    running = _Running(context, turn, writes, context.journal.turn())
    try:
        await running.intend()
        await context.writers.cover()
        async for outcome in context.edges.agent_list.write(running.begin(stop)):
            stage.advance()
            running.heard(outcome)
            await running.journal.note(_NOTED_AT_ONCE)
            await context.writers.cover()
    finally:
        await running.end()
    running.tell_failures()
    return running.overtaken


class _Running:
    def __init__(self, context: Context, turn: Turn, writes: Writes, journal: TurnJournal) -> None:
        self.journal = journal
        self.overtaken: list[int] = []
        self._context = context
        self._observed = context.observed
        self._turn = turn
        self._writes = writes
        self._failed: defaultdict[str, list[int]] = defaultdict(list)

    async def intend(self) -> None:
        changes = self._turn.changes.values()
        verdicts = {change.row.id: verdict_of(self._context, change.row) for change in changes}
        self._observed.edited |= await self.journal.intend(intentions_of(changes, verdicts))

    def begin(self, stop: asyncio.Event | None) -> Iterator[Change]:
        """The changes as there is room for them on the wire, with the presence of that moment. From then on the row is
        not dirty, unless something new comes in while it is being written.
        """
        for row_id, change in self._turn.changes.items():
            if (stop is not None and stop.is_set()) or not self._context.may_write():
                return
            for fresh in plan_dirty(self._context, [row_id]).changes:
                if judged_values(fresh) == judged_values(change):
                    self._turn.begin(fresh)
                    del self._observed.dirty[row_id]
                    self._context.writers.note(fresh)
                    yield fresh
                    break
            else:  # it shows what is true by now, or the fuses have not seen yet what it is to show
                self.journal.not_made(row_id)
                self._turn.let_go(row_id)
                self._tell_news(row_id)

    def heard(self, outcome: Outcome) -> None:
        observed, row_id = self._observed, outcome.row_id
        sent = self._turn.answered(row_id)
        match outcome:
            case Written(etag=etag):
                observed.put_written(written(sent, etag))
                observed.backlog.written(row_id)
                self._writes.done += 1
                self._writes.put_right += row_id in observed.edited
                observed.edited.discard(row_id)
                observed.refusals.pop(row_id, None)
                self.journal.made(row_id)
            case Overtaken(row=row):
                observed.put_overtaken({row_id: row})
                self._writes.conflicts += 1
                self.journal.not_made(row_id)
                if row is not None:
                    self.overtaken.append(row_id)
            case Failed(reason=reason, refused=refused):
                self._not_written(row_id, refused=refused)
                self._failed[reason].append(row_id)
                self._writes.unwritten[row_id] = observed.refusals[row_id] = reason
                self._writes.failed += 1
        self._tell_news(row_id)

    async def end(self) -> None:
        """Of what is still on the wire it is not known whether it was written."""
        for row_id in self._turn.unanswered:
            self._not_written(row_id, refused=False)
        for row_id in self._turn.not_begun:
            self.journal.not_made(row_id)
        self._turn.end()
        await self.journal.end()

    def tell_failures(self) -> None:
        for reason, row_ids in self._failed.items():
            if reason not in self._observed.write_trouble:
                _log.warning("rows_not_written", count=len(row_ids), rows=row_ids[:_MOST_NAMED], reason=reason)
        if self._turn.wrote:
            self._observed.write_trouble = frozenset(self._failed)

    def _tell_news(self, row_id: int) -> None:
        """Of what came in meanwhile, while nobody else could take the row."""
        if row_id in self._observed.dirty:
            self._observed.news.set()

    def _not_written(self, row_id: int, *, refused: bool) -> None:
        self._observed.put_unwritten([row_id])
        self._observed.backlog.failed(row_id, self._context.clock(), refused=refused)
