"""How long something has stood, as people say it."""

from __future__ import annotations

from datetime import timedelta


def age(standing: timedelta) -> str:
    """Roughly how long: the largest unit of which there is a whole one."""
    minutes = int(standing.total_seconds() // 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "new"


def age_group(standing: timedelta) -> str:
    """One of ``AGE_GROUPS``."""
    return next((name for name, below in _GROUPS if standing < below), _OLDEST)


_GROUPS = (
    ("under a day", timedelta(days=1)),
    ("1 to 6 days", timedelta(days=7)),
    ("7 to 29 days", timedelta(days=30)),
    ("30 to 89 days", timedelta(days=90)),
)
_OLDEST = "90 days or more"
AGE_GROUPS = (*(name for name, _ in _GROUPS), _OLDEST)
"""Youngest first; each anomaly is in exactly one."""
