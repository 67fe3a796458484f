"""Whether Microsoft's limits let through what the settings ask for."""

from __future__ import annotations

from collections.abc import Iterator

from sync_agent.check.faults import found
from sync_agent.check.finding import Finding
from sync_agent.check.observed import LimitsSeen

_MUCH = 0.9
"""Of the units of a day."""


def judge(seen: LimitsSeen | None) -> Iterator[Finding]:
    if seen is None:
        return
    told = list(_too_low(seen))
    more = "the first " if seen.more else ""
    yield from told or [found("limits_suffice", "pacing", rows=f"{more}{seen.rows:,} rows")]


def _too_low(seen: LimitsSeen) -> Iterator[Finding]:
    for tenant in seen.tenants:
        if tenant.used > 1:
            values = {"tenant": tenant.tenant, "held": f"{tenant.held:.1f}", "wanted": f"{tenant.wanted:g}"}
            yield found("presence_limit_too_low", "schedule.presence", todo=tenant.todo, **values)
    subject = "pacing.sharepoint_units_per_minute"
    if seen.stated is not None and seen.stated < seen.set_units:
        values = {"stated": f"{seen.stated:.0f}", "set": f"{seen.set_units}"}
        yield found("limit_set_too_high", subject, **values)
    if seen.day is not None and seen.day.missing > _MUCH * seen.day.units:
        percent, an_hour = f"{100 * seen.day.missing / seen.day.units:.0f}", f"{3_600 * seen.day.inflow:,.0f}"
        values = {"units": f"{seen.day.units:,.0f}", "percent": percent, "an_hour": an_hour}
        yield found("day_nearly_spent", "pacing.sharepoint_units_per_day", **values)
    if seen.sharepoint is None:
        yield found("budget_below_reading", subject)
        return
    what, used, todo = seen.sharepoint
    if used > 1:
        percent = f"{100 * (1 - 1 / used):.0f}"
        yield found("sharepoint_limit_too_low", subject, what=what, percent=percent, todo=todo)
