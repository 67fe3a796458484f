"""What a cold sync takes at least, against which it is measured."""

from __future__ import annotations

import pytest

from bench.cold_floor import counted, least_seconds, phases, units_needed
from sync_agent.simulator.wire import call
from sync_agent.simulator.world import World

HEARD = {
    ("sign-in", "home"): 2,
    ("sign-in", "other"): 2,
    ("opening", "home"): 3,
    ("page", "home"): 3,
    ("look-up", "contoso.com"): 1,
    ("look-up", "fabrikam.com"): 1,
    ("name", "home"): 1,
    ("directory", "home"): 9,
    ("directory", "other"): 7,
    ("batch", "home"): 3,
    ("presence", "home"): 33,
    ("presence", "other"): 3,
    ("standing", "home"): 9,
    ("write", "home"): 9,
}


def test_what_goes_side_by_side_counts_once() -> None:
    rounds = {phase.name: (phase.requests, phase.rounds) for phase in phases(HEARD, "rest")}
    assert rounds == {
        "sign-in": (4, 4),
        "the list": (6, 6),
        "domains": (3, 2),
        "directories": (19, 10),
        "presence": (36, 2),
        "writes": (18, 6),
    }


@pytest.mark.parametrize(("units", "least"), [(100, 0), (1_000, 0), (1_001, 60), (3_000, 120), (3_001, 180)])
def test_a_budget_is_spent_at_the_beginning_of_each_minute(units: float, least: float) -> None:
    assert least_seconds(units, 1_000) == least


def test_reading_rows_again_is_not_needed() -> None:
    assert units_needed(HEARD, rows=900) == 2 * (900 + 3 + 3)


def test_a_request_of_no_known_kind_is_told() -> None:
    with pytest.raises(ValueError, match=r"PUT /v1\.0/me is of no kind"):
        counted([call(World(), "PUT", "/v1.0/me", {}, b"")])
