"""What an answer says of the limit it was counted against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

_NAMES = frozenset({"ratelimit-limit", "x-ms-throttle-limit-percentage", "x-ms-resource-unit"})
_NEAR = 0.8
"""The share of a limit from which Microsoft's answers speak of it."""
_STEEPNESS = 2.5
_LEAST = 0.125


@dataclass(frozen=True, slots=True)
class Told:
    """``limit``, ``remaining`` units, ``reset`` in seconds: SharePoint's RateLimit headers, of the one-minute limit.
    ``used``: the share of the directory's limit, 0.8 to 1.8. ``cost``: units that this request took. None: not said.
    """

    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None
    used: float | None = None
    cost: float | None = None


_NOTHING = Told()


def told(headers: Mapping[str, str]) -> Told:
    """``headers``: names in lower case. What is no sensible number was not said."""
    if _NAMES.isdisjoint(headers):
        return _NOTHING
    limit = _number(headers.get("ratelimit-limit"))
    return Told(
        limit if limit else None,
        _number(headers.get("ratelimit-remaining")),
        _number(headers.get("ratelimit-reset")),
        _number(headers.get("x-ms-throttle-limit-percentage")),
        _number(headers.get("x-ms-resource-unit")),
    )


def share_left(used: float) -> float:
    """Of our rate, so that a limit that is used so far is not run into: all at 80 %, half at 100 %."""
    return min(1.0, max(_LEAST, 1.0 - _STEEPNESS * (used - _NEAR)))


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
