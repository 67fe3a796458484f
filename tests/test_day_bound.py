"""The lower bound of the bench of a day is one: no order that the bench knows gets below it, and it is not idle."""

import pytest

from bench.day import ORDERS, Day, bounds
from bench.day_bound import bound, plainly
from bench.day_of_agents import AVAILABLE, OFFLINE, agents

_DAYS = agents(40, 3.0, seed=3)
_UNITS = 5.0


@pytest.mark.parametrize("order", ORDERS)
def test_no_order_stays_below_it(order: str) -> None:
    score = Day(_DAYS, _UNITS, *ORDERS[order]).run()
    plain, weighted = bounds(_DAYS, _UNITS, score)
    assert 0 < plain.unlimited < plain.limited <= score.wrong
    assert 0 < weighted.unlimited < weighted.limited <= score.weighted


def test_what_waits_for_the_turn_is_wrong_without_any_limit() -> None:
    day = [(0.0, OFFLINE), (10.25, AVAILABLE), (20.5, OFFLINE), (20.75, AVAILABLE)]
    assert bound([day], 100, (0.0, 60.0), plainly, 10.0).unlimited == pytest.approx(0.75 + 0.25)


def test_of_two_rows_that_change_at_once_one_waits_for_the_next_minute() -> None:
    """The better one cannot be known from the rows alone, but one of them waits: 60 s, or 30 where that ends sooner."""
    days = [[(0.0, OFFLINE), (1.0, AVAILABLE), (31.0, OFFLINE)], [(0.0, OFFLINE), (1.0, AVAILABLE)]]
    found = bound(days, 1, (0.0, 300.0), plainly, 60.0)
    assert found.unlimited == 0.0
    assert 29.0 <= found.limited <= 30.0
