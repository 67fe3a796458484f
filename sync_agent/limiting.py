"""Which limit of Microsoft's is the nearest for a list, and what helps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from sync_agent.capacity import Capacity, Means, TenantCapacity

TIERS = (1_200, 2_400, 3_600, 4_800, 6_000)
"""SharePoint's units an app and minute: up to 1,000, 5,000, 15,000, 50,000 licences in the tenant, and above."""


@dataclass(frozen=True, slots=True)
class Limiting:
    """``used``: what is asked of it, 1 being all that it lets through. ``todo``: what helps; "" where nothing need."""

    what: str
    used: float
    todo: str = ""


def limiting(found: Capacity) -> Limiting:
    """The one limit that is nearest, or is exceeded most."""
    return max(limits(found), key=lambda each: each.used)


def limits(found: Capacity) -> Iterator[Limiting]:
    """SharePoint's two first, then presence, a tenant each in the order of ``found``."""
    sharepoint, means = found.sharepoint, found.means
    yield Limiting("SharePoint's units a minute", sharepoint.used, _bigger(sharepoint.used, means))
    yield Limiting("SharePoint's units a day", sharepoint.used_of_day, _bigger(sharepoint.used_of_day, means))
    for tenant in found.tenants:
        yield Limiting(f"presence requests in tenant {tenant.id}", tenant.used, _more_requests(tenant))


def _more_requests(tenant: TenantCapacity) -> str:
    if tenant.used <= 1:
        return ""
    more = tenant.registrations_needed - tenant.registrations
    registrations = f"{more} app registration{'' if more == 1 else 's'}"
    what = "schedule.presence" if tenant.worst_age is None else "presence.worst_age"
    return f"raise {what} to {_duration(tenant.oldest)}, or add {registrations} to the tenant as accounts"


def _duration(seconds: float) -> str:
    """Rounded up, as the settings have it."""
    return f"{ceil(seconds * 1_000)}ms" if seconds < 1 else f"{ceil(seconds)}s"


def _bigger(used: float, means: Means) -> str:
    """The limit goes by the tenant's licences, so nobody can simply raise it."""
    if used <= 1:
        return ""
    needed = means.sharepoint_a_minute * used
    tier = next((each for each in TIERS if each >= needed), None)
    enough = f"{tier:,} a minute would do" if tier else f"no tenant's limit suffices ({TIERS[-1]:,} a minute)"
    return (
        f"set pacing.sharepoint_units_per_minute to what your tenant's licences give ({enough}); "
        "what remains is spent on what matters most, and the rest of the list lags behind"
    )
