"""The ages of what the list shows, and the promise about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.freshness import (
    LASTING,
    Circumstances,
    Freshness,
    Promise,
    Shown,
    Told,
    constraint,
    freshness,
    quantile,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_what_is_right_is_as_old_as_its_reading_and_what_is_not_as_the_reading_before_the_change() -> None:
    right = freshness([Shown(True, read_at=ago(3))], NOW, 2)
    assert (right.right, right.p50, right.p95, right.longest) == (1, 3, 3, 3)
    owed = freshness([Shown(True, read_at=ago(1), owed_since=ago(40))], NOW, 2)
    assert (owed.right, owed.longest) == (0, 42)


def test_rows_without_a_user_have_no_age_unless_they_are_wrong() -> None:
    found = freshness([Shown(False), Shown(False, owed_since=ago(10))], NOW, 2)
    assert (found.rows, found.right, found.p50, found.longest) == (2, 1, 12, 12)


def test_a_user_who_was_never_read_is_not_right_and_has_no_age() -> None:
    found = freshness([Shown(True), Shown(True, read_at=ago(1))], NOW, 2)
    assert (found.right, found.never_read, found.longest) == (1, 1, 1)


def test_an_empty_list_is_right() -> None:
    found = freshness([], NOW, 2)
    assert (found.share_right, found.p95) == (1.0, None)


def test_a_clock_that_was_set_back_gives_no_negative_ages() -> None:
    assert freshness([Shown(True, read_at=ago(-100))], NOW, 2).longest == 0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_quantile_has_its_part_at_or_below_and_is_the_smallest_such(ages: list[float], part: float) -> None:
    ages.sort()
    found = quantile(ages, part)
    assert sum(age <= found for age in ages) >= part * len(ages) - 1e-9
    assert sum(age < found for age in ages) < part * len(ages)


def of_age(p95: float | None, rows: int = 100, never_read: int = 0) -> Freshness:
    return Freshness(rows, rows, never_read, p95, p95, p95)


def test_a_promise_that_is_missed_for_a_minute_is_told_once_and_so_is_its_end() -> None:
    promise = Promise(60)
    told = [promise.look(of_age(61), float(second)) for second in range(200)]
    assert [(at, each) for at, each in enumerate(told) if each] == [(LASTING, Told.MISSED)]
    told = [promise.look(of_age(60), 200.0 + second) for second in range(200)]
    assert [(at, each) for at, each in enumerate(told) if each] == [(LASTING, Told.KEPT)]


def test_a_burst_is_no_alarm_and_a_lucky_moment_no_end() -> None:
    promise = Promise(60)
    for second in range(0, 600, 10):
        assert promise.look(of_age(61 if second % 50 else 5), float(second)) is None
    promise = Promise(60, missed=True)
    for second in range(0, 600, 10):
        assert promise.look(of_age(5 if second % 50 else 61), float(second)) is None


def test_nothing_is_promised_and_nothing_told() -> None:
    assert [Promise(0).look(of_age(1e9), t) for t in (0.0, 1e6)] == [None, None]


def test_users_who_were_never_read_miss_it() -> None:
    promise = Promise(60)
    promise.look(of_age(None, never_read=100), 0.0)
    assert promise.look(of_age(None, never_read=100), LASTING) is Told.MISSED


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (Circumstances(paused="standing by", waiting=9, a_second=1), "paused: standing by"),
        (Circumstances(throttled=(("SharePoint", 30.0),), waiting=9, a_second=1), "throttled: SharePoint"),
        (Circumstances(unreachable="no answer", slow=(("contoso", "slow answers"),)), "the service: no answer"),
        (Circumstances(slow=(("contoso", "slow answers"),), waiting=9, a_second=1), "presence: tenant contoso: slow"),
        (Circumstances(slow=(("contoso", "slow"),), slowest=3, waiting=1_600, a_second=8), "budget: SharePoint, 1,600"),
        (
            Circumstances(slow=(("contoso", "slow"),), slowest=300, waiting=1_600, a_second=8),
            "presence: tenant contoso",
        ),
        (Circumstances(waiting=1_600, a_second=8), "budget: SharePoint, 1,600 rows to write at 8.0 a second: 200 s"),
        (Circumstances(), "nothing that is known"),
    ],
)
def test_the_constraint_is_what_explains_most(of: Circumstances, said: str) -> None:
    assert constraint(of).startswith(said)
