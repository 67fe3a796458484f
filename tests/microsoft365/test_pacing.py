"""A limit has one budget: everybody who goes through it waits with the others, and for the same reasons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from sync_agent.microsoft365.errors import Throttled, Unreachable
from sync_agent.microsoft365.pacing import Budget, Priority
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Answer, Request, TokenSource, Transport
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from tests.microsoft365.contoso import Contoso, refusing
from tests.virtual_time import Clock, hurry

USERS = "/v1.0/users"


async def spend(budget: Budget, clock: Clock, units: float = 1.0, patience: float = 120.0) -> float:
    """When they were had, in seconds since the clock began."""
    await budget.spend(units, patience)
    return round(clock() - 1_000, 1)


def test_a_share_of_the_limit_is_ours() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 10, 60, share=0.5, clock=clock)
        return await asyncio.gather(*(spend(budget, clock) for _ in range(12)))

    times = hurry(work)
    assert [times.count(moment) for moment in sorted(set(times))] == [5, 5, 2]
    assert max(times) - min(times) == pytest.approx(120, abs=0.5)


def test_a_window_slides() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 10, 60, clock=clock)
        first = await spend(budget, clock, 4)
        await asyncio.sleep(30)
        second = await spend(budget, clock, 6)
        return [first, second, await spend(budget, clock, 4), await spend(budget, clock, 1)]

    assert hurry(work) == [0, 30, 60, 90]


def test_nobody_overtakes_who_needs_more() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 10, 60, clock=clock)
        return await asyncio.gather(*(spend(budget, clock, units) for units in (8, 8, 1)))

    assert hurry(work) == [0, 60, 60]


def test_who_has_paid_before_waits_for_nobodys_units_but_for_an_opening() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 10, 60, clock=clock)
        waiting = [asyncio.create_task(spend(budget, clock, 10)) for _ in range(2)]
        await asyncio.sleep(1)
        paid = await spend(budget, clock, 0)
        budget.close_for(5)
        return [paid, await spend(budget, clock, 0), *await asyncio.gather(*waiting)]

    assert hurry(work) == [1, 6, 0, 60]


def test_what_the_service_says_of_its_limit_holds_up_nobody_beyond_its_end() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 1_200, 60, share=0.8, clock=clock)
        budget.hear({"ratelimit-limit": "1200", "ratelimit-remaining": "20", "ratelimit-reset": "20"})
        return [await spend(budget, clock, 200), await spend(budget, clock, 2)]

    assert hurry(work) == [0, 30]  # 2 units a second for 20 seconds, then 16


def test_who_gives_up_takes_nothing_and_makes_room() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 10, 60, clock=clock)
        await budget.spend(10)
        leaving, staying, last = (asyncio.create_task(spend(budget, clock, 10)) for _ in range(3))
        await asyncio.sleep(1)
        leaving.cancel()
        return [await staying, await last]

    assert hurry(work) == [60, 120]


def test_who_gives_up_a_place_in_flight_frees_it() -> None:
    async def work(clock: Clock) -> float:
        budget = Budget("b", 10, 60, concurrency=1, clock=clock)

        async def hold(seconds: float) -> float:
            async with budget.place(0.1):
                await asyncio.sleep(seconds)
            return clock()

        holding, waiting, last = (asyncio.create_task(hold(seconds)) for seconds in (1_000, 1_000, 5))
        await asyncio.sleep(1)
        waiting.cancel()
        holding.cancel()
        return await last - 1_000

    assert hurry(work) == 6


def test_a_closed_budget_opens_when_the_longest_closing_ends() -> None:
    async def work(clock: Clock) -> float:
        budget = Budget("b", 10, 60, clock=clock)
        budget.close_for(30)
        budget.close_for(10)
        return await spend(budget, clock)

    assert hurry(work) == 30


def test_nobody_waits_for_an_opening_beyond_patience() -> None:
    """Neither who comes later, nor who was waiting already, whether for units or for an earlier opening."""

    async def work(clock: Clock) -> tuple[list[object], float]:
        budget = Budget("presence of contoso", 10, 60, clock=clock)
        await budget.spend(10)
        before = [asyncio.create_task(spend(budget, clock, 10)) for _ in range(3)]
        await asyncio.sleep(1)
        budget.close_for(3_600)
        later = asyncio.create_task(spend(budget, clock))
        told: list[object] = await asyncio.gather(later, *before, return_exceptions=True)
        return told, clock() - 1_000

    told, ended = hurry(work)
    assert all(isinstance(one, Throttled) for one in told)
    assert ended == 60
    (first, *_) = told
    assert isinstance(first, Throttled)
    assert first.reason == "presence of contoso is throttled, and the service asks us to wait for long"
    assert first.retry_after == 3_600


def test_the_urgent_are_served_first_although_others_came_before() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 10, 60, clock=clock)
        await budget.spend(10)

        async def served(priority: Priority) -> float:
            await budget.spend(10, priority=priority)
            return clock() - 1_000

        came = [Priority.BACKGROUND, Priority.NORMAL, Priority.URGENT]
        tasks = []
        for priority in came:
            tasks.append(asyncio.create_task(served(priority)))
            await asyncio.sleep(1)
        return await asyncio.gather(*tasks)

    assert hurry(work) == [180, 120, 60]


def test_who_waits_for_units_keeps_no_place_from_who_has_paid() -> None:
    async def work(clock: Clock) -> float:
        budget = Budget("b", 10, 60, concurrency=1, clock=clock)
        await budget.spend(10)

        async def fly(units: float) -> float:
            async with budget.place(units):
                return clock() - 1_000

        waiting = asyncio.create_task(fly(10))
        await asyncio.sleep(1)
        paid = await fly(0)
        assert await waiting == 60
        return paid

    assert hurry(work) == 1


def test_it_tells_what_may_be_spent_this_moment() -> None:
    async def work(clock: Clock) -> list[float]:
        budget = Budget("b", 10, 60, clock=clock)
        told = [budget.room(), budget.rate, budget.closed_for()]
        await budget.spend(4)
        told.append(budget.room())
        waiting = asyncio.create_task(budget.spend(7))  # who is in line has what is left
        await asyncio.sleep(1)
        told.append(budget.room())
        await waiting
        budget.close_for(100)
        return [*told, budget.room(), budget.closed_for()]

    assert hurry(work) == [10, 10 / 60, 0, 6, 0, 0, 100]


def test_what_never_fits_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="never fit"):
        hurry(lambda clock: Budget("b", 10, 60, share=0.5, clock=clock).spend(6))


@dataclass(slots=True)
class Asking:
    """Requests to Contoso through two budgets, in Contoso's time."""

    contoso: Contoso
    transport: Transport
    tokens: TokenSource
    mine: Budget
    others: Budget

    async def ask(self, budget: Budget | None = None, units: float = 1.0) -> Answer:
        url = self.contoso.world.origin + USERS
        return await self.transport.send(
            Request("GET", url, tokens=self.tokens, budget=budget or self.mine, units=units)
        )

    @property
    def passed(self) -> float:
        return self.contoso.clock.now - 1_000


@asynccontextmanager
async def asking(
    contoso: Contoso, *, attempts: int = 3, units: float = 1_000, concurrency: int = 8
) -> AsyncIterator[Asking]:
    clock = contoso.clock
    mine, others = (
        Budget(name, units, 60, concurrency=concurrency, clock=clock, sleep=clock.sleep) for name in ("mine", "others")
    )
    transport = Transport(retrying=Retrying(attempts=attempts), sleep=clock.sleep)
    try:
        yield Asking(contoso, transport, contoso.signed("a0")(transport), mine, others)
    finally:
        await transport.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("status", [429, 503])
async def test_a_retry_after_is_kept_by_all_callers_of_its_budget_and_by_no_other(
    contoso: Contoso, status: int
) -> None:
    contoso.spoil(USERS, **refusing(status, headers={"retry-after": "20"}), times=1)
    async with asking(contoso, attempts=1) as at:
        with pytest.raises(Throttled) as caught:
            await at.ask()
        assert caught.value.retry_after == 20
        assert (await at.ask(at.others)).status == 200
        assert at.passed == 0
        assert (await at.ask()).status == 200
        assert at.passed == 20


@pytest.mark.anyio
async def test_without_a_retry_after_all_callers_wait_as_experience_says(contoso: Contoso) -> None:
    contoso.spoil(USERS, **refusing(429), times=1)
    async with asking(contoso, attempts=1) as at:
        with pytest.raises(Throttled) as caught:
            await at.ask()
        assert caught.value.retry_after is None
        await at.ask()
        assert 0 < at.passed <= 0.5


@pytest.mark.anyio
async def test_told_to_wait_an_hour_nobody_waits_and_nobody_asks_until_it_is_over(contoso: Contoso) -> None:
    contoso.spoil(USERS, **refusing(429, headers={"retry-after": "3600"}), times=1)
    async with asking(contoso) as at:
        for _ in range(3):
            with pytest.raises(Throttled) as caught:
                await at.ask()
            assert caught.value.retry_after == 3_600
        assert at.passed == 0
        assert len(contoso.heard()) == 1
        contoso.clock.now += 3_600
        assert (await at.ask()).status == 200


@pytest.mark.anyio
async def test_requests_go_out_within_the_budget(contoso: Contoso) -> None:
    moments: list[float] = []

    def note(call: Call, truly: Truly) -> Reply:
        moments.append(contoso.clock.now)
        return truly(call)

    contoso.spoil(USERS, instead=note)
    async with asking(contoso, units=10) as at:
        for _ in range(15):
            assert (await at.ask(units=2)).status == 200
    assert len(moments) == 15
    assert all(sum(first <= moment < first + 59.9 for moment in moments) <= 5 for first in moments)


@pytest.mark.anyio
async def test_only_so_many_requests_are_in_flight(contoso: Contoso) -> None:
    """Each answer takes a while, and the service counts who waits for one."""
    async with asking(contoso, concurrency=3) as at:
        contoso.spoil(USERS, delay=0.02)
        asked = [asyncio.create_task(at.ask()) for _ in range(12)]
        most = 0
        while not all(task.done() for task in asked):
            await asyncio.sleep(0.001)
            answered = sum(task.done() for task in asked)
            most = max(most, len(contoso.heard()) - answered)
        assert len(contoso.heard()) == 12
        assert most == 3


@pytest.mark.anyio
async def test_a_failed_sign_in_spends_nothing(contoso: Contoso) -> None:
    class NoToken:
        account = "a0"

        async def token(self) -> str:
            raise Unreachable("Entra is away")

        async def renew(self, rejected: str) -> None:
            pass

    async with asking(contoso, units=1) as at:
        signed, at.tokens = at.tokens, NoToken()
        for _ in range(3):
            with pytest.raises(Unreachable, match="Entra is away"):
                await at.ask()
        at.tokens = signed
        await at.ask()
        assert at.passed == 0
