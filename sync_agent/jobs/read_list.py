"""Read the whole Agent list: the start of every pass, and what heals whatever was missed since the last."""

from __future__ import annotations

import structlog

from sync_agent.jobs.context import Context

_log = structlog.get_logger()


async def read_list(context: Context) -> None:
    """Put the rows as they are now into what is observed.

    Raises ServiceError when the list could not be read whole: then nothing is changed, since a half-read list is not
    the list. Raises ListProblem when the site, the list or a column is not as the settings say.
    """
    stage = context.progress.stage("Reading the list")
    rows = await context.edges.agent_list.read(stage.advance)
    context.observed.put_rows(rows, context.clock())
    context.observed.forget_names(context.observed.names())
    stage.done(f"{len(rows):,} rows")
    _log.debug("list_read", rows=len(rows))
