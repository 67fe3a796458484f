"""What is owed to the list, in the log: how many rows, at what pace they go, and when all is expected to be written."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

from sync_agent.backlog import Backlogged
from sync_agent.jobs.context import Context
from sync_agent.microsoft365.agent_list import ROW_UNITS

_log = structlog.get_logger()

_WORTH_TELLING = 10.0
"""Seconds that the rest takes."""
_EVERY = 60.0
"""Seconds between two lines."""


def backlogged(context: Context) -> Backlogged:
    """What is owed at this moment. What comes in until then is not counted."""
    rate = context.edges.sharepoint.rate
    return context.observed.backlog.standing(context.clock(), rate / ROW_UNITS)


@dataclass(slots=True)
class BacklogTold:
    """Tells of it at most once a minute, and once that it is over."""

    _next: float = 0.0
    _told: bool = False

    def look(self, context: Context) -> None:
        owed, now = backlogged(context), context.clock()
        seconds = None if owed.done_at is None else (owed.done_at - now).total_seconds()
        if owed.rows and (seconds is None or seconds > _WORTH_TELLING):
            self._tell(owed, round(60 * context.edges.sharepoint.rate), None if seconds is None else round(seconds))
        elif self._told and not owed.rows:
            self._told = False
            _log.info("backlog_written")

    def _tell(self, owed: Backlogged, units_a_minute: int, seconds: int | None) -> None:
        if time.monotonic() < self._next:
            return
        self._next, self._told = time.monotonic() + _EVERY, True
        end = None if owed.done_at is None else owed.done_at.isoformat(timespec="seconds")
        since = None if owed.oldest is None else owed.oldest.isoformat(timespec="seconds")
        _log.info(
            "backlog",
            rows=owed.rows,
            oldest=since,
            units_a_minute=units_a_minute,
            seconds=seconds,
            expected_end=end,
        )
