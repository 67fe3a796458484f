"""What `sync-agent capacity` reckons with: the settings, and the list as it is or as somebody plans it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import ceil

from sync_agent.capacity import CHANGES_AN_HOUR, Demand, Means, Schedule, TenantDemand
from sync_agent.jobs.context import Context
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import route
from sync_agent.jobs.tenant_domains import tenant_domains
from sync_agent.microsoft365 import (
    graph_batch,
    graph_items,
    graph_list,
    graph_list_delta,
    graph_writing,
    own_list,
    sharepoint_batch,
    sharepoint_bulk,
    sharepoint_changes,
    sharepoint_list,
)
from sync_agent.microsoft365.accounts import PRESENCE_LIMIT
from sync_agent.microsoft365.name_lookup import NAMES_PER_BATCH
from sync_agent.microsoft365.pacing import AT_HAND, recovery
from sync_agent.microsoft365.presence import MOST_IDS
from sync_agent.settings import Auto, Settings

PART_FOR_ANOMALIES = 0.1
"""Of the SharePoint budget, in writes to the list of anomalies."""


async def demand_of_list(context: Context, settings: Settings, changes_an_hour: float = CHANGES_AN_HOUR) -> Demand:
    """Read the list, and which tenant has which of its names. Raises ListProblem, ServiceError."""
    await context.edges.agent_list.open()
    await read_list(context)
    names = context.observed.names()
    known = await tenant_domains(context, {name.rpartition("@")[2] for name in names})
    routed = route(names, known.told).by_tenant
    counts = {id_: len(routed.get(id_, ())) for id_ in registrations(settings)}
    return demand_of_counts(len(context.observed.rows), counts, settings, changes_an_hour)


def demand_planned(rows: int, settings: Settings, changes_an_hour: float = CHANGES_AN_HOUR) -> Demand:
    """So many rows, evenly over the tenants, each with a name of its own."""
    tenants = list(registrations(settings))
    counts = {id_: (rows + number) // len(tenants) for number, id_ in enumerate(tenants)}
    return demand_of_counts(rows, counts, settings, changes_an_hour)


def registrations(settings: Settings) -> Counter[str]:
    """By tenant: how many apps the accounts name. Microsoft counts by app, whatever the accounts are called."""
    apps = {(account.tenant_id, account.client_id) for account in settings.accounts}
    return Counter(tenant_id for tenant_id, _ in sorted(apps, key=str))


def demand_of_counts(
    rows: int, counts: Mapping[str, int], settings: Settings, changes_an_hour: float = CHANGES_AN_HOUR
) -> Demand:
    """``counts``: UPNs by tenant."""
    apps = registrations(settings)
    tenants = tuple(TenantDemand(id_, names, apps[id_]) for id_, names in counts.items())
    return Demand(rows, tenants, changes_an_hour)


def schedule_of(settings: Settings) -> Schedule:
    times = settings.schedule
    worst_age = settings.presence.worst_age if isinstance(times.presence, Auto) else None
    return Schedule(times.presence, times.read_list, times.read_whole_list, worst_age)


def means_of(settings: Settings) -> Means:
    """By REST, every batch of writes reads its rows before: that call takes no ETag. A companion list for presence is
    read and written beside, without that; rows then go in batches of its size.
    """
    by_graph, beside = settings.list_api() == "graph", settings.sharepoint.presence_list is not None
    most = graph_batch.MOST_PARTS if by_graph else sharepoint_batch.MOST_PARTS
    rows_a_batch = min(most, own_list.MOST_AT_ONCE) if beside else most
    read_before = 0 if by_graph else ceil(rows_a_batch / sharepoint_bulk.ROWS_A_FILTER)
    write = graph_writing.WRITE_UNITS if by_graph else sharepoint_bulk.WRITE_UNITS
    of_agents = write + read_before * sharepoint_bulk.READ_UNITS / rows_a_batch
    requests, seconds = PRESENCE_LIMIT
    return Means(
        share=settings.pacing.share,
        sharepoint_a_minute=settings.pacing.sharepoint_units_per_minute,
        sharepoint_a_day=settings.pacing.units_per_day,
        at_hand=AT_HAND,
        presence_a_second=requests / seconds,
        ids_a_request=MOST_IDS,
        rows_a_page=graph_items.PAGE if by_graph else sharepoint_bulk.PAGE,
        units_a_page=graph_items.LIST_UNITS if by_graph else sharepoint_bulk.READ_UNITS,
        units_a_turn=graph_list_delta.TURN_UNITS if by_graph else sharepoint_changes.TURN_UNITS,
        units_a_row=of_agents + write if beside else of_agents,
        units_a_change=write if beside else of_agents,
        rows_a_batch=rows_a_batch,
        requests_a_batch=read_before + 1 + beside,
        rounds_a_batch=(1 if by_graph else 2) + beside,
        names_a_batch=NAMES_PER_BATCH,
        batches_at_once=graph_list.BATCHES_AT_ONCE if by_graph else sharepoint_list.CHUNKS_AT_ONCE,
        refusal=recovery(60.0)[1],
        looks_a_reading=0 if by_graph else 1,
        lists=1 + beside,
        for_others=PART_FOR_ANOMALIES if settings.sharepoint.anomaly_list else 0.0,
    )
