"""Everybody in turn, evenly, as often as can be; and what is said where that is less often than wanted."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.sweep_pace import AT_ONCE, Limit, Pace, Telling, Wheel, pace, seen

SECONDS = st.floats(0.01, 120)
PARTS = st.integers(1, 300)
DELAYS = st.lists(st.floats(0, 3), min_size=1, max_size=200)


def turns(parts: int, interval: float, late: list[float]) -> list[tuple[float, int]]:
    """When it was whose turn, for a caller who comes so much later than told each time."""
    wheel, now, seen_ = Wheel(), 100.0, []
    for delay in late:
        seen_.append((now, wheel.turn(now, parts, interval)))
        now += wheel.wait(now) + delay
    return seen_


@given(PARTS, SECONDS)
def test_who_is_punctual_asks_evenly_and_each_part_once_an_interval(parts: int, interval: float) -> None:
    made = turns(parts, interval, [0.0] * (3 * parts))
    assert [part for _, part in made] == [*range(parts)] * 3
    for number, (at, _) in enumerate(made):
        assert math.isclose(at, 100 + number * interval / parts, rel_tol=1e-9)


@given(PARTS, SECONDS, DELAYS)
def test_who_is_late_makes_no_volley_of_it(parts: int, interval: float, late: list[float]) -> None:
    """In any time no more than at twice the pace, but for what some hundredths of a second hold."""
    made = turns(parts, interval, late)
    half = interval / parts / 2
    for number, (at, _) in enumerate(made):
        for before, (since, _) in enumerate(made[:number]):
            assert number - before <= (at - since + AT_ONCE) / half + 1 + 1e-6
    assert [part for _, part in made] == [number % parts for number in range(len(made))]


@given(PARTS, st.floats(0.2, 120))
def test_who_always_wakes_a_little_late_holds_the_interval_all_the_same(parts: int, interval: float) -> None:
    wheel, now = Wheel(), 100.0
    for _ in range(4 * parts):
        wheel.turn(now, parts, interval)
        wait = wheel.wait(now)
        now += wait + (0.03 if wait else 0.0)
    assert now - 100 <= 4 * interval + 0.06


@given(PARTS, SECONDS, DELAYS)
def test_what_was_held_up_for_less_than_a_round_is_caught_up(parts: int, interval: float, late: list[float]) -> None:
    """As if it had never been, once there was time enough."""
    short = [delay * interval / 3 / max(sum(late), 1) for delay in late]
    made = turns(parts, interval, [*short, *[0.0] * (2 * parts + len(short))])
    at, number = made[-1][0], len(made) - 1
    assert math.isclose(at, 100 + number * interval / parts, rel_tol=1e-9)


@given(SECONDS, PARTS, st.floats(0.1, 500))
def test_the_limit_is_not_exceeded_and_nothing_is_stretched_without_need(
    wanted: float, parts: int, rate: float
) -> None:
    made = pace(wanted, parts, rate)
    assert parts / made.held <= rate * (1 + 1e-9)
    assert made.held == max(wanted, parts / rate)
    assert (made.limited_by is None) == (made.held == wanted)


@given(PARTS, st.data())
def test_less_than_half_of_the_parts_being_slow_stretch_nobodys_interval(parts: int, data: st.DataObject) -> None:
    slow = data.draw(st.integers(0, (parts - 1) // 2))
    assert seen(Pace(0.5, 0.5), [9.0] * slow + [0.5] * (parts - slow), slow) == Pace(0.5, 0.5)
    assert seen(Pace(0.5, 0.5), [9.0] * (parts - slow) + [0.5] * slow, parts - slow) == Pace(0.5, 9.0, Limit.ANSWERS)


def test_whoever_is_late_though_all_have_answered_is_held_up_by_the_machine() -> None:
    assert seen(Pace(0.5, 0.5), [0.6], 0) == Pace(0.5, 0.5)
    assert seen(Pace(0.5, 0.5), [0.9, 0.9, 0.5], 1) == Pace(0.5, 0.9, Limit.MACHINE)
    assert seen(Pace(0.5, 2.0, Limit.REQUESTS), [2.1], 0) == Pace(0.5, 2.0, Limit.REQUESTS)


def test_a_change_that_lasts_is_told_once() -> None:
    telling, well, stretched = Telling(), Pace(0.5, 0.5), Pace(0.5, 2.0, Limit.REQUESTS)
    rounds = [*[well] * 50, *[stretched] * 5, *[well] * 50, *[stretched] * 100, *[Pace(0.5, 9, Limit.REQUESTS)] * 100]
    told = [(second, each) for second, each in enumerate([*rounds, *[well] * 100]) if telling.is_news(second, each)]
    assert told == [(115, stretched), (215, Pace(0.5, 9, Limit.REQUESTS)), (315, well)]


@given(st.lists(st.sampled_from([Pace(1, 1), Pace(1, 2, Limit.REQUESTS), Pace(1, 2, Limit.MACHINE)]), max_size=200))
def test_it_is_never_told_more_often_than_it_lasts(rounds: list[Pace]) -> None:
    telling = Telling()
    told = [second for second, each in enumerate(rounds) if telling.is_news(second, each)]
    assert all(after - before >= 10 for before, after in pairwise(told))
