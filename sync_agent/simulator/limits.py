"""Microsoft's limits: so many units in a window, per app and tenant. A throttled request counts too."""

from __future__ import annotations

import math

from sync_agent.simulator.meter import Window
from sync_agent.simulator.wire import Failure
from sync_agent.simulator.world import Tenant, World

PRESENCE: Window = (1_500, 30.0)


def directory_window(tenant: Tenant) -> Window:
    """By the tenant's size (Graph throttling limits: identity and access)."""
    users = len(tenant.users)
    return (3_500 if users < 50 else 5_000 if users <= 500 else 8_000, 10.0)


def sharepoint_window(tenant: Tenant) -> Window:
    return (tenant.sharepoint_units, 60.0)


def charge(world: World, kind: str, tenant: Tenant, app_id: str, window: Window, units: float) -> dict[str, str]:
    """Spend ``units``; the headers that tell how near the limit is. Raises Failure(429) beyond it."""
    if not world.limited:
        return {}
    share, wait = world.meter.charge(f"{kind}/{tenant.id}/{app_id}", window, units)
    if wait:
        world.requests["throttled"] += 1
        headers = {"retry-after": str(math.ceil(wait))}
        raise Failure(429, "TooManyRequests", "Too many requests: your app has used up its limit.", headers)
    if kind == "sharepoint" and share >= 0.8:
        limit = int(window[0])
        return {
            "ratelimit-limit": str(limit),
            "ratelimit-remaining": str(max(0, int(limit * (1 - share)))),
            "ratelimit-reset": "30",
        }
    if kind == "directory":
        headers = {"x-ms-resource-unit": str(int(units))}
        return {**headers, "x-ms-throttle-limit-percentage": f"{share:.2f}"} if share >= 0.8 else headers
    return {}
