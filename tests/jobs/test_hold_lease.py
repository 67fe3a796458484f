"""Two services on one database, each with a clock of its own: one writes, and what the other does is told once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.hold_lease import HoldLease
from sync_agent.state.database import writing
from sync_agent.state.store import Store
from tests.postgresql import Server
from tests.virtual_time import Seconds

NAME = "https://contoso.sharepoint.com/sites/ucc Agents"


@dataclass(slots=True)
class Copy:
    store: Store
    clock: Seconds
    lease: HoldLease

    def begin(self) -> bool:
        asyncio.run(self.lease.begin())
        return self.lease.may_write()

    def after(self, seconds: float) -> bool:
        self.clock.now += seconds
        asyncio.run(self.lease.turn())
        return self.lease.may_write()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history.db"
    address: str = request.getfixturevalue("postgresql").new_database()
    return address


def copy(url: str, now: float, seconds: float = 60.0) -> Copy:
    store, clock = Store.open(url), Seconds(now)
    return Copy(store, clock, HoldLease(store, NAME, seconds, clock))


@pytest.fixture
def two(url: str) -> Iterator[tuple[Copy, Copy]]:
    made = copy(url, 1_000.0), copy(url, -5e6)
    yield made
    for each in made:
        each.store.close()


def test_the_second_stands_by_as_long_as_the_first_renews(two: tuple[Copy, Copy]) -> None:
    first, second = two
    with capture_logs() as logs:
        assert first.begin()
        assert not second.begin()
        for _ in range(10):
            assert first.after(20)
            assert not second.after(20)
    assert [entry["event"] for entry in logs] == ["lease_held", "standing_by"]
    assert "process" in logs[1]["writes"]


def test_it_takes_over_once_the_first_is_silent_and_the_first_stops_before(two: tuple[Copy, Copy]) -> None:
    first, second = two
    first.begin()
    second.begin()
    first.clock.now += 60
    assert not first.lease.may_write()
    assert not second.after(60)
    assert second.after(10)
    with capture_logs() as logs:
        assert not first.after(0)  # it has come back
    assert [entry["event"] for entry in logs] == ["standing_by"]
    assert second.after(20)


def test_who_hangs_while_saving_history_keeps_the_lease_from_nobody(postgresql: Server) -> None:
    url = postgresql.new_database()
    first, second = copy(url, 0.0), copy(url, 0.0)
    first.begin()
    second.begin()
    with writing(first.store._engine):
        assert not second.after(60)
        assert second.after(10)
    assert not first.after(70)
    for each in (first, second):
        each.store.close()


def test_what_is_given_up_at_a_stop_is_taken_at_the_next_look(two: tuple[Copy, Copy]) -> None:
    first, second = two
    first.begin()
    second.begin()
    asyncio.run(first.lease.give_up())
    assert not first.lease.may_write()
    assert second.after(1)


def test_lists_have_leases_of_their_own_and_none_is_needed_for_a_length_of_nothing(url: str) -> None:
    one = copy(url, 0.0)
    other = HoldLease(one.store, f"{NAME} of others", 60.0, one.clock)
    without = HoldLease(one.store, NAME, 0.0, one.clock)
    assert one.begin()
    for each in (other, without):
        asyncio.run(each.begin())
        assert each.may_write()
    one.store.close()


def test_a_pass_by_hand_is_told_who_writes(two: tuple[Copy, Copy]) -> None:
    first, second = two
    assert asyncio.run(second.lease.held_by_another()) is None
    first.begin()
    told = asyncio.run(second.lease.held_by_another())
    assert told is not None
    assert "process" in told
    assert second.lease.may_write()  # it does not take part
    asyncio.run(first.lease.give_up())
    assert asyncio.run(second.lease.held_by_another()) is None


def test_who_was_killed_is_told_as_silent_and_after_a_while_not_at_all(url: str) -> None:
    day = [datetime(2026, 3, 2, 12, 0, tzinfo=UTC)]
    store, clock = Store.open(url), Seconds(0.0)
    killed, other = (HoldLease(store, NAME, 60.0, clock, lambda: day[0]) for _ in range(2))
    asyncio.run(killed.begin())

    def told_after(**time: float) -> str | None:
        day[0] = datetime(2026, 3, 2, 12, 0, tzinfo=UTC) + timedelta(**time)
        return asyncio.run(other.held_by_another())

    assert "silent" not in str(told_after(seconds=66))
    assert str(told_after(seconds=67)).endswith(", silent since 2026-03-02 12:00:00 UTC")
    assert str(told_after(seconds=366)).endswith(", silent since 2026-03-02 12:00:00 UTC")
    assert told_after(seconds=367) is None
    assert "process" in str(told_after(days=-2))  # another machine's time of day, or a clock set back
    clock.now += 20
    day[0] = datetime(2026, 3, 3, tzinfo=UTC)
    asyncio.run(killed.turn())
    assert "silent" not in str(asyncio.run(other.held_by_another()))
    store.close()


def test_where_the_file_cannot_be_used_the_only_service_goes_on(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file where a folder should be")
    clock = Seconds(0.0)
    lease = HoldLease(_unopened(f"sqlite:///{taken}/history.db"), NAME, 60.0, clock)
    with capture_logs() as logs:
        asyncio.run(lease.begin())
        for _ in range(5):
            assert lease.may_write()
            clock.now += 20
            asyncio.run(lease.turn())
    assert [entry["event"] for entry in logs] == ["lease_not_kept"]
    taken.unlink()
    asyncio.run(lease.turn())
    assert lease.may_write()
    assert asyncio.run(HoldLease(_unopened(f"sqlite:///{taken}/history.db"), NAME, 60.0).held_by_another()) is not None


def test_who_stands_by_does_not_begin_because_the_file_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first, second = (copy(f"sqlite:///{folder}/history.db", 0.0) for _ in range(2))
    first.begin()
    second.begin()
    for each in (first, second):
        each.store.close()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    assert not second.after(20)
    assert first.after(20)
    assert not second.after(300)


def test_where_the_server_cannot_be_reached_the_writing_ends_with_the_lease() -> None:
    clock = Seconds(0.0)
    nowhere = _unopened("postgresql+psycopg://sync@127.0.0.1:1/history")
    lease = HoldLease(nowhere, NAME, 60.0, clock)
    with capture_logs() as logs:
        asyncio.run(lease.begin())
        assert not lease.may_write()
        asyncio.run(lease.turn())
    assert [entry["event"] for entry in logs] == ["lease_not_kept"]


def _unopened(url: str) -> Store:
    return Store.for_service(url, timedelta(days=180))
