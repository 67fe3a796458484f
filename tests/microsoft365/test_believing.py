"""What the service says of its limits slows a budget down, and nothing else does."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from itertools import pairwise

import pytest

from sync_agent.microsoft365.directory_size import directory_units
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.pacing.told import Told, share_left, told
from sync_agent.simulator.meter import Meter
from tests.virtual_time import Clock, hurry

MINUTE = 60.0


def ratelimit(limit: float, remaining: float, reset: float) -> dict[str, str]:
    return {"ratelimit-limit": f"{limit}", "ratelimit-remaining": f"{remaining}", "ratelimit-reset": f"{reset}"}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"content-type": "application/json"}, Told()),
        (ratelimit(1_200, 120, 31), Told(limit=1_200, remaining=120, reset=31)),
        (ratelimit(0, 0, 31), Told(remaining=0, reset=31)),
        ({"ratelimit-limit": "many", "x-ms-resource-unit": "-1"}, Told()),
        ({"x-ms-throttle-limit-percentage": "1.2", "x-ms-resource-unit": "3"}, Told(used=1.2, cost=3)),
        ({"x-ms-resource-unit": "nan", "x-ms-throttle-limit-percentage": "inf"}, Told()),
    ],
)
def test_what_is_no_sensible_number_was_not_said(headers: dict[str, str], said: Told) -> None:
    assert told(headers) == said


def test_the_nearer_the_limit_the_slower() -> None:
    assert [share_left(used) for used in (0.8, 1.0, 1.8)] == pytest.approx([1.0, 0.5, 0.125])


def test_the_directorys_limit_by_size() -> None:
    assert [directory_units(users) for users in (49, 50, 500, 501)] == [3_500, 5_000, 5_000, 8_000]


@pytest.mark.parametrize(
    ("spent", "rates"),
    [(60, [0.5, 0.5, 0.956, 1.0, 1.0, 1.0]), (0, [0.5, 0.5, 0.62, 1.0, 1.0, 1.0])],
    ids=["quickly up to what was borne before", "by small steps where little was borne"],
)
def test_a_refusal_halves_the_rate_which_grows_again(spent: int, rates: list[float]) -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 60, MINUTE, clock=clock)
        await budget.spend(spent)
        budget.close_for(5)
        told = [budget.rate]
        budget.close_for(5)  # others that were under way are refused as well: the same trouble
        told.append(budget.rate)
        for _ in range(3):
            await asyncio.sleep(30)
            told.append(round(budget.rate, 3))
        await asyncio.sleep(120)
        return [*told, budget.rate]

    assert hurry(work) == rates


def test_an_outage_is_one_trouble_however_often_it_is_met() -> None:
    async def work(clock: Clock) -> tuple[float, float]:
        budget = Budget("b", 60, MINUTE, clock=clock)
        for _ in range(5):
            budget.close_for(1)
            await asyncio.sleep(1.5)
        outage = budget.rate
        budget.went_through()
        budget.close_for(1)
        return outage, budget.rate

    outage, refused_again = hurry(work)
    assert outage > 0.5
    assert refused_again == outage / 2


def test_slower_is_also_more_even() -> None:
    """What is left is not spent in one volley at the end of the window."""

    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 60, MINUTE, clock=clock)
        budget.close_for(1)
        moments = []
        for _ in range(6):
            await budget.spend()
            moments.append(clock())
        return [after - before for before, after in pairwise(moments)]

    assert all(1.5 < gap < 2.1 for gap in hurry(work))


def test_what_others_use_of_the_limit_slows_it_until_the_reset() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("SharePoint", 1_200, MINUTE, share=0.8, clock=clock)
        budget.hear(ratelimit(1_200, 60, 20), 1)
        during = budget.rate
        why = budget.snapshot().why
        assert why == "the service says that its limit is nearly used up"
        await asyncio.sleep(20)
        assert budget.snapshot().why == ""
        return [during, budget.rate]

    assert hurry(work) == [pytest.approx(3), pytest.approx(16)]


def test_the_directorys_percentage_slows_it_for_a_window() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("directory", 3_500, 10, clock=clock)
        budget.hear({"x-ms-throttle-limit-percentage": "1.0"}, 1)
        during = budget.rate
        await asyncio.sleep(10)
        return [during, budget.rate]

    assert hurry(work) == pytest.approx([175, 350])


def test_a_lower_limit_that_the_service_states_is_taken_and_a_higher_one_is_not() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("SharePoint", 1_200, MINUTE, share=0.5, clock=clock)
        told = []
        for limit in (600, 2_400):
            budget.hear(ratelimit(limit, limit / 10, 1), 1)
            told.append(budget.limit)
        return told

    assert hurry(work) == [300, 600]


def test_what_a_request_really_cost_is_what_counts() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("directory", 100, 10, clock=clock)
        await budget.spend(1)
        budget.hear({"x-ms-resource-unit": "4"}, 1)
        dearer = budget.room()
        await budget.spend(5)
        budget.hear({"x-ms-resource-unit": "2"}, 5)
        await asyncio.sleep(20)
        return [dearer, 100 - 6, budget.room()]

    assert hurry(work) == [96, 94, 100]


class Service:
    """Refuses beyond ``true`` units a minute, as the embedded Microsoft 365 does, and counts what it refuses too."""

    def __init__(self, true: float, clock: Clock, *, tells: bool) -> None:
        self.true, self.tells = true, tells
        self.meter = Meter(clock)
        self.done = self.refused = 0

    def ask(self, budget: Budget) -> None:
        charged = self.meter.charge("x", (self.true, MINUTE), 1)
        if self.tells and charged.share >= 0.8:
            left = max(0.0, self.true * (1 - charged.share))
            budget.hear(ratelimit(self.true, int(left), max(1.0, charged.resets_in)), 1)
        if charged.wait:
            self.refused += 1
            budget.close_for(math.ceil(charged.wait))
        else:
            self.done += 1
            budget.went_through()


def an_hour(true: float, configured: float, *, tells: bool) -> Service:
    async def work(clock: Clock) -> Service:
        budget, service = Budget("b", configured, MINUTE, share=0.8, clock=clock), Service(true, clock, tells=tells)
        ends = clock() + 3_600
        while clock() < ends:
            await budget.spend()
            service.ask(budget)
        return service

    return hurry(work)


@pytest.mark.parametrize("times", [2, 5, 100])
def test_a_limit_that_was_set_too_high_is_learnt_from_a_service_that_tells(times: int) -> None:
    service = an_hour(600, 600 * times, tells=True)
    assert service.refused == 0
    assert service.done >= 0.75 * 600 * 60


@pytest.mark.parametrize("times", [1.5, 3, 6])
def test_a_limit_that_was_set_too_high_is_felt_where_the_service_tells_nothing(times: float) -> None:
    """An hour's refusals are about as many as its minutes, of 36,000 requests."""
    service = an_hour(600, 600 * times, tells=False)
    assert service.refused <= 75
    assert service.done >= 0.6 * 600 * 60


def test_the_day_is_spent_fast_at_first_and_never_runs_dry() -> None:
    """SharePoint's smallest tier: 1,200 a minute and 1.2 million a day, of which 80 % are ours."""

    async def work(clock: Clock) -> list[float]:
        budget = Budget("SharePoint", 1_200, MINUTE, share=0.8, day=1_200_000, clock=clock)
        hours = []
        for hour in range(1, 49):
            spent = 0
            while clock() < 1_000 + hour * 3_600:
                await budget.spend(20)
                spent += 20
            hours.append(float(spent))
        return hours

    hours = hurry(work)
    at_full_rate, evenly = 960 * 60, 0.75 * 960_000 / 24
    assert all(spent >= 0.99 * at_full_rate for spent in hours[:8])
    assert all(abs(spent - evenly) <= 0.02 * evenly for spent in hours[10:])
    for start in range(24):
        assert sum(hours[start : start + 24]) <= 960_000


def test_it_says_at_what_rate_the_day_lets_it_go_on() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("SharePoint", 1_200, MINUTE, day=1_200_000, clock=clock)
        told = [budget.rate * MINUTE]
        for _ in range(480):
            await budget.spend(1_200)
        assert budget.snapshot().why == "the units of 24 hours are nearly spent"
        return [*told, budget.rate * MINUTE]

    fresh, spent = hurry(work)
    assert fresh == pytest.approx(1_200)
    assert 600 < spent < 1_200


@pytest.mark.parametrize("units", [lambda budget: budget.limit, lambda budget: 40.0])
def test_what_was_planned_before_the_limit_turned_out_lower_goes_out_alone(units: Callable[[Budget], float]) -> None:
    async def work(clock: Clock) -> float:
        budget = Budget("b", 50, MINUTE, clock=clock)
        planned = units(budget)
        await budget.spend(1)
        budget.hear(ratelimit(10, 9, 1))
        await budget.spend(planned)
        return clock() - 1_000

    assert hurry(work) == pytest.approx(60, abs=1)
