"""Microsoft's limits: so many units in a window, per app and tenant. A throttled request counts too."""

from __future__ import annotations

import math

from sync_agent.simulator.meter import Charged, Window
from sync_agent.simulator.tokens import Principal
from sync_agent.simulator.wire import Call, Failure
from sync_agent.simulator.world import Tenant

_PRESENCE: Window = (1_500, 30.0)
_DAY = 86_400.0
_MINUTES_A_DAY = 1_000
"""The units of 24 hours are a thousand times those of a minute, whatever the size of the tenant."""
_TOLD_FROM = 0.8
"""The share of a limit from which answers tell of it."""
_MOST_TOLD = 1.8
"""Where x-ms-throttle-limit-percentage ends."""


def charge_presence(call: Call, who: Principal) -> None:
    """Raises Failure(429)."""
    call.world.requests["presence"] += 1
    charged = _spend(call, "presence", who, _PRESENCE, 1)
    _refuse_beyond(call, charged)


def charge_directory(call: Call, who: Principal, units: float) -> None:
    """A $select or a small $top makes a request one unit cheaper each, never cheaper than one. Raises Failure(429)."""
    call.world.requests["directory"] += 1
    top = call.query.get("$top", "")
    spent = max(1.0, units - ("$select" in call.query) - (top.isdigit() and int(top) < 20))
    charged = _spend(call, "directory", who, _directory_window(who.tenant), spent)
    if charged is None:
        return
    call.owed["x-ms-resource-unit"] = str(int(spent))
    if charged.share >= _TOLD_FROM:
        call.owed["x-ms-throttle-limit-percentage"] = f"{min(charged.share, _MOST_TOLD):.1f}"
    if charged.wait:
        call.owed["x-ms-throttle-scope"] = f"Tenant_Application/ReadWrite/{who.app_id}/{who.tenant.id}"
        call.owed["x-ms-throttle-information"] = "ResourceUnitLimitExceeded"
    _refuse_beyond(call, charged)


def charge_sharepoint(call: Call, who: Principal, units: float) -> None:
    """Raises Failure(429)."""
    call.world.requests["sharepoint"] += 1
    limit = who.tenant.sharepoint_units
    of_day = _spend(call, "sharepoint day", who, (limit * _MINUTES_A_DAY, _DAY), units)
    charged = _spend(call, "sharepoint", who, (limit, 60.0), units)
    if charged is not None and charged.share >= _TOLD_FROM:
        call.owed |= {
            "ratelimit-limit": str(limit),
            "ratelimit-remaining": str(max(0, int(limit * (1 - charged.share)))),
            "ratelimit-reset": str(math.ceil(charged.resets_in)),
        }
    _refuse_beyond(call, charged)
    _refuse_beyond(call, of_day)


def _directory_window(tenant: Tenant) -> Window:
    """By the tenant's size (Graph throttling limits: identity and access)."""
    users = len(tenant.users)
    return (3_500 if users < 50 else 5_000 if users <= 500 else 8_000, 10.0)


def _spend(call: Call, kind: str, who: Principal, window: Window, units: float) -> Charged | None:
    """None where limits do not hold."""
    if not call.world.limited:
        return None
    return call.world.meter.charge(f"{kind}/{who.tenant.id}/{who.app_id}", window, units)


def _refuse_beyond(call: Call, charged: Charged | None) -> None:
    if charged is None or not charged.wait:
        return
    call.world.requests["throttled"] += 1
    headers = {"retry-after": str(math.ceil(charged.wait))}
    raise Failure(429, "TooManyRequests", "Too many requests: your app has used up its limit.", headers)
