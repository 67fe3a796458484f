"""How old what the list shows is, looked at all the time: a line in the log each minute, and an alarm where
``presence.target_age`` is missed for a minute, with what keeps the list from being fresher.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

import structlog

from sync_agent.freshness import Circumstances, Freshness, Promise, Shown, Told, constraint, freshness
from sync_agent.fuses import Held
from sync_agent.jobs.backlog_told import backlogged
from sync_agent.jobs.context import Context
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.plan_rows import not_held, some_at_a_time
from sync_agent.microsoft365.agent_list import ROW_UNITS
from sync_agent.model import Verdict

_log = structlog.get_logger()

LOOKS_EVERY = 10.0
_TOLD_EVERY = 60.0
_THROTTLED = 1.0
"""Seconds that a budget is closed, at least, to be worth telling."""


@dataclass(slots=True)
class WatchFreshness:
    """``interval``: the seconds of schedule.presence; ``latest``: what was found when it was last looked."""

    context: Context
    interval: float
    promise: Promise
    clock: Callable[[], float] = time.monotonic
    latest: Freshness = field(default_factory=Freshness)
    trouble: str = ""
    """While the promise is missed: so, and why."""
    _owed_since: dict[int, datetime] = field(default_factory=dict)
    _told_at: float | None = None
    _kept_at: float | None = None

    async def look(self, held: Held | None, unreachable: str, waits_for: str) -> Told | None:
        """``unreachable``: why the list could not be read or written; ``waits_for``: the person who must sign in. What
        is new of the promise.
        """
        observed, now = self.context.observed, self.context.clock()
        self._owed_since = owed_since(observed, now, self._owed_since)
        rows = await shown(self.context, self._owed_since)
        self.latest = await asyncio.to_thread(freshness, rows, now, self._held_interval())
        self._log_each_minute()
        told = self.promise.look(self.latest, self.clock())
        why = constraint(circumstances(self.context, held, unreachable, waits_for)) if self.promise.missed else ""
        self.trouble = self._missed(why) if self.promise.missed else ""
        if told is Told.MISSED:
            _log.error("presence_target_missed", target=self.promise.target, because=why, **figures(self.latest))
        elif told is Told.KEPT:
            _log.info("presence_target_kept_again", target=self.promise.target, **figures(self.latest))
        return told

    def _missed(self, why: str) -> str:
        age = "unknown" if self.latest.p95 is None else f"{self.latest.p95:,.0f} s"
        return (
            f"Presence in the list is older than presence.target_age ({self.promise.target:g} s): "
            f"{age} at the 95th percentile, {self.latest.share_right:.0%} of the rows right. What limits: {why}."
        )

    def _held_interval(self) -> float:
        paces = [rounds.pace for rounds in self.context.edges.presence.rounds.values()]
        return max((pace.held for pace in paces if pace is not None), default=self.interval)

    def to_keep(self) -> Freshness | None:
        """Once a minute what was found last, for whoever makes a report."""
        now = self.clock()
        if not self.latest.rows or (self._kept_at is not None and now - self._kept_at < _TOLD_EVERY):
            return None
        self._kept_at = now
        return self.latest

    def _log_each_minute(self) -> None:
        now = self.clock()
        if self.latest.rows and (self._told_at is None or now - self._told_at >= _TOLD_EVERY):
            self._told_at = now
            _log.info("freshness", **figures(self.latest))


def figures(found: Freshness) -> dict[str, float | int]:
    """As the log has them: ages in seconds; 95th percentile and all."""
    ages = {"p50": found.p50, "p95": found.p95, "max": found.longest}
    told: dict[str, float | int] = {name: round(age, 1) for name, age in ages.items() if age is not None}
    unread = {"never_read": found.never_read} if found.never_read else {}
    return {**told, "right": round(found.share_right, 4), "rows": found.rows, **unread}


async def shown(context: Context, owed: Mapping[int, datetime]) -> list[Shown]:
    """Every row, with the age of what is known about it, all of one moment; looked up some rows at a time."""
    observed, read_at, found = context.observed, context.edges.presence.last_read(), list[Shown]()
    verdicts = observed.verdicts
    for row_ids in some_at_a_time(list(observed.rows)):
        for row_id in row_ids:
            verdict = verdicts[row_id]
            at = None if verdict.user is None else read_at.get(verdict.user.id)
            found.append(Shown(is_asked_for(observed, verdict), at, owed.get(row_id)))
        await asyncio.sleep(0)
    return found


def is_asked_for(observed: Observed, verdict: Verdict) -> bool:
    """Whether the row has a user, in a cloud that has presence."""
    return verdict.user is not None and observed.tenant_of[verdict.account] not in observed.without_presence


def owed_since(observed: Observed, now: datetime, before: Mapping[int, datetime]) -> dict[int, datetime]:
    """Of the rows that show something else than what is true, or that were not planned since something of theirs is
    new: since when. ``before``: what was found earlier.
    """
    found = observed.backlog.owed_since()
    for row_id in [*observed.dirty, *observed.turns.in_flight]:
        if row_id in found or (row := observed.rows.get(row_id)) is None:
            continue
        user = observed.verdicts[row_id].user
        presence = None if user is None else observed.presences.get(user.id)
        changed = presence is not None and (presence.availability, presence.activity) != (
            row.shown.presence,
            row.shown.activity,
        )
        since = presence.since if presence is not None and changed else now
        found[row_id] = min(since, before.get(row_id, since))
    return {row_id: since for row_id, since in found.items() if row_id in observed.rows}


def circumstances(context: Context, held: Held | None, unreachable: str, waits_for: str) -> Circumstances:
    observed, budgets = context.observed, context.budgets
    limited = {id_: rounds.pace for id_, rounds in context.edges.presence.rounds.items()}
    slow = tuple(
        (id_, f"{pace.limited_by}: every {pace.held:.1f} s instead of {pace.wanted:g} s")
        for id_, pace in limited.items()
        if pace is not None and pace.limited_by is not None
    )
    unread = tuple(observed.presence_trouble.items())
    slowest = inf if unread else max((pace.held for pace in limited.values() if pace is not None), default=inf)
    throttled = tuple((each.name, each.closed_for()) for each in budgets if each.closed_for() >= _THROTTLED)
    a_second = budgets[0].rate / ROW_UNITS if budgets else 0.0
    waiting = backlogged(context).rows
    paused = _paused(context, held, waits_for)
    return Circumstances(paused, unreachable, throttled, unread or slow, slowest, waiting, a_second)


def _paused(context: Context, held: Held | None, waits_for: str) -> str:
    if not context.may_write():
        return "this service does not hold the lease: another writes the list, or the database cannot be used"
    if waits_for:
        return waits_for
    if held is not None and context.observed.dirty and not not_held(context, held):
        return f"held by the fuse {held.fuse}, for {held.cause}"
    return ""
