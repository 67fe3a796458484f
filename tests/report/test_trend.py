"""The trend: a day for each day of the calendar, as it was, and none where nothing is known."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.model import Status
from sync_agent.report.trend import HEIGHT, WIDTH, Trend, trend
from sync_agent.state.store import PassRecord
from tests.report.records import NOW, a_pass

TODAY = NOW.date()
_COUNTS = st.integers(0, 20_000)
_PASSES = st.dictionaries(st.integers(0, 89), st.tuples(_COUNTS, _COUNTS, _COUNTS, _COUNTS), min_size=2)


def drawn(passes: list[PassRecord]) -> Trend:
    made = trend(passes, TODAY)
    assert made is not None
    return made


def passes_of(days: dict[int, tuple[int, int, int, int]]) -> list[PassRecord]:
    return [
        a_pass(ago, ok=ok, warning=warning, error=error, unknown=unknown)
        for ago, (ok, warning, error, unknown) in sorted(days.items(), reverse=True)
    ]


@given(_PASSES)
def test_every_day_is_drawn_to_scale_inside_the_box(days: dict[int, tuple[int, int, int, int]]) -> None:
    made = drawn(passes_of(days))
    first = TODAY - timedelta(days=max(days))
    assert [day.day for day in made.days] == [first + timedelta(days=i) for i in range(max(days) + 1)]
    top = made.lines[-1].rows
    assert top >= max(day.wrong for day in made.days)
    for day in made.days:
        known = days.get((TODAY - day.day).days)
        assert (day.status is None) == (known is None)
        assert 0 <= day.x <= day.x + made.width <= WIDTH + 1e-6
        heights = {bar.status: bar.height for bar in day.bars}
        _, warning, error, unknown = known or (0, 0, 0, 0)
        for status, count in ((Status.ERROR, error), (Status.WARNING, warning), (Status.UNKNOWN, unknown)):
            assert heights.get(status, 0.0) == pytest.approx(count * HEIGHT / top)
        assert sum(heights.values()) <= HEIGHT + 1e-6
        edges = [(bar.y, bar.y + bar.height) for bar in day.bars]
        assert [low for _, low in edges] == pytest.approx([HEIGHT, *(high for high, _ in edges)][: len(edges)])


@given(_PASSES)
def test_there_are_few_lines_at_round_numbers(days: dict[int, tuple[int, int, int, int]]) -> None:
    lines = drawn(passes_of(days)).lines
    assert 1 <= len(lines) <= 4
    assert all(str(line.rows).rstrip("0") in {"1", "2", "3", "4", "5", "6", "8", "15"} for line in lines)
    assert all(line.y == pytest.approx(HEIGHT * (1 - line.rows / lines[-1].rows)) for line in lines)


def test_days_without_a_pass_are_gaps_and_are_told() -> None:
    made = drawn([a_pass(4, error=7), a_pass(3, error=9), a_pass(1, error=2, unknown=1)])
    assert [day.status is None for day in made.days] == [False, False, True, False, True]
    assert made.told == (
        "Rows that were not OK at the end of each day: 7 on 2026-02-26, 3 on 2026-03-01, "
        "at most 9 on 2026-02-27. On 2 of these 5 days no pass was made."
    )


def test_one_day_is_no_trend() -> None:
    assert trend([], TODAY) is None
    assert trend([a_pass(3)], TODAY) is None


def test_a_list_that_was_always_right_has_an_empty_chart_with_a_scale() -> None:
    made = drawn([a_pass(1), a_pass(0)])
    assert [day.bars for day in made.days] == [(), ()]
    assert [line.rows for line in made.lines] == [1]


def test_a_clock_that_was_put_back_drops_no_day() -> None:
    made = trend([a_pass(1), a_pass(0)], date(2026, 3, 1))
    assert made is not None
    assert made.days[-1].day == TODAY
