"""Read the Agent list: whole, which starts every pass and heals whatever was missed; or only what changed since.

Reading goes before the writes that wait for SharePoint's budget: it takes a few units a turn, and in a backlog of
minutes nobody would learn of an edit, nor of a row that needs no write any more.
"""

from __future__ import annotations

import structlog

from sync_agent.jobs.context import Context
from sync_agent.microsoft365.agent_list import Changes, WholeListNeeded
from sync_agent.microsoft365.pacing import Priority, going_at

_log = structlog.get_logger()

_MANY_DELETED = 10
"""Rows in one turn: so many are believed gone only when the whole list, read and counted, is without them."""


async def read_list(context: Context, *, follow: bool = False) -> None:
    """Put the rows as they are now into what is observed; ``follow``: so that `follow_list` can go on from there.

    Raises ServiceError when the list could not be read whole: then nothing is changed, since a half-read list is not
    the list. Raises ListProblem when the site, the list or a column is not as the settings say.
    """
    stage = context.progress.stage("Reading the list")
    context.observed.begin_reading()
    with going_at(Priority.URGENT):
        rows = await context.edges.agent_list.read(stage.advance, follow=follow)
    await context.observed.take_rows(rows, context.clock())
    await context.writers.look(context.observed.rows, rows, judge=context.may_write())
    context.observed.forget_names(context.observed.names())
    stage.done(f"{len(rows):,} rows")
    _log.debug("list_read", rows=len(rows))


async def follow_list(context: Context) -> bool:
    """Put what changed since the list was last read or followed into what is observed; False: that cannot be told, and
    the whole list has to be read.

    Raises ServiceError and ListProblem as `read_list` does; what changed is then told the next time.
    """
    observed = context.observed
    observed.begin_reading()
    with going_at(Priority.URGENT):
        told = await context.edges.agent_list.changes(observed.rows)
    reason = _not_enough(told, context)
    if isinstance(told, Changes) and reason is None:
        observed.put_followed(told.rows, told.deleted, context.clock())
        await context.writers.look(observed.rows, told.rows.values(), judge=context.may_write())
        _log.debug("list_followed", changed=len(told.rows), deleted=len(told.deleted))
        return True
    _log.debug("list_not_followed", reason=reason)
    return False


def _not_enough(told: Changes | WholeListNeeded, context: Context) -> str | None:
    if isinstance(told, WholeListNeeded):
        return told.reason
    gone = len(told.deleted & context.observed.rows.keys())
    return f"{gone:,} rows were deleted" if gone >= _MANY_DELETED else None
