"""Moments as people type them in options, in UTC where they name no zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

from sync_agent.characters import printable
from sync_agent.settings.values import in_seconds

_DATE = len("2026-11-24")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_DAY = timedelta(days=1)


def at_moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    """A date, which means its end, or a date and time."""
    if value is None:
        return None
    try:
        moment = _in_full(value)
        return moment + _DAY - timedelta(microseconds=1) if _is_date(value) else moment
    except (ValueError, OverflowError) as error:
        raise _bad(value, "2026-11-24, 2026-11-24T09:30 or 2026-11-24T09:30+01:00") from error


def since_moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    """A date, which means its beginning, a date and time, a time, which is the last one that was, or how long ago."""
    if value is None:
        return None
    now = datetime.now(UTC)
    try:
        moment = _since(value.strip(), now)
    except (ValueError, OverflowError) as error:
        raise _bad(value, "10:30, 2h, 2026-11-24, 2026-11-24T09:30 or 2026-11-24T09:30+01:00") from error
    if moment > now:
        raise click.BadParameter(f"{printable(value)} is still to come (it is {now:%Y-%m-%d %H:%M:%S} UTC).")
    return moment


def _since(value: str, now: datetime) -> datetime:
    ago = in_seconds(value)
    if ago is not None:
        return now - timedelta(seconds=ago)
    if not _TIME.fullmatch(value):
        return _in_full(value)
    today = _in_full(f"{now:%Y-%m-%d}T{value}")
    return today if today <= now else today - _DAY


def _in_full(value: str) -> datetime:
    """Raises ValueError, OverflowError."""
    moment = datetime.fromisoformat(value.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _is_date(value: str) -> bool:
    return len(value.strip()) <= _DATE


def _bad(value: str, wanted: str) -> click.BadParameter:
    return click.BadParameter(f"{printable(value)} is not a time like {wanted}.")
