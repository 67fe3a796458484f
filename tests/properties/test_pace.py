"""However often the service refuses: the pace halves, comes back, and is never beyond what the limit allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.microsoft365.pacing.pace import LEAST, Pace, fallen, recovery
from sync_agent.microsoft365.pacing.reserve import DAY, Reserve

MOMENTS = st.lists(st.floats(0, 1_000), max_size=20).map(sorted)


def after(refusals: list[float]) -> Pace:
    pace = Pace()
    for moment in refusals:
        pace = fallen(pace, moment)
    return pace


@given(MOMENTS, st.floats(0, 100))
def test_it_stays_between_the_least_and_the_limit(refusals: list[float], later: float) -> None:
    now = (refusals or [0.0])[-1] + later
    assert LEAST <= after(refusals).at(now) <= 1.0


@given(MOMENTS, st.floats(0, 100))
def test_a_refusal_halves_it(refusals: list[float], later: float) -> None:
    pace, now = after(refusals), (refusals or [0.0])[-1] + later
    assert fallen(pace, now).at(now) == max(LEAST, pace.at(now) / 2)


@given(MOMENTS, st.floats(0, 50), st.floats(0, 50))
def test_left_alone_it_only_grows_and_comes_back_whole(refusals: list[float], sooner: float, later: float) -> None:
    pace, last = after(refusals), (refusals or [0.0])[-1]
    assert pace.at(last + sooner) <= pace.at(last + sooner + later)
    assert pace.at(last + 10) == 1.0


@given(st.lists(st.tuples(st.floats(0, DAY / 8), st.floats(0, 400)), max_size=60), st.floats(0, 3 * DAY))
def test_no_24_hours_hold_more_than_the_days_units(wishes: list[tuple[float, float]], start: float) -> None:
    """Each waits some seconds and then takes as soon as the reserve lets it."""
    reserve, now, taken = Reserve(1_000.0), 0.0, []
    for pause, wished in wishes:
        now += pause
        units = min(wished, reserve.room(now) or wished, 250.0)
        now += reserve.wait(units, now)
        reserve.take(units, now)
        taken.append((now, units))
    for first in (start, *(moment for moment, _ in taken)):
        assert sum(units for moment, units in taken if first <= moment < first + DAY) <= 1_000.0 + 1e-3


def test_what_a_refusal_costs_is_what_the_pace_loses() -> None:
    """From half, by a quarter in each quarter of a minute up to near the limit, and from there by 4 %."""
    seconds, lost = recovery(60.0)
    pace = fallen(Pace(), 0.0)
    assert pace.at(seconds / 15) == 1.0
    assert pace.at(seconds / 15 - 0.02) < 1.0
    first = 0.45 / 0.25
    assert lost == pytest.approx(15 * (first * (0.5 + 0.05) / 2 + (seconds / 15 - first) * 0.03), rel=0.05)
