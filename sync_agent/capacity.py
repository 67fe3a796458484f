"""What a list of so many agents takes, against what Microsoft's limits let through: before anything runs.

Figures of the limits: learn.microsoft.com, "Microsoft Graph service-specific throttling limits" (presence: 1,500
requests in 30 s, an app and tenant) and "Avoid getting throttled or blocked in SharePoint Online" (units an app a
minute, and a thousand times as many a day, by the licences of the tenant; a write costs 2). They are handed over as
values, as the product itself goes by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from sync_agent.queueing import Rush, Waiting, rush, waiting

CHANGES_AN_HOUR = 8.0
"""Of an agent at work: three calls, most with a minute of wrapping up, breaks, lunch and a meeting come to that."""
HOURS_A_DAY = 8.5
RUSH = 600.0
"""Seconds within which a shift starts."""
ANSWER = 0.5
"""Seconds that a request takes."""
_DAY_IN_MINUTES_OF_LIMIT = 1_000
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class TenantDemand:
    """``names``: UPNs of the list that are asked of it; ``registrations``: apps whose presence budgets it has."""

    id: str
    names: int
    registrations: int


@dataclass(frozen=True, slots=True)
class Demand:
    rows: int
    tenants: Sequence[TenantDemand]
    changes_an_hour: float = CHANGES_AN_HOUR


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds, as in the settings."""

    presence: float
    read_list: float
    read_whole_list: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the limits and the product's own ways come to. ``share`` of each limit is used.

    ``units_a_row``: of a write, with what is read for it; ``requests_a_batch``: of ``rows_a_batch`` rows, one after the
    other in ``rounds_a_batch``.
    """

    share: float
    sharepoint_a_minute: int
    presence_a_second: float
    ids_a_request: int
    rows_a_page: int
    units_a_page: float
    units_a_turn: float
    units_a_row: float
    rows_a_batch: int
    requests_a_batch: int
    rounds_a_batch: int
    names_a_batch: int
    batches_at_once: int
    for_others: float = 0.0
    """Part of SharePoint's budget that goes into the list of anomalies."""

    @property
    def units_a_second(self) -> float:
        return self.sharepoint_a_minute * self.share / 60

    @property
    def units_a_day(self) -> float:
        return self.sharepoint_a_minute * self.share * _DAY_IN_MINUTES_OF_LIMIT


@dataclass(frozen=True, slots=True)
class TenantCapacity:
    """``held``: the seconds between two readings of one agent's presence; ``used``: of the presence limit, 1 is all."""

    id: str
    names: int
    registrations: int
    requests_a_sweep: int
    wanted: float
    held: float
    used: float
    registrations_needed: int


@dataclass(frozen=True, slots=True)
class SharePointCapacity:
    """``rows_a_second``: that can be written, beside what reading takes. ``used``: of the minute, ``used_of_day``: of
    the day, 1 is all.
    """

    rows_a_second: float
    used: float
    used_of_day: float
    units_a_day: float
    usual: Waiting
    rush: Rush


@dataclass(frozen=True, slots=True)
class UntilShown:
    """Seconds from a change of presence until the list shows it."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Capacity:
    """``requests``: of the first pass, by kind, beside a few to find the list and the tenants' domains."""

    demand: Demand
    means: Means
    tenants: tuple[TenantCapacity, ...]
    sharepoint: SharePointCapacity
    requests: dict[str, int]
    first_pass: float

    @property
    def right(self) -> float:
        """Share of the rows that are right at any moment, while all agents are at work."""
        return 1.0 if self.demand.rows == 0 else 1 - self.sharepoint.usual.rows / self.demand.rows

    @property
    def presence_age(self) -> float:
        """Seconds after which a presence is read again, in the slowest tenant."""
        return max((tenant.held for tenant in self.tenants), default=0.0)

    @property
    def until_shown(self) -> UntilShown:
        """Until it is read, at the slowest tenant's interval, and then until it is written."""
        usual = self.sharepoint.usual
        return UntilShown(self.presence_age * 0.5 + usual.p50, self.presence_age * 0.95 + usual.p95)


def capacity(demand: Demand, schedule: Schedule, means: Means) -> Capacity:
    """Raises ValueError where SharePoint's budget does not even suffice to read the list."""
    tenants = tuple(_tenant(each, schedule, means) for each in demand.tenants)
    requests = requests_of_pass(demand, means)
    return Capacity(
        demand, means, tenants, _sharepoint(demand, schedule, means), requests, _first_pass(demand, means, requests)
    )


def requests_of_pass(demand: Demand, means: Means) -> dict[str, int]:
    """Of a first pass that writes every row, beside what wrong rows cost: a few to find out who is meant."""
    return {
        "list": pages(demand.rows, means) + means.requests_a_batch * ceil(demand.rows / means.rows_a_batch),
        "directory": sum(ceil(each.names / means.names_a_batch) for each in demand.tenants),
        "presence": sum(ceil(each.names / means.ids_a_request) for each in demand.tenants),
    }


def pages(rows: int, means: Means) -> int:
    """Requests to read the whole list; an empty list takes one as well."""
    return max(1, ceil(rows / means.rows_a_page))


def _tenant(demand: TenantDemand, schedule: Schedule, means: Means) -> TenantCapacity:
    requests = ceil(demand.names / means.ids_a_request)
    allowed = means.presence_a_second * means.share
    least = requests / (allowed * demand.registrations)
    wanted = schedule.presence
    needed = max(1, ceil(requests / (allowed * wanted) - 1e-9))
    held = max(wanted, least)
    return TenantCapacity(demand.id, demand.names, demand.registrations, requests, wanted, held, least / wanted, needed)


def reading_units_a_second(rows: int, schedule: Schedule, means: Means) -> float:
    turns = means.units_a_turn / schedule.read_list
    return turns + pages(rows, means) * means.units_a_page / schedule.read_whole_list


def _sharepoint(demand: Demand, schedule: Schedule, means: Means) -> SharePointCapacity:
    reading = reading_units_a_second(demand.rows, schedule, means)
    left = means.units_a_second * (1 - means.for_others) - reading
    if left <= 0:
        raise ValueError("SharePoint's units do not even suffice to read the list")
    rows_a_second = left / means.units_a_row
    changes = demand.changes_an_hour / 3_600
    writing = demand.rows * changes * means.units_a_row
    a_day = reading * _DAY + min(writing, left) * HOURS_A_DAY * 3_600 + demand.rows * means.units_a_row
    return SharePointCapacity(
        rows_a_second,
        writing / left,
        a_day / means.units_a_day,
        a_day,
        waiting(demand.rows, changes, rows_a_second),
        rush(demand.rows, RUSH, demand.rows * changes, rows_a_second),
    )


def _first_pass(demand: Demand, means: Means, requests: dict[str, int]) -> float:
    """Seconds: what the budget takes, which lets a minute's units through at once, or the network, if that is more."""
    reading = pages(demand.rows, means)
    units = demand.rows * means.units_a_row + reading * means.units_a_page
    by_budget = max(0.0, units / means.units_a_second - 60)
    most_names = max((ceil(each.names / means.names_a_batch) for each in demand.tenants), default=0)
    batches = ceil(demand.rows / means.rows_a_batch) * means.rounds_a_batch / means.batches_at_once
    return ANSWER * (reading + most_names + 1) + max(by_budget, ANSWER * batches)
