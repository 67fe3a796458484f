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
    """Seconds, as in the settings. ``worst_age``: where ``schedule.presence`` is auto, within which everybody is asked
    again; ``presence`` is then the shortest interval, which nobody is promised.
    """

    presence: float
    read_list: float
    read_whole_list: float
    worst_age: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the limits and the product's own ways come to. ``share`` of each limit is used.

    ``at_hand``: of a day's units, what may be spent as fast as the minute lets it; the rest flows in evenly.
    ``lists``: that a row's columns stand in, each read whole; ``units_a_row``: of writing all of a row, with what is
    read for it; ``units_a_change``: of a new presence alone; ``requests_a_batch``: of ``rows_a_batch`` whole rows, one
    after the other in ``rounds_a_batch``.
    """

    share: float
    sharepoint_a_minute: int
    sharepoint_a_day: float
    at_hand: float
    presence_a_second: float
    ids_a_request: int
    rows_a_page: int
    units_a_page: float
    units_a_turn: float
    units_a_row: float
    units_a_change: float
    rows_a_batch: int
    requests_a_batch: int
    rounds_a_batch: int
    names_a_batch: int
    batches_at_once: int
    refusal: float = 0.0
    """Seconds' worth of the minute's units that are lost with each refusal, as the rate grows again step by step."""
    looks_a_reading: int = 0
    """At how many items there are, each like a page."""
    lists: int = 1
    for_others: float = 0.0
    """Part of SharePoint's budget that goes into the list of anomalies."""

    @property
    def units_a_second(self) -> float:
        return self.sharepoint_a_minute * self.share / 60

    @property
    def units_a_day(self) -> float:
        return self.sharepoint_a_day * self.share

    @property
    def inflow(self) -> float:
        """Units a second that come into the reserve of a day."""
        return self.units_a_day * (1 - self.at_hand) / _DAY


@dataclass(frozen=True, slots=True)
class TenantCapacity:
    """``held``: the seconds between two readings of the presence of an agent at work; ``used``: of the presence limit,
    1 is all that what is promised takes, which is ``wanted`` or, where that is auto, ``worst_age``. ``oldest``: seconds
    after which anybody's is read again.
    """

    id: str
    names: int
    registrations: int
    requests_a_sweep: int
    wanted: float
    held: float
    used: float
    registrations_needed: int
    worst_age: float | None
    oldest: float


@dataclass(frozen=True, slots=True)
class SharePointCapacity:
    """``rows_a_second``: whose presence can be written all the hours of work, beside what reading takes, by whichever
    of the two limits binds: the day's where ``day_binds``. ``used``: of the minute, ``used_of_day``: of the day, 1 is
    all.
    """

    rows_a_second: float
    day_binds: bool
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
        "list": _first_pages(demand.rows, means) + means.requests_a_batch * ceil(demand.rows / means.rows_a_batch),
        "directory": sum(ceil(each.names / means.names_a_batch) for each in demand.tenants),
        "presence": sum(ceil(each.names / means.ids_a_request) for each in demand.tenants),
    }


def pages(rows: int, means: Means) -> int:
    """Requests to read the whole list; an empty list takes one as well."""
    return max(1, ceil(rows / means.rows_a_page)) + means.looks_a_reading


def _first_pages(rows: int, means: Means) -> int:
    """While the lists beside are empty."""
    return pages(rows, means) + (means.lists - 1) * pages(0, means)


def _tenant(demand: TenantDemand, schedule: Schedule, means: Means) -> TenantCapacity:
    requests = ceil(demand.names / means.ids_a_request)
    allowed = means.presence_a_second * means.share
    least = requests / (allowed * demand.registrations)
    wanted = schedule.presence
    promised = wanted if schedule.worst_age is None else schedule.worst_age
    needed = max(1, ceil(requests / (allowed * promised) - 1e-9))
    return TenantCapacity(
        id=demand.id,
        names=demand.names,
        registrations=demand.registrations,
        requests_a_sweep=requests,
        wanted=wanted,
        held=max(wanted, least),
        used=least / promised,
        registrations_needed=needed,
        worst_age=schedule.worst_age,
        oldest=max(promised, least),
    )


def reading_units_a_second(rows: int, schedule: Schedule, means: Means) -> float:
    turns = means.units_a_turn / schedule.read_list
    return turns + means.lists * pages(rows, means) * means.units_a_page / schedule.read_whole_list


def day_units_a_second(reading: float, means: Means) -> float:
    """Units a second that the day lets through in the hours of work: what has come together in the others, where only
    ``reading`` (units a second) goes on, and what flows in.
    """
    work = HOURS_A_DAY * 3_600
    saved = min(means.at_hand * means.units_a_day, max(0.0, means.inflow - reading) * (_DAY - work))
    return saved / work + means.inflow


def _sharepoint(demand: Demand, schedule: Schedule, means: Means) -> SharePointCapacity:
    reading = reading_units_a_second(demand.rows, schedule, means)
    ours = 1 - means.for_others
    by_minute, by_day = ours * means.units_a_second, ours * day_units_a_second(reading, means)
    left, left_of_day = by_minute - reading, by_day - reading
    if min(left, left_of_day) <= 0:
        raise ValueError("SharePoint's units do not even suffice to read the list")
    rows_a_second = min(left, left_of_day) / means.units_a_change
    changes = demand.changes_an_hour / 3_600
    writing = demand.rows * changes * means.units_a_change
    a_day = reading * _DAY + min(writing, left) * HOURS_A_DAY * 3_600 + demand.rows * means.units_a_change
    return SharePointCapacity(
        rows_a_second=rows_a_second,
        day_binds=left_of_day < left,
        used=writing / left,
        used_of_day=max(a_day / means.units_a_day, (reading + min(writing, left)) / by_day),
        units_a_day=a_day,
        usual=waiting(demand.rows, changes, rows_a_second),
        rush=rush(demand.rows, RUSH, demand.rows * changes, rows_a_second),
    )


def _first_pass(demand: Demand, means: Means, requests: dict[str, int]) -> float:
    """Seconds: what the budget takes, which lets a minute's units through at once, or the network, if that is more."""
    reading = _first_pages(demand.rows, means)
    units = demand.rows * means.units_a_row + reading * means.units_a_page
    by_minute = units / means.units_a_second - 60
    by_day = (units - means.at_hand * means.units_a_day) / means.inflow
    most_names = max((ceil(each.names / means.names_a_batch) for each in demand.tenants), default=0)
    batches = ceil(demand.rows / means.rows_a_batch) * means.rounds_a_batch / means.batches_at_once
    return ANSWER * (reading + most_names + 1) + max(0.0, by_minute, by_day, ANSWER * batches)
