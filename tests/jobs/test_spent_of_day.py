"""What was spent of a limit of 24 hours, across restarts, kills, clocks that jump, and services side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from sync_agent.jobs.share_budgets import ShareBudgets
from sync_agent.jobs.spent_of_day import EVERY, SpentOfDay
from sync_agent.microsoft365.pacing import Budget
from sync_agent.state.store import Store

HOUR, DAY = 3_600.0, 86_400.0
WINDOW, UNITS, OF_DAY = 60.0, 60.0, 14_400.0
"""A unit a second and a sixth of what that makes in a day: the bounds of 24 hours are felt within hours."""
STARTED = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


@dataclass(slots=True)
class World:
    """``now``: true seconds; ``skew``: what the machine's time of day is wrong by; ``taken``: moments and units."""

    url: str
    now: float = 1_000.0
    skew: float = 0.0
    taken: list[tuple[float, float]] = field(default_factory=list)

    def today(self) -> datetime:
        return STARTED + timedelta(seconds=self.now + self.skew)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def most_in_a_day(self) -> float:
        most, within, oldest = 0.0, 0.0, 0
        for at, units in self.taken:
            within += units
            while self.taken[oldest][0] <= at - DAY:
                within -= self.taken[oldest][1]
                oldest += 1
            most = max(most, within)
        return most


class Process:
    """A service that spends all that it may. Its own clock begins anywhere."""

    def __init__(self, world: World, store: Store | None = None) -> None:
        self.world = world
        self.store = Store.open(world.url) if store is None else store
        began = world.now - 77.0
        self.budget = Budget(
            "SharePoint", UNITS, WINDOW, day=OF_DAY, clock=lambda: world.now - began, sleep=world.sleep
        )
        self.day = SpentOfDay(self.store, (self.budget,), lambda: world.now - began, world.today)
        self.sharing = ShareBudgets(self.store, (self.budget,), self.day, lambda: world.now - began)

    def remember(self) -> None:
        asyncio.run(self.day.remember())

    def turn(self) -> None:
        asyncio.run(self.sharing.turn())

    def spend(self) -> None:
        """What there is at this moment."""
        if (units := min(self.budget.room(), UNITS)) >= 1.0:
            asyncio.run(self.budget.spend(units))
            self.world.taken.append((self.world.now, units))

    def work(self, seconds: float) -> None:
        """Spend all that it may, telling the others as a service does, if less often."""
        end = self.world.now + seconds
        while self.world.now < end:
            for _ in range(10):
                self.spend()
                self.world.now += WINDOW
            self.turn()

    def stop(self) -> None:
        asyncio.run(self.sharing.leave())
        asyncio.run(self.day.end())
        self.store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path}/history.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    yield World(url)


def test_what_was_spent_is_missing_after_a_restart(world: World) -> None:
    first = Process(world)
    first.work(2 * HOUR)
    left = first.budget.snapshot().of_day
    first.stop()
    second = Process(world)
    second.remember()
    assert left is not None
    assert left < OF_DAY / 8
    assert second.budget.snapshot().of_day == pytest.approx(left, abs=1.0)
    second.stop()


def test_a_night_without_a_service_fills_the_reserve(tmp_path: Path) -> None:
    """By the machine's clock; a server's own cannot be moved by a test."""
    world = World(f"sqlite:///{tmp_path}/history.db")
    first = Process(world)
    first.work(2 * HOUR)
    first.stop()
    world.now += 14 * HOUR
    second = Process(world)
    second.remember()
    assert second.budget.snapshot().of_day == OF_DAY / 4
    second.stop()


def test_a_clock_that_is_set_back_while_nobody_runs_lets_nothing_flow_in(tmp_path: Path) -> None:
    world = World(f"sqlite:///{tmp_path}/history.db")
    before = Process(world)
    before.work(2 * HOUR)
    left = before.budget.snapshot().of_day
    before.stop()
    world.skew -= 10 * HOUR
    after = Process(world)
    after.remember()
    assert after.budget.snapshot().of_day == pytest.approx(left, abs=1.0)
    after.stop()


@pytest.mark.parametrize("hours", [-10, 10])
def test_a_clock_that_is_set_while_it_runs_lets_nothing_flow_in(tmp_path: Path, hours: int) -> None:
    world = World(f"sqlite:///{tmp_path}/history.db")
    running = Process(world)
    running.work(2 * HOUR)
    left = running.budget.snapshot().of_day
    world.skew += hours * HOUR
    running.turn()
    assert running.budget.snapshot().of_day == pytest.approx(left, abs=1.0)
    world.now += HOUR
    running.turn()
    assert running.budget.snapshot().of_day == pytest.approx((left or 0.0) + OF_DAY * 0.75 / 24, abs=1.0)
    running.stop()


def test_what_another_service_spends_is_missing_here(world: World) -> None:
    one, two = Process(world), Process(world)
    for each in (one, two, one):
        each.turn()
    for _ in range(20):
        two.spend()
        world.now += WINDOW
        two.turn()
    spent = two.budget.total
    one.turn()
    here = one.budget.snapshot().of_day
    assert here is not None
    assert spent > 500
    # Half of what all of them have left is this one's; by the server's clock nothing has flowed in meanwhile.
    assert OF_DAY / 4 - spent - 5 <= 2 * here <= OF_DAY / 4 - spent + 20 * WINDOW * (one.budget.day_inflow or 0.0)
    for each in (one, two):
        each.stop()


def test_a_service_that_died_has_spent_as_much_as_a_window_holds(world: World) -> None:
    first = Process(world)
    first.turn()
    first.spend()  # and dies before it has told
    second = Process(world)
    second.remember()
    for _ in range(7):
        second.turn()
        world.now += EVERY
    missing = OF_DAY / 4 - (second.budget.snapshot().of_day or 0.0)
    assert missing >= UNITS - 70 * OF_DAY / DAY
    first.store.close()
    second.stop()


def test_where_it_cannot_be_known_it_says_so_and_goes_by_what_flows_in(tmp_path: Path) -> None:
    world = World(f"sqlite:///{tmp_path}/history.db")
    blocked = tmp_path / "history.db"
    blocked.mkdir()
    lonely = Process(world, Store.for_service(world.url, timedelta(days=1)))
    with capture_logs() as logs:
        lonely.remember()
    assert [line["event"] for line in logs if line["event"] == "spent_of_day_unknown"] == ["spent_of_day_unknown"]
    assert lonely.budget.snapshot().of_day == 0.0
    for _ in range(60):
        lonely.spend()
        world.now += WINDOW
    assert sum(units for _, units in world.taken) <= 3_600 * OF_DAY * 0.75 / DAY + 1
    blocked.rmdir()
    lonely.turn()
    assert lonely.budget.snapshot().of_day == pytest.approx(OF_DAY / 4 - lonely.budget.total, abs=1.0)
    lonely.stop()


def test_a_pass_tells_while_it_works_and_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_agent.jobs.spent_of_day.EVERY", 0.02)
    world = World(f"sqlite:///{tmp_path}/history.db")
    working = Process(world)

    async def a_pass() -> None:
        async with working.day.told_meanwhile():
            await working.budget.spend(50)
            for _ in range(500):
                await asyncio.sleep(0.01)
                if working.day._told == {"SharePoint": 50.0}:
                    break
            else:
                pytest.fail("nothing was told while it worked")
            await working.budget.spend(10)
        await working.day.end()

    asyncio.run(a_pass())
    after = Process(world)
    after.remember()
    assert after.budget.snapshot().of_day == pytest.approx(OF_DAY / 4 - 60)
    working.store.close()
    after.stop()


def stop(process: Process) -> Process:
    process.stop()
    return Process(process.world)


def stop_and_set_back(process: Process) -> Process:
    process.stop()
    process.world.skew -= 10 * HOUR
    return Process(process.world)


def die(process: Process) -> Process:
    """Between two signs of life, the first at its start. The next one notices within a minute."""
    process.turn()
    process.spend()
    process.world.now += EVERY - 0.1
    process.spend()
    process.store.close()
    after = Process(process.world)
    after.remember()
    for _ in range(6):
        after.turn()
        after.spend()
        after.world.now += EVERY
    after.turn()
    return after


def set_back(process: Process) -> Process:
    process.world.skew -= 10 * HOUR
    return process


def set_forward(process: Process) -> Process:
    """While it runs: whoever starts after it cannot know."""
    process.turn()
    process.world.skew += 10 * HOUR
    process.turn()
    return process


def work(process: Process) -> Process:
    process.work(3 * HOUR)
    return process


def idle(process: Process) -> Process:
    process.turn()
    process.world.now += 3 * HOUR
    process.turn()
    return process


STEPS: list[Callable[[Process], Process]] = [
    stop,
    stop_and_set_back,
    die,
    set_back,
    set_forward,
    work,
    work,
    work,
    idle,
]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), min_size=6, max_size=16))
def test_no_24_hours_hold_more_than_the_limit_whatever_ends_and_starts(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Callable[[Process], Process]]
) -> None:
    world = World(f"sqlite:///{tmp_path_factory.mktemp('day')}/history.db")
    process = Process(world)
    process.remember()
    for step in steps:
        process = step(process)
        process.remember()
    process.stop()
    assert world.most_in_a_day() <= OF_DAY
