"""A clock that was wrong for a time costs no history, and leaves none of a time that never was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from sync_agent.fuses import Held
from sync_agent.model import Anomaly, Code, Status
from sync_agent.state.store import Store
from tests.outcomes import STARTED, anomaly, outcome

MISSING, DISABLED = anomaly(Code.UPN_MISSING), anomaly(Code.USER_DISABLED)
KEEP = timedelta(days=30)
TEN_YEARS = timedelta(days=3650)


@pytest.fixture
def keeping(url: str) -> Store:
    return Store.open(url, KEEP)


def passed(store: Store, after: timedelta, found: dict[int, list[Anomaly]]) -> None:
    store.save(outcome(found, rows=3, started=STARTED + after))


def statuses(store: Store, row_id: int, moments: Sequence[timedelta]) -> list[Status | None]:
    told = [store.verdict_at("Agents", row_id, STARTED + moment) for moment in moments]
    return [None if one is None else one.status for one in told]


def test_what_was_noted_ahead_of_time_holds_from_when_the_clock_was_put_right(keeping: Store) -> None:
    hour = timedelta(hours=1)
    passed(keeping, 0 * hour, {1: [MISSING], 2: [DISABLED]})
    passed(keeping, TEN_YEARS, {2: [DISABLED], 3: [MISSING]})  # by the wrong clock
    passed(keeping, 10 * hour, {2: [DISABLED], 3: [MISSING]})
    assert statuses(keeping, 1, [5 * hour, 11 * hour]) == [Status.ERROR, Status.OK]
    assert statuses(keeping, 3, [5 * hour, 11 * hour]) == [Status.OK, Status.ERROR]
    assert statuses(keeping, 2, [5 * hour, 11 * hour]) == [Status.ERROR, Status.ERROR]
    now = STARTED + 10 * hour + timedelta(seconds=1.5)
    standing = keeping.open_anomalies("Agents")
    assert [(one.row_id, one.opened, one.seen) for one in standing] == [
        (2, STARTED + timedelta(seconds=1.5), now),
        (3, now, now),
    ]
    assert [day.started for day in keeping.days("Agents", STARTED)] == [STARTED + 10 * hour]
    keeping.close()


def test_a_clock_that_is_years_ahead_for_a_pass_makes_nothing_forgotten(keeping: Store) -> None:
    day = timedelta(days=1)
    passed(keeping, 0 * day, {1: [MISSING]})
    passed(keeping, 1 * day, {})
    passed(keeping, TEN_YEARS, {})
    passed(keeping, 2 * day, {})
    assert statuses(keeping, 1, [0.5 * day, 1.5 * day]) == [Status.ERROR, Status.OK]
    keeping.close()


def test_how_many_rows_there_were_is_known_though_the_clock_is_set_back_when_they_are_missing(keeping: Store) -> None:
    """Else the fuse that holds the pass would let the next one through."""
    held = Held("max_missing_rows", "0123456789abcdef", 20, 23, "50%", "20 of 23 rows are no longer in the list")
    keeping.save(outcome({}, rows=23, started=STARTED + TEN_YEARS))
    for hour in range(2):
        keeping.save(replace(outcome({}, rows=3, started=STARTED + timedelta(hours=hour)), held=held))
        assert keeping.known_rows("Agents") == 23
    assert [day.started for day in keeping.days("Agents", STARTED)] == [STARTED + timedelta(seconds=1.5)]
    keeping.close()


def test_two_services_whose_clocks_differ_by_minutes_change_nothing_of_each_other(keeping: Store) -> None:
    minute = timedelta(minutes=1)
    passed(keeping, 30 * minute, {1: [MISSING]})
    passed(keeping, 0 * minute, {1: [MISSING]})
    [standing] = keeping.open_anomalies("Agents")
    assert standing.opened == STARTED + 30 * minute + timedelta(seconds=1.5)
    passed(keeping, 31 * minute, {})
    assert statuses(keeping, 1, [30.5 * minute, 32 * minute]) == [Status.ERROR, Status.OK]
    keeping.close()


def test_a_service_that_was_off_for_longer_than_all_is_kept_forgets_a_day_later(keeping: Store) -> None:
    day = timedelta(days=1)
    passed(keeping, 0 * day, {1: [MISSING]})
    passed(keeping, 1 * day, {})
    passed(keeping, 100 * day, {})
    assert statuses(keeping, 1, [0.5 * day]) == [Status.ERROR]
    passed(keeping, 101 * day, {})
    assert statuses(keeping, 1, [0.5 * day]) == [None]
    keeping.close()
