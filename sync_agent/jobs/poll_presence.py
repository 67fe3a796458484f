"""The presence of every matched user, read in one sweep or all the time: it marks the rows whose shown presence is no
longer true.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from sync_agent.jobs.context import Context
from sync_agent.jobs.observed import Observed
from sync_agent.model import CouldNotAsk

_log = structlog.get_logger()

_STOCK_IS_TAKEN = 1.0
"""Seconds, at least, between two looks at who could not be read."""


async def poll_presence(context: Context) -> None:
    """Sweep once. Users whose presence could not be asked keep what was last known of them."""
    users = context.observed.watched
    stage = context.progress.stage("Reading presence", sum(map(len, users.values())))
    sweep = await context.edges.presence.sweep(users, stage.advance)
    news = context.observed.put_presences(sweep.parts, sweep.read_at)
    answered = [tenant_id for tenant_id, ids in users.items() if any(id_ not in sweep.failed for id_ in ids)]
    context.observed.put_unread(
        sweep.failed, dict.fromkeys(answered, sweep.read_at), sweep.read_at, context.patience.presence
    )
    _note_trouble(context.observed, sweep.failed)
    read = sum(len(part.every) for part in sweep.parts)
    stage.done(f"{read:,} users, {news:,} news")


async def follow_presence(context: Context, interval: float, stop: asyncio.Event) -> None:
    """Ask for everybody every ``interval`` seconds until told to stop. Raises what is our own fault, in a group."""
    observed, reader = context.observed, context.edges.presence
    async with asyncio.TaskGroup() as group:
        tasks = (
            group.create_task(reader.follow(lambda: observed.watched, interval, observed.put_presences)),
            group.create_task(_take_stock(context, max(interval, _STOCK_IS_TAKEN))),
        )
        await stop.wait()
        for task in tasks:
            task.cancel()


async def _take_stock(context: Context, interval: float) -> None:
    while True:
        await asyncio.sleep(interval)
        observed, rounds = context.observed, context.edges.presence.rounds
        failed = {user_id: why for each in rounds.values() for user_id, why in each.failed().items()}
        answered = {tenant_id: at for tenant_id, each in rounds.items() if (at := each.answered_at) is not None}
        observed.put_unread(failed, answered, context.clock(), context.patience.presence)
        _note_trouble(observed, failed)


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
