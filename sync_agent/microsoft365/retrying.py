"""When a request is sent again, and after how long."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sync_agent.microsoft365.pacing import PATIENCE

THROTTLED = frozenset({429, 503, 509})
"""The service wants fewer requests; what it refused was not carried out, so even a write may be sent again."""
FAILED = frozenset({500, 502, 504})
"""The service broke: only what may be carried out twice is sent again."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """Full jitter: after the n-th try a random time up to ``base × 2ⁿ⁻¹``, at most ``cap`` seconds.

    A Retry-After longer than ``patience`` seconds is not waited for: the caller is told, the budget stays closed.
    """

    attempts: int = 5
    base: float = 0.5
    cap: float = 30.0
    patience: float = PATIENCE
    random: random.Random = field(default_factory=random.Random)

    def pause(self, tried: int) -> float:
        return self.random.uniform(0.05, 1.0) * min(self.cap, self.base * 2.0 ** (tried - 1))


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110 10.2.3: seconds or an HTTP date); None where it says nothing.

    ``now``: the service's own time, so that its date is not read by a clock that differs.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        moment = http_date(value)
        return None if moment is None else max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    return max(0.0, seconds) if math.isfinite(seconds) else None


def http_date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value) if value else None
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
