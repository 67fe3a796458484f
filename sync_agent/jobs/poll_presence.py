"""One sweep: read the presence of every matched user, and mark the rows whose shown presence is no longer true."""

from __future__ import annotations

import structlog

from sync_agent.jobs.context import Context

_log = structlog.get_logger()


async def poll_presence(context: Context) -> None:
    """Sweep once. Users whose presence could not be asked keep what was last known of them."""
    users = context.observed.watched
    stage = context.progress.stage("Reading presence", sum(map(len, users.values())))
    sweep = await context.edges.presence.sweep(users, stage.advance)
    news = context.observed.put_presences(sweep.values, sweep.read_at)
    if sweep.failed:
        reasons = sorted({failure.reason for failure in sweep.failed.values()})
        _log.warning("presence_could_not_be_asked", users=len(sweep.failed), reasons=reasons)
    stage.done(f"{len(sweep.values):,} users, {news:,} news")

