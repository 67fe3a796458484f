"""What `sync-agent check` reckons: whether the limits let through what the list and the settings ask for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from sync_agent.capacity import capacity
from sync_agent.check.observed import DaySeen, DomainsSeen, LimitsSeen, ListSeen, TenantLimit
from sync_agent.limiting import limits
from sync_agent.microsoft365.pacing.reserve import Reserve
from sync_agent.settings import Settings
from sync_agent.state.examining import spent_of_day


def see_limits(
    settings: Settings, agents: ListSeen, known: DomainsSeen, stated: float | None, day: DaySeen | None
) -> LimitsSeen | None:
    """None where the rows are not known. ``stated``: units a minute that SharePoint named itself."""
    if agents.rows is None:
        return None
    # Imported only now: it brings the Office365 library along.
    from sync_agent.jobs.measure_capacity import demand_of_counts, means_of, schedule_of  # noqa: PLC0415

    counts = _names(settings, agents, known)
    demand = demand_of_counts(agents.rows.count, counts, settings)
    units = settings.pacing.sharepoint_units_per_minute
    more = agents.api == "graph" and not agents.rows.whole  # by REST the list tells its count
    try:
        found = capacity(demand, schedule_of(settings), means_of(settings))
    except ValueError:
        return LimitsSeen(agents.rows.count, (), None, units, stated, day, more)
    told = list(limits(found))
    tenants = [
        TenantLimit(tenant.id, tenant.held, tenant.wanted, limit.used, limit.todo)
        for tenant, limit in zip(found.tenants, told[-len(found.tenants) :], strict=True)
    ]
    nearest = max(told[: -len(found.tenants)], key=lambda each: each.used)
    return LimitsSeen(agents.rows.count, tenants, (nearest.what, nearest.used, nearest.todo), units, stated, day, more)


def see_day(settings: Settings, budget: str) -> DaySeen | None:
    """None where no service has told. ``budget``: what services call the one that the list is paid from. Blocks."""
    reserve = Reserve(settings.pacing.units_per_day * settings.pacing.share)
    missing = spent_of_day(settings.state.database, budget, reserve.inflow, datetime.now(UTC))
    return None if missing is None else DaySeen(reserve.level, missing, reserve.inflow)


def _names(settings: Settings, agents: ListSeen, known: DomainsSeen) -> Counter[str]:
    """UPNs by tenant; the rows that were not read are taken to be like those that were. Where domains are not known,
    one tenant is taken to have all of the rest.
    """
    assert agents.rows is not None
    read = sum(agents.rows.domains.values()) + agents.rows.without_upn
    scale = agents.rows.count / read if read else 1.0
    # As the settings name each tenant: an id or a domain of it.
    tenants = {account.id: account.tenant_id for account in settings.accounts}
    tenant_of = {domain: tenants[account] for account, domains in known.of_accounts.items() for domain in domains or ()}
    counts = Counter(dict.fromkeys(tenants.values(), 0))
    unknown = [tenants[account] for account, domains in known.of_accounts.items() if domains is None]
    for domain, count in agents.rows.domains.items():
        tenant = tenant_of.get(domain) or (unknown[0] if unknown else None)
        if tenant is not None:
            counts[tenant] += round(count * scale)
    return counts
