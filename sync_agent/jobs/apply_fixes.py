"""Write into the UPN column what a person approved, and nothing that has become doubtful since.

Before a fix is written, the tenants are asked about it anew, the row is read anew, and the journal is told. A person
who edits the row in between is faster by its version: nothing is written, and the row is decided again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog
from msgspec import structs

from sync_agent.fixes import Fixes, Unfollowed, approved_in, confirmed, first_seen, judge_fixes, plan_fixes
from sync_agent.jobs.approvals import note_approvals
from sync_agent.jobs.context import Context
from sync_agent.jobs.fix_journal import FixJournal
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.microsoft365.agent_list import FIXES_AT_ONCE, LastEdit
from sync_agent.microsoft365.errors import NotFound, Overtaken, ServiceError
from sync_agent.microsoft365.side_by_side import chunks
from sync_agent.model import Fix, Row
from sync_agent.outcome import Fixing
from sync_agent.reconcile import names_to_ask
from sync_agent.state.store import StateUnavailable, Store
from sync_agent.upn import key

_log = structlog.get_logger()

_NO_COLUMN = "safety.approved_fixes: the list has no column in which people approve. Run `sync-agent provision`."
_NO_STATE = "No fix is written where it cannot be journalled, to be undone"
_NO_LAST_WORD = "The journal says of the last fixes only that they were to be written"

Ask = Callable[[frozenset[str]], Awaitable[object]]


async def apply_fixes(
    context: Context,
    store: Store | None,
    list_title: str,
    *,
    ask: Ask | None = None,
    dry_run: bool = False,
    approved: str | None = None,
    stop: asyncio.Event | None = None,
) -> Fixing | None:
    """Comes after the fuses have let a pass through; None where the settings allow no fixes.

    ``ask``: who asks the tenants about names, where that is not resolve_users itself; ``approved`` is the checksum of
    held fixes to be let through; after ``stop`` is set no further few are begun.

    A fixed row is put into what is observed, with its verdict, and is planned with everything else. What failed is
    counted and logged. Raises ServiceError, ListProblem, before anything is written.
    """
    if not context.safety.approved_fixes:
        return None
    if not await context.edges.agent_list.takes_approvals():
        return Fixing(error=_NO_COLUMN)
    without_state: StateUnavailable | None = None
    try:
        await note_approvals(context, store, list_title, keep=not dry_run)
    except StateUnavailable as failure:
        without_state = failure
    result = Fixing(await _planned(context, ask or partial(resolve_users, context)))
    _note_unfollowed(context, result.planned.unfollowed)
    held = judge_fixes(result.planned, len(context.observed.rows), context.safety)
    result.held = None if held is not None and held.checksum == approved else held
    if dry_run or result.held is not None or not result.planned.fixes:
        return result
    if without_state is not None:
        return _failed(result, f"{_NO_STATE}: {without_state}")
    stage = context.progress.stage("Fixing UPNs", len(result.planned.fixes))
    journal = FixJournal(store, list_title, context.clock, context.journal)
    after: dict[int, Row | None] = {}
    try:
        for some in chunks(result.planned.fixes, FIXES_AT_ONCE):
            if (stop is not None and stop.is_set()) or not context.may_write():
                break
            await _fix(context, journal, some, result, after)
            stage.advance(len(some))
    except StateUnavailable as failure:
        result.error = f"{_NO_STATE}: {failure}"
    except ServiceError as failure:
        result.error = failure.told
    context.observed.put_overtaken(after)  # once, for it decides the whole list anew
    stage.done(f"{len(result.done):,} of {len(result.planned.fixes):,} written")
    return result if result.error is None else _failed(result, result.error)


def _failed(result: Fixing, reason: str) -> Fixing:
    _log.warning("fixes_not_written", reason=reason)
    result.error = reason
    return result


async def _planned(context: Context, ask: Ask) -> Fixes:
    """Twice: the second time on what the tenants say, at this moment, of these few rows and of their new UPNs."""
    first = fixes_now(context)
    if not first.fixes:
        return first
    names = names_to_ask(fix.row for fix in first.fixes) | {key(fix.upn) for fix in first.fixes}
    await ask(names)
    observed = context.observed
    answered = {name: match for name, match in observed.matches.items() if name not in observed.unanswered}
    return confirmed(fixes_now(context), answered)


def fixes_now(context: Context) -> Fixes:
    """What is observed now gives rise to; nothing is asked."""
    observed = context.observed
    rows = tuple(observed.rows.values())
    sure = {row.id for row in rows if approved_in(row) and _is_sure(context, row)}
    return plan_fixes(rows, observed.verdicts, sure, first_seen(observed.approvals, rows))


def _is_sure(context: Context, row: Row) -> bool:
    """All of it asked, and no answer of it old because the latest question failed."""
    observed = context.observed
    return observed.is_known(row) and observed.unanswered.keys().isdisjoint(names_to_ask([row]))


def _note_unfollowed(context: Context, unfollowed: Sequence[Unfollowed]) -> None:
    """Log once per change which approvals are not followed, and why."""
    for each in unfollowed:
        if each not in context.observed.unfollowed:
            _log.warning("approval_not_followed", row=each.row_id, reason=each.reason)
    context.observed.unfollowed = frozenset(unfollowed)


async def _fix(
    context: Context, journal: FixJournal, fixes: Sequence[Fix], result: Fixing, after: dict[int, Row | None]
) -> None:
    """A few fixes from their reading to what came of them: ``after`` gets the rows as they are then, None for one that
    was deleted. Raises StateUnavailable before anything is written, and ServiceError.
    """
    edits = await context.edges.agent_list.last_edits([fix.row.id for fix in fixes])
    todo = [structs.replace(fix, row=edits[fix.row.id].row) for fix in fixes if _stands(fix, edits.get(fix.row.id))]
    await journal.intended(todo, edits)
    answers = dict(zip([fix.row.id for fix in todo], await context.edges.agent_list.fix(todo), strict=True))
    after |= await _read_again(context, [fix.row.id for fix in fixes])
    done = [fix for fix in todo if answers[fix.row.id] is None or _shows(after.get(fix.row.id), fix)]
    faster = [fix for fix in todo if isinstance(answers[fix.row.id], Overtaken | NotFound)]
    overtaken = [fix for fix in faster if fix not in done]
    failed = {fix.row.id: answers[fix.row.id] for fix in todo if fix not in done and fix not in overtaken}
    result.done.update(fix.row.id for fix in done)
    result.conflicts += len(fixes) - len(todo) + len(overtaken)
    result.failed += len(failed)
    for fix in done:
        _log.info("upn_fixed", row=fix.row.id, code=str(fix.code))
    for row_id, error in failed.items():
        if error is not None:
            _log.warning("upn_not_fixed", row=row_id, reason=error.told)
    try:
        await journal.not_written([fix for fix in overtaken if fix.row.id in after])
        await journal.written(done)
    except StateUnavailable as failure:
        raise ServiceError(f"{_NO_LAST_WORD}: {failure}") from failure


def _stands(fix: Fix, edit: LastEdit | None) -> bool:
    """Whether what the fix was decided on is as it was, what the row shows of its user included."""
    return edit is not None and _decided_on(fix.row) == _decided_on(edit.row)


def _decided_on(row: Row) -> tuple[str | None, str, str, str]:
    return row.upn, row.name, row.approved, row.shown.object_id


async def _read_again(context: Context, ids: Sequence[int]) -> dict[int, Row | None]:
    """The rows as they are now; none of them where they cannot be read: the next reading of the list will tell."""
    try:
        found = await context.edges.agent_list.read_rows(ids)
    except ServiceError:
        return {}
    return {id_: found.get(id_) for id_ in ids}


def _shows(now: Row | None, fix: Fix) -> bool:
    """Whether the row is as the fix leaves it. That tells more than an answer: one may be lost, and a write that was
    made, answered as throttled and repeated finds another version than its own.
    """
    return now is not None and (now.upn, now.approved) == (fix.upn, "")
