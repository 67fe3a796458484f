"""One sweep: read the presence of every matched user, and mark the rows whose shown presence is no longer true."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from sync_agent.jobs.context import Context
from sync_agent.jobs.observed import Observed
from sync_agent.model import CouldNotAsk

_log = structlog.get_logger()


async def poll_presence(context: Context) -> None:
    """Sweep once. Users whose presence could not be asked keep what was last known of them."""
    users = context.observed.watched
    stage = context.progress.stage("Reading presence", sum(map(len, users.values())))
    sweep = await context.edges.presence.sweep(users, stage.advance)
    news = context.observed.put_presences(sweep.parts, sweep.read_at)
    context.observed.put_unread(sweep.failed, sweep.read_at, context.patience.presence)
    _note_trouble(context.observed, sweep.failed)
    read = sum(len(part.every) for part in sweep.parts)
    stage.done(f"{read:,} users, {news:,} news")


def _note_trouble(observed: Observed, failed: Mapping[str, CouldNotAsk]) -> None:
    """Keep, and log once per change, why presence could not be read."""
    trouble = {}
    for tenant_id, users in observed.watched.items() if failed else ():
        reasons = [failed[user_id].reason for user_id in users if user_id in failed]
        if reasons:
            trouble[tenant_id] = f"presence of {len(reasons):,} of {len(users):,} users: {reasons[0]}"
    for tenant_id, reason in trouble.items():
        if tenant_id not in observed.presence_trouble:
            _log.warning("presence_could_not_be_asked", tenant=tenant_id, reason=reason)
    for tenant_id in observed.presence_trouble.keys() - trouble.keys():
        _log.info("presence_is_read_again", tenant=tenant_id)
    observed.presence_trouble = trouble
