"""One pass over the whole list: every job in turn, and the turns of writing that people's edits make necessary."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sync_agent.freshness import Freshness
from sync_agent.jobs.apply_fixes import apply_fixes
from sync_agent.jobs.approvals import note_approvals
from sync_agent.jobs.context import Context
from sync_agent.jobs.history import History
from sync_agent.jobs.mirror_anomalies import mirror_anomalies
from sync_agent.jobs.pass_freshness import freshness_of_pass
from sync_agent.jobs.plan_rows import not_held
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_news, resolve_users
from sync_agent.jobs.write_back import WriteBack, write_back
from sync_agent.microsoft365.agent_list import ListProblem
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.outcome import Fixing, Mirrored
from sync_agent.state.store import StateUnavailable, Store

_MORE_TURNS = 2


@dataclass(slots=True)
class WholePass:
    """``back``: what was written, None where it did not come to that; ``fixing``: what became of approved fixes, where
    the settings allow them; ``error``: why the pass is not whole.
    """

    context: Context
    store: Store | None
    history: History
    list_title: str
    back: WriteBack | None = None
    fixing: Fixing | None = None
    error: str | None = None
    freshness: Freshness | None = None
    """Of what the list shows after it; None where it did not come to that."""

    async def make(self, *, dry_run: bool, approved: str | None) -> None:
        """``approved``: the checksum that a person lets through. Raises ServiceError, ListProblem: what came before it
        is kept.
        """
        context = self.context
        await read_list(context)
        if not dry_run:
            with suppress(StateUnavailable):  # told when the pass is saved
                await note_approvals(context, self.store, self.list_title)
        await resolve_users(context)
        answered_before = dict(context.observed.answered)
        await poll_presence(context)
        known_rows = await self.history.known_rows(self.list_title)
        if approved is not None and context.writers.is_about(approved):
            await context.writers.accept(context.observed.rows)
            approved = None
        approved_plan = None if await self._is_for_fixes(approved) else approved
        self.back = await self._written(dry_run=dry_run, approved=approved_plan, known_rows=known_rows)
        if approved_plan is not None and self.back.held is None:
            known_rows = None
        self.fixing = await self._fixed(self.back, dry_run=dry_run, approved=approved, known_rows=known_rows)
        self.error = self.back.error
        self.freshness = freshness_of_pass(context, answered_before)

    async def mirrored(self) -> Mirrored | None:
        """The list of anomalies, kept after the pass; None where the settings name none."""
        try:
            return await mirror_anomalies(self.context, self.store, self.list_title)
        except (ServiceError, ListProblem) as failure:
            return Mirrored(error=failure.told if isinstance(failure, ServiceError) else str(failure))

    async def _is_for_fixes(self, approved: str | None) -> bool:
        """Whether a person lets fixes through, and not a plan."""
        if approved is None:
            return False
        fixing = await apply_fixes(self.context, self.store, self.list_title, dry_run=True)
        return fixing is not None and fixing.held is not None and fixing.held.checksum == approved

    async def _written(self, *, dry_run: bool, approved: str | None, known_rows: int | None) -> WriteBack:
        """In turns, for rows that a person changed meanwhile: a few, since somebody who types faster than we write is
        left to the next pass. Each turn is judged by the fuses, but that rows are gone is approved for the whole pass.
        """
        whole = await write_back(self.context, dry_run=dry_run, approved=approved, known_rows=known_rows)
        if approved is not None and whole.held is None:
            known_rows = None
        for _ in range(_MORE_TURNS):
            if dry_run or whole.error or not not_held(self.context, whole.held):
                break
            whole.add(await write_back(self.context, known_rows=known_rows, leave=whole.held))
        return whole

    async def _fixed(
        self, back: WriteBack, *, dry_run: bool, approved: str | None, known_rows: int | None
    ) -> Fixing | None:
        """Approved fixes, and then what comes of them in the list, within the same pass."""
        if back.held or back.error:
            return None
        try:
            fixing = await apply_fixes(self.context, self.store, self.list_title, dry_run=dry_run, approved=approved)
        except (ServiceError, ListProblem) as failure:
            return Fixing(error=failure.told if isinstance(failure, ServiceError) else str(failure))
        if fixing is not None and (fixing.done or fixing.conflicts):
            await resolve_news(self.context)
            await poll_presence(self.context)
            another = await self._written(dry_run=False, approved=None, known_rows=known_rows)
            back.writes.planned += another.writes.planned
            back.add(another)
        return fixing
