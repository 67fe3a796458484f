"""What is over for long enough is forgotten by the first pass of a day; what stands, and what is needed, is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sync_agent.fuses import Held
from sync_agent.model import Anomaly, Code
from sync_agent.state.store import JournalEntry, Store
from tests.outcomes import STARTED, anomaly, outcome
from tests.state.queried import queried

MISSING, DISABLED = anomaly(Code.UPN_MISSING), anomaly(Code.USER_DISABLED)
HELD = Held("max_missing_rows", "c0ffee", 4, 5, "50%", "4 of 5 rows are no longer in the list")


@pytest.fixture
def forgetful(url: str) -> Iterator[Store]:
    """Keeps what is over for thirty days."""
    opened = Store.open(url, timedelta(days=30))
    yield opened
    opened.close()


def passed(store: Store, day: float, found: dict[int, list[Anomaly]], title: str = "Agents") -> None:
    store.save(replace(outcome(found, rows=3, started=STARTED + timedelta(days=day)), list_title=title))


def test_what_is_over_for_long_enough_is_forgotten_and_what_stands_is_not(forgetful: Store, url: str) -> None:
    passed(forgetful, 0, {1: [MISSING], 2: [DISABLED]})
    passed(forgetful, 1, {2: [DISABLED]})
    entries = [JournalEntry(1, STARTED + timedelta(days=day), "UPN", "", "jane@contoso.com", "why") for day in (1, 2)]
    forgetful.journal("Agents", entries)
    passed(forgetful, 30.5, {2: [DISABLED]})
    assert len(queried(url, "SELECT 1 FROM verdicts")) == 4
    passed(forgetful, 31.1, {2: [DISABLED]})
    assert queried(url, "SELECT row_id FROM anomalies") == [(2,)]
    assert queried(url, "SELECT row_id, until FROM verdicts ORDER BY 1") == [(1, None), (2, None), (3, None)]
    assert forgetful.journalled("Agents") == entries[1:]
    [standing] = forgetful.open_anomalies("Agents")
    assert standing.opened == STARTED + timedelta(seconds=1.5)


def test_nothing_is_forgotten_between_two_passes_of_a_day(forgetful: Store, url: str) -> None:
    passed(forgetful, 0, {1: [MISSING]})
    passed(forgetful, 1, {})
    passed(forgetful, 31, {})
    assert len(queried(url, "SELECT 1 FROM anomalies")) == 1  # to the second, it is not thirty days yet
    passed(forgetful, 31.2, {})
    assert len(queried(url, "SELECT 1 FROM anomalies")) == 1
    passed(forgetful, 32, {})
    assert queried(url, "SELECT 1 FROM anomalies") == []


def test_of_older_days_the_last_pass_is_left_and_the_trend_is_the_same(forgetful: Store, url: str) -> None:
    for hour in range(0, 24 * 20, 6):
        passed(forgetful, hour / 24, {1: [MISSING]} if hour % 24 == 18 else {})
    before = [(day.started, day.status) for day in forgetful.days("Agents", STARTED)]
    passed(forgetful, 20, {})
    days = forgetful.days("Agents", STARTED)
    assert [(day.started, day.status) for day in days[:-1]] == before[:-1]
    old = f"SELECT date(started), count(*) FROM passes WHERE started < '{STARTED + timedelta(days=13)}' GROUP BY 1"
    assert {count for _, count in queried(url, old)} == {1}
    recent = f"SELECT count(*) FROM passes WHERE started > '{STARTED + timedelta(days=13.1)}'"
    assert queried(url, recent) == [(28,)]


def test_the_last_believed_pass_is_kept_however_old_and_however_many_are_held_since(forgetful: Store) -> None:
    passed(forgetful, 0, {1: [MISSING]})
    for day in range(1, 100, 3):
        few = outcome({}, rows=1, started=STARTED + timedelta(days=day))
        forgetful.save(replace(few, held=HELD))
    assert forgetful.known_rows("Agents") == 3
    assert [one.row_id for one in forgetful.open_anomalies("Agents")] == [1]


def test_a_list_that_is_synced_no_more_is_forgotten_whole(forgetful: Store, url: str) -> None:
    passed(forgetful, 0, {1: [MISSING]}, "Old title")
    for day in (20, 31):
        passed(forgetful, day, {1: [MISSING]})
    for table in ("passes", "anomalies", "verdicts"):
        assert queried(url, f"SELECT DISTINCT list FROM {table}") == [("Agents",)]


def test_what_is_forgotten_is_gone_from_the_file_too(file: Path) -> None:
    forgetful = Store.open(f"sqlite:///{file}", timedelta(days=30))
    name = {1: "Somebody Memorable"}
    forgetful.save(outcome({1: [MISSING]}, names=name, rows=300))
    passed(forgetful, 1, {})
    passed(forgetful, 20, {})
    forgetful.close()
    assert b"Somebody Memorable" in file.read_bytes()
    passed(forgetful, 40, {})
    forgetful.close()
    assert b"Somebody Memorable" not in file.read_bytes()


def test_what_a_target_missed_is_forgotten_with_the_anomaly_that_it_was_about(forgetful: Store, url: str) -> None:
    passed(forgetful, 0, {1: [MISSING]})
    digest = forgetful.digest("Agents")
    forgetful.digest_sent("Agents", digest, {"teams": digest})
    passed(forgetful, 1, {})
    passed(forgetful, 20, {})
    assert len(queried(url, "SELECT 1 FROM owed")) == 1
    passed(forgetful, 40, {})
    assert queried(url, "SELECT 1 FROM owed") == []
    assert forgetful.missed("Agents") == {}


def test_without_a_limit_nothing_is_forgotten(store: Store, url: str) -> None:
    for day in (0, 1, 1_000, 2_000):
        passed(store, day, {1: [MISSING]} if day == 0 else {})
    assert len(queried(url, "SELECT 1 FROM passes")) == 4
    assert len(queried(url, "SELECT 1 FROM verdicts")) == 4
