"""Services on one database that use one app: each takes its part while the others live, all of it when alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.share_budgets import ShareBudgets
from sync_agent.jobs.spent_of_day import EVERY, SpentOfDay
from sync_agent.microsoft365.pacing import Budget
from sync_agent.state.store import Store
from tests.virtual_time import Seconds


@dataclass(slots=True)
class Service:
    """With a budget that others may have too, and one of its own."""

    store: Store
    clock: Seconds
    common: Budget
    own: Budget
    sharing: ShareBudgets

    def beat(self) -> tuple[float, float]:
        self.clock.now += EVERY
        asyncio.run(self.sharing.turn())
        return self.common.limit, self.own.limit

    def stop(self) -> None:
        asyncio.run(self.sharing.leave())


@pytest.fixture(params=["sqlite", "postgresql"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[float], Service]]:
    """A service whose clock begins somewhere."""
    url = f"sqlite:///{tmp_path}/history.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    started: list[Service] = []

    def service(began: float) -> Service:
        store, clock = Store.open(url), Seconds(began)
        common = Budget("SharePoint", 1_200, 60, clock=clock)
        own = Budget(f"presence {began}", 1_500, 30, clock=clock)
        day = SpentOfDay(store, (common, own), clock, lambda: datetime.fromtimestamp(clock.now, UTC))
        started.append(Service(store, clock, common, own, ShareBudgets(store, (common, own), day, clock)))
        return started[-1]

    yield service
    for one in started:
        one.store.close()


def test_alone_nobody_is_slowed(start: Callable[[float], Service]) -> None:
    service = start(1_000)
    assert [service.beat() for _ in range(8)] == [(1_200, 1_500)] * 8


def test_two_take_half_each_of_what_they_share(start: Callable[[float], Service]) -> None:
    one, two = start(1_000), start(9_000_000)
    one.beat()
    assert two.beat() == (600, 1_500)
    assert one.beat() == (600, 1_500)


def test_who_stops_gives_its_part_back_at_once(start: Callable[[float], Service]) -> None:
    one, two = start(1_000), start(50)
    one.beat(), two.beat(), one.beat()
    two.stop()
    assert one.beat() == (1_200, 1_500)


def test_the_part_of_a_service_that_died_comes_back_within_a_minute(start: Callable[[float], Service]) -> None:
    one, two = start(1_000), start(50)
    one.beat(), two.beat()
    parts = [one.beat()[0] for _ in range(6)]
    assert parts[0] == 600
    assert parts[5] == 1_200


def test_who_was_taken_for_dead_counts_again_at_its_next_sign(start: Callable[[float], Service]) -> None:
    one, two = start(1_000), start(50)
    two.beat()
    for _ in range(7):
        one.beat()
    assert two.beat()[0] == 600
    assert one.beat()[0] == 600


def test_an_outage_of_the_database_makes_nobody_dead(start: Callable[[float], Service]) -> None:
    """Else both would take all of the limit as soon as it is back."""
    one, two = start(1_000), start(50)
    one.beat(), two.beat(), one.beat()
    for service in (one, two):
        service.clock.now += 50
    assert [one.beat()[0], two.beat()[0], one.beat()[0]] == [600, 600, 600]
    two.stop()
    assert one.beat()[0] == 1_200


def test_each_change_is_logged_once(start: Callable[[float], Service]) -> None:
    one, two = start(1_000), start(50)
    with capture_logs() as logs:
        one.beat(), two.beat()
        for _ in range(4):
            two.beat(), one.beat()
    assert [(line["budget"], line["services"], line["units"]) for line in logs] == [("SharePoint", 2, 600)] * 2


def test_together_they_stay_within_the_limit(start: Callable[[float], Service]) -> None:
    one, two = start(1_000), start(50)
    one.beat(), two.beat(), one.beat()
    assert one.common.room() + two.common.room() == 1_200
    assert one.common.rate + two.common.rate == pytest.approx(20)
