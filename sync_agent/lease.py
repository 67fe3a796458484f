"""Who may write to a list when several services run: the rule, as values, without clocks or a place.

The one that writes renews a counter, and may write for the lease's length from the moment at which it began to renew.
Another takes over only after it has seen no change of that counter for longer than the length. Each measures by a clock
of its own that only grows, so it does not matter what time the machines believe it is: only how fast their clocks go.

(The idea is that of C. Gray and D. Cheriton, Leases, 1989; the counter in place of times is that of Kubernetes' leader
election.)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

PATIENCE = 1.1
"""Lengths of silence before another takes over. Clocks may differ in speed by a tenth, real ones by far less."""
RENEWALS = 3
"""Attempts to renew in one length: two may fail before the writing stops."""


@dataclass(frozen=True, slots=True)
class Lease:
    """As it is written down. ``seconds``: its length, by which others judge it whatever their own settings say.

    ``holder`` is "" once it was given up; ``turn`` is another at each renewal; ``told``: who that is, for people.
    """

    holder: str
    turn: int
    seconds: float
    told: str = ""
    at: datetime | None = field(default=None, compare=False)
    """When it was written down, by that machine's clock: for telling people, never for judging."""

    @property
    def is_free(self) -> bool:
        return not self.holder


@dataclass(frozen=True, slots=True)
class Standing:
    """What one service goes by. Times are of its own clock, in seconds."""

    seen: Lease | None = None
    """As it was last read; None: never written."""
    since: float = 0.0
    """Since when it has been seen so."""
    until: float | None = None
    """How long it may write; None: it does not hold the lease."""

    def may_write(self, now: float) -> bool:
        return self.until is not None and now < self.until


def looked(standing: Standing, found: Lease | None, now: float) -> Standing:
    """After reading the lease; ``now``: when the answer was there, so that the other's silence is never overrated."""
    if found == standing.seen:
        return standing
    return Standing(found, now)


def may_take(standing: Standing, now: float) -> bool:
    """Whether nobody holds what was last read any more."""
    lease = standing.seen
    return lease is None or lease.is_free or now - standing.since > lease.seconds * PATIENCE


def renewed(standing: Standing, me: str, seconds: float, told: str) -> Lease:
    """What is to be written in place of what was last read, and of nothing else."""
    return Lease(me, 1 if standing.seen is None else standing.seen.turn + 1, seconds, told)


def held(written: Lease, began: float, now: float) -> Standing:
    """After it was written; ``began``: before that was tried, so that others never wait for less than is used."""
    return Standing(written, now, began + written.seconds)


def given_up(lease: Lease) -> Lease:
    return replace(lease, holder="", turn=lease.turn + 1)
