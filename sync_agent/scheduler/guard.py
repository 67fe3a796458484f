"""Jobs made safe to run for months: each reports its failures and leaves the others alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from sync_agent.microsoft365.agent_list import ListProblem
from sync_agent.microsoft365.errors import ServiceError, SignInPending
from sync_agent.state.store import StateUnavailable

_log = structlog.get_logger()

_BROKEN = 60.0
"""Seconds for which a service whose job broke counts as not well; it is tried again all the time."""

Job = Callable[[], Coroutine[Any, Any, object]]


class Guard:
    """Nothing a tenant or the list does ends a job: what failed is tried again at the next turn.

    ``failing``: jobs that could not do their work at their latest turn, and why; ``failures``: turns since the start.
    """

    def __init__(self) -> None:
        self.failing: dict[str, str] = {}
        self.failures: Counter[str] = Counter()
        self._broke: dict[str, tuple[float, str]] = {}
        """By job: when a fault of our own last ended a turn of it, and which."""

    async def turn(self, name: str, turn: Job) -> None:
        """Log what keeps a job from its work once per reason, and that it works again."""
        try:
            await turn()
        except SignInPending:
            self.failing[name] = "waits for a person"  # who was asked already
            self.failures[name] += 1
        except (ServiceError, ListProblem, StateUnavailable) as failure:
            self.failures[name] += 1
            if self.failing.get(name) != str(failure):
                self.failing[name] = str(failure)
                said = failure.told if isinstance(failure, ServiceError) else str(failure)
                _log.error("job_failed", job=name, reason=said, effect="tried again at its next turn")
        except Exception as fault:
            self.failures[name] += 1
            self._broke[name] = (time.monotonic(), _named(fault))
            _log.exception("job_broke", job=name, effect="tried again at its next turn; please report this")
        else:
            if self.failing.pop(name, None):
                _log.info("job_recovered", job=name)

    def broken(self) -> list[str]:
        """A sentence each: which jobs broke a moment ago."""
        now = time.monotonic()
        return [f"{job} broke: {why}; see the log" for job, (at, why) in self._broke.items() if now - at < _BROKEN]


def _named(fault: Exception) -> str:
    """The kind of fault alone: what it says may hold what is nobody's business on an open page."""
    while isinstance(fault, ExceptionGroup):
        fault = fault.exceptions[0]
    return type(fault).__name__
