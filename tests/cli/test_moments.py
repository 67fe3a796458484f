"""Moments as people type them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from sync_agent.cli.moments import at_moment, since_moment

NOWHERE: tuple[Any, Any] = (click.Context(click.Command("undo")), click.Option(["--since"]))


def since(value: str) -> datetime:
    moment = since_moment(*NOWHERE, value)
    assert moment is not None
    return moment


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("2025-11-24", datetime(2025, 11, 24, tzinfo=UTC)),
        ("2025-11-24 09:30", datetime(2025, 11, 24, 9, 30, tzinfo=UTC)),
        (" 2025-11-24T09:30+01:00 ", datetime(2025, 11, 24, 8, 30, tzinfo=UTC)),
    ],
)
def test_dates_and_times_mean_their_beginning(value: str, meant: datetime) -> None:
    assert since(value) == meant


@pytest.mark.parametrize(
    ("value", "ago"), [("90s", timedelta(seconds=90)), ("2h", timedelta(hours=2)), ("1.5d", timedelta(hours=36))]
)
def test_durations_are_so_long_ago(value: str, ago: timedelta) -> None:
    before = datetime.now(UTC)
    assert before - ago <= since(value) <= datetime.now(UTC) - ago


def test_a_time_alone_is_the_last_one_that_was() -> None:
    for hour in range(24):
        moment, now = since(f"{hour:02}:30"), datetime.now(UTC)
        assert (moment.hour, moment.minute, moment.second) == (hour, 30, 0)
        assert now - timedelta(days=1, seconds=1) < moment <= now


@pytest.mark.parametrize("value", ["", "soon", "25:00", "7", "2025-13-01", "99999999d", "0001-01-01T00:00+14:00"])
@pytest.mark.parametrize("callback", [at_moment, since_moment])
def test_what_is_no_moment_is_told_with_what_is(callback: Callable[..., Any], value: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is not a time like .*2026-11-24T09:30"):
        callback(*NOWHERE, value)


def test_what_is_still_to_come_is_told_with_the_time_it_is() -> None:
    with pytest.raises(click.BadParameter, match=r"is still to come \(it is .* UTC\)"):
        since((datetime.now(UTC) + timedelta(hours=1)).isoformat())


def test_what_is_left_out_is_none() -> None:
    assert since_moment(*NOWHERE, None) is None
    assert at_moment(*NOWHERE, None) is None
