"""How fresh what the list shows is, in words."""

from __future__ import annotations

from math import floor

from sync_agent.freshness import Freshness


def in_words(found: Freshness) -> str:
    """A clause without a full stop. Not all is never told as 100 %."""
    right = f"{floor(1000 * found.share_right) / 10:g} % of {found.rows:,} rows show what is true"
    unread = f"; of {found.never_read:,} agents no presence was read yet" if found.never_read else ""
    ages = (found.p50, found.p95, found.longest)
    half, most, all_ = ("" if age is None else _seconds(age) for age in ages)
    old = f"; half of what is shown is at most {half} old, 95 % {most}, all {all_}" if all_ else ""
    return f"{right}{old}{unread}"


def _seconds(age: float) -> str:
    return f"{age:.1f} s" if age < 10 else f"{age:,.0f} s"
