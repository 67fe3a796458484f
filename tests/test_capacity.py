"""What a list takes: pure figures, the queue against a simulated one, and requests against a real pass."""

from __future__ import annotations

import random
from dataclasses import replace
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.capacity import HOURS_A_DAY, Demand, Means, Schedule, TenantDemand, capacity, day_units_a_second
from sync_agent.limiting import TIERS, limiting
from sync_agent.microsoft365.pacing.reserve import Reserve
from sync_agent.queueing import rush, waiting

MEANS = Means(
    share=0.8,
    sharepoint_a_minute=3_600,
    sharepoint_a_day=3_600_000,
    at_hand=0.25,
    presence_a_second=50,
    ids_a_request=650,
    rows_a_page=2_000,
    units_a_page=2,
    units_a_turn=1,
    units_a_row=2,
    units_a_change=2,
    rows_a_batch=20,
    requests_a_batch=1,
    rounds_a_batch=1,
    names_a_batch=300,
    batches_at_once=8,
)
EVERY_2_S = Schedule(presence=2, read_list=60, read_whole_list=900)


def demand(rows: int, changes: float = 8, registrations: int = 1) -> Demand:
    return Demand(rows, (TenantDemand("contoso", rows, registrations),), changes)


def simulated(agents: int, changes: float, rate: float, seed: int) -> tuple[list[float], float]:
    """Waits, sorted, and the mean of rows that wait: agents who change at random, one write after the other, evenly."""
    chance, now, free_at, waited, area = random.Random(seed), 0.0, 0.0, list[float](), 0.0
    changes_at: list[float] = []
    for _ in range(agents):
        heappush(changes_at, chance.expovariate(changes))
    for _ in range(40_000):
        now = heappop(changes_at)
        free_at = max(free_at, now) + 1 / rate
        waited.append(free_at - now)
        area += free_at - now
        heappush(changes_at, free_at + chance.expovariate(changes))
    half = waited[len(waited) // 2 :]
    return sorted(half), area / now


@pytest.mark.parametrize("load", [0.5, 0.9, 1.0, 1.5, 4.0])
def test_waits_are_those_of_a_queue_that_is_played_through(load: float) -> None:
    agents, rate = 400, 8.0
    waits, rows = simulated(agents, load * rate / agents, rate, seed=3)
    reckoned = waiting(agents, load * rate / agents, rate)
    p50, p95 = waits[len(waits) // 2], waits[len(waits) * 95 // 100]
    # Chance at both ends, where the play has it only at one, waits up to twice as long while there is room.
    assert p50 * 0.9 - 1 / rate <= reckoned.p50 <= p50 * 2 + 1 / rate
    assert p95 * 0.9 - 1 / rate <= reckoned.p95 <= p95 * 2 + 1 / rate
    if load > 1.2:
        assert reckoned.p50 == pytest.approx(p50, rel=0.05)
        assert reckoned.rows == pytest.approx(rows, rel=0.05)


def test_a_rush_is_what_is_left_over_of_it() -> None:
    """15,000 within ten minutes at 24 rows a second: 25 a second come, so a few wait at the end."""
    found = rush(15_000, 600, 0.0, 24.0)
    assert found.rows == pytest.approx(600)
    assert found.longest == pytest.approx(25)
    assert found.over == pytest.approx(625)
    assert rush(15_000, 600, 30.0, 24.0).over is None
    assert rush(15_000, 600, 0.0, 1_000.0).rows == 0


rates = st.floats(0.0, 100.0)
sizes = st.integers(1, 20_000)


@given(sizes, st.integers(0, 5_000), rates, rates)
def test_more_rows_and_more_changes_never_make_anything_better(rows: int, more: int, a: float, b: float) -> None:
    few, many = sorted((a, b))
    less = capacity(demand(rows, few), EVERY_2_S, MEANS)
    greater = capacity(demand(rows + more, many), EVERY_2_S, MEANS)
    assert greater.sharepoint.used >= less.sharepoint.used - 1e-9
    assert greater.sharepoint.used_of_day >= less.sharepoint.used_of_day - 1e-9
    assert greater.sharepoint.rush.rows >= less.sharepoint.rush.rows - 1e-6
    assert greater.until_shown.p50 >= less.until_shown.p50 - 1e-6
    assert greater.until_shown.p95 >= less.until_shown.p95 - 1e-6
    assert greater.first_pass >= less.first_pass
    assert all(after >= before for before, after in zip(less.requests.values(), greater.requests.values(), strict=True))
    assert 0 <= greater.right <= 1


@given(st.integers(1, 300_000), st.sampled_from([0.5, 1.0, 2.0, 10.0]), st.integers(1, 3))
def test_what_is_to_be_done_suffices_and_less_does_not(names: int, interval: float, registrations: int) -> None:
    schedule = replace(EVERY_2_S, presence=interval)

    def tenant(apps: int, wanted: float = interval) -> tuple[float, float]:
        asked = Demand(1, (TenantDemand("contoso", names, apps),))
        found = capacity(asked, replace(schedule, presence=wanted), MEANS).tenants[0]
        return found.held, found.used

    found = capacity(Demand(1, (TenantDemand("contoso", names, registrations),)), schedule, MEANS).tenants[0]
    assert tenant(found.registrations_needed)[1] <= 1 + 1e-6
    if found.registrations_needed > 1:
        assert tenant(found.registrations_needed - 1)[1] > 1
    assert tenant(registrations, found.held)[1] <= 1 + 1e-6


def test_presence_limits_where_the_interval_is_too_short_for_one_registration() -> None:
    found = capacity(Demand(100, (TenantDemand("contoso", 150_000, 1),)), replace(EVERY_2_S, presence=0.5), MEANS)
    nearest = limiting(found)
    assert nearest.what == "presence requests in tenant contoso"
    assert nearest.todo == "raise schedule.presence to 6s, or add 11 app registrations to the tenant as accounts"
    assert found.presence_age == pytest.approx(231 / 40)


def test_sharepoint_limits_a_large_list_on_a_small_tenant() -> None:
    nearest = limiting(capacity(demand(15_000), EVERY_2_S, replace(MEANS, sharepoint_a_minute=1_200)))
    assert nearest.what == "SharePoint's units a minute"
    assert "6,000 a minute would do" in nearest.todo
    none = limiting(capacity(demand(15_000, 60), EVERY_2_S, replace(MEANS, sharepoint_a_minute=1_200)))
    assert "no tenant's limit suffices" in none.todo


def test_the_day_limits_where_the_list_is_read_whole_all_the_time() -> None:
    """Flat out, a minute's limit is used up 1,440 times a day, of which the day allows 1,000."""
    often = replace(EVERY_2_S, read_list=0.06)
    nearest = limiting(capacity(demand(100), often, replace(MEANS, sharepoint_a_minute=3_000)))
    assert nearest.what == "SharePoint's units a day"


def test_the_days_reserve_is_what_the_idle_hours_leave() -> None:
    """1.2 million at 80 %: 8.5 hours at the full 960 a minute, and half of that where Microsoft allows half a day's."""
    small = replace(MEANS, sharepoint_a_minute=1_200, sharepoint_a_day=1_200_000)
    whole = capacity(demand(15_000), EVERY_2_S, small).sharepoint
    assert not whole.day_binds
    assert whole.rows_a_second == pytest.approx((16 - 1 / 60 - 8 * 2 / 900) / 2)
    half = capacity(demand(15_000), EVERY_2_S, replace(small, sharepoint_a_day=600_000))
    assert half.sharepoint.day_binds
    assert half.sharepoint.rows_a_second == pytest.approx(
        (480_000 * (0.25 + 0.75 * 8.5 / 24) / 30_600 - 0.0344) / 2, 0.01
    )
    assert limiting(half).what == "SharePoint's units a minute", "which lacks even more"
    calm = limiting(capacity(demand(15_000, 1.5), EVERY_2_S, replace(small, sharepoint_a_day=600_000)))
    assert calm.what == "SharePoint's units a day"
    assert calm.used > 1


@given(st.floats(0.1, 1.0), st.sampled_from(TIERS), st.floats(0.0, 20.0))
def test_the_hours_of_work_take_what_the_day_allows(part: float, tier: int, reading: float) -> None:
    """At the reckoned rate a real reserve lasts for the hours of work, and not for longer."""
    means = replace(MEANS, sharepoint_a_minute=tier, sharepoint_a_day=tier * 1_000 * part)
    rate, work = day_units_a_second(reading, means), HOURS_A_DAY * 3_600
    reserve = Reserve(means.units_a_day)
    reserve.lacks(means.at_hand * means.units_a_day, 0.0)
    taken, now = 0.0, 0.0
    for _ in range(48):  # the night, in which only reading goes on, as far as it may
        now += (86_400 - work) / 48
        reserve.take(units := min(reading * (86_400 - work) / 48, reserve.room(now)), now)
    for _ in range(48):
        now += work / 48
        reserve.take(units := min(rate * work / 48, reserve.room(now)), now)
        taken += units
    assert taken == pytest.approx(rate * work, rel=0.03)


@given(st.integers(1, 20_000), st.floats(0.5, 60), st.floats(0.1, 3.0))
def test_a_day_that_allows_more_never_makes_anything_worse(rows: int, changes: float, part: float) -> None:
    less = capacity(demand(rows, changes), EVERY_2_S, replace(MEANS, sharepoint_a_day=MEANS.sharepoint_a_day * part))
    more = capacity(demand(rows, changes), EVERY_2_S, replace(MEANS, sharepoint_a_day=MEANS.sharepoint_a_day * 3.0))
    assert more.sharepoint.rows_a_second >= less.sharepoint.rows_a_second
    assert more.sharepoint.used_of_day <= less.sharepoint.used_of_day
    assert more.first_pass <= less.first_pass
    assert less.sharepoint.used == more.sharepoint.used, "that is the minute's"


@given(st.integers(1, 300_000), st.integers(1, 3), st.floats(1.0, 600.0))
def test_auto_promises_the_worst_age_and_holds_what_the_limit_allows(
    names: int, registrations: int, worst_age: float
) -> None:
    asked = Demand(1, (TenantDemand("contoso", names, registrations),))
    found = capacity(asked, replace(EVERY_2_S, presence=0.5, worst_age=worst_age), MEANS).tenants[0]
    fixed = capacity(asked, replace(EVERY_2_S, presence=0.5), MEANS).tenants[0]
    assert found.held == fixed.held
    assert found.oldest >= worst_age
    assert (found.used > 1) == (found.oldest > worst_age)
    assert (
        found.registrations_needed
        <= capacity(asked, replace(EVERY_2_S, presence=1.0), MEANS).tenants[0].registrations_needed
    )
    enough = Demand(1, (TenantDemand("contoso", names, found.registrations_needed),))
    assert capacity(enough, replace(EVERY_2_S, presence=0.5, worst_age=worst_age), MEANS).tenants[0].used <= 1 + 1e-6


def test_what_helps_auto_is_a_longer_worst_age() -> None:
    asked = Demand(100, (TenantDemand("contoso", 150_000, 1),))
    fits = limiting(capacity(asked, replace(EVERY_2_S, presence=0.5, worst_age=60), MEANS))
    assert fits.used < 1
    nearest = limiting(capacity(asked, replace(EVERY_2_S, presence=0.5, worst_age=5), MEANS))
    assert nearest.todo == "raise presence.worst_age to 6s, or add 1 app registration to the tenant as accounts"


def test_a_companion_list_is_read_and_written_beside() -> None:
    """Each row twice at first; a presence alone then costs one write, with nothing read for it."""
    alone = replace(MEANS, units_a_row=2.1, units_a_change=2.1)
    beside = replace(MEANS, units_a_row=4.1, units_a_change=2.0, lists=2, requests_a_batch=2)
    one, two = (capacity(demand(15_000), EVERY_2_S, means) for means in (alone, beside))
    assert two.requests["list"] == one.requests["list"] + 750 + 1
    assert two.sharepoint.rows_a_second > one.sharepoint.rows_a_second
    assert two.first_pass > 1.9 * one.first_pass


def test_nothing_is_to_be_done_where_all_fits() -> None:
    nearest = limiting(capacity(demand(500), EVERY_2_S, MEANS))
    assert nearest.used < 1
    assert nearest.todo == ""


def test_a_budget_that_is_too_small_to_read_the_list_is_said() -> None:
    with pytest.raises(ValueError, match="do not even suffice to read"):
        capacity(demand(100), replace(EVERY_2_S, read_list=0.001), MEANS)
