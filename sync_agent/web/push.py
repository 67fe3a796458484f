"""Being told of presence, from the public address to the jobs."""

from __future__ import annotations

import asyncio

import structlog

from sync_agent.jobs.follow_push import FollowPush
from sync_agent.settings import PushSettings
from sync_agent.web.notification_endpoint import NotificationEndpoint, receiving

_log = structlog.get_logger()


async def pushed(push: FollowPush, settings: PushSettings, stop: asyncio.Event) -> None:
    """Until told to stop. Where the port cannot be had, Graph is not asked to tell of anything. Raises what is our own
    fault, in a group.
    """
    endpoint = NotificationEndpoint(settings.notification_url, push.offer, push.refuse)
    async with receiving(settings.listen, endpoint) as port:
        if port is None:
            await stop.wait()
            return
        _log.info("push_served", listen=settings.listen, paths=sorted(endpoint.paths))
        await push.run(stop)
