"""Keeping and asking the history from the jobs: a database that cannot be used costs history, never service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog

from sync_agent.outcome import Outcome
from sync_agent.quarantine import Quarantine
from sync_agent.staleness import Answered
from sync_agent.state.store import StateUnavailable, Store

_log = structlog.get_logger()

_EFFECT = "no history is kept until it can be used again; the list is kept right all the same"

T = TypeVar("T")


class History:
    """What is wrong with the database is logged once, and once more when it is over."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._trouble: str | None = None

    async def save(
        self,
        outcome: Outcome,
        quarantined: Mapping[str, Quarantine] | None = None,
        answered: Mapping[str, Answered] | None = None,
    ) -> None:
        """Put a pass into the history, where it can be kept."""
        known = dict(answered or {})  # the loop goes on while a thread writes
        await self.told(lambda store: store.save(outcome, quarantined, known), None)

    async def known_rows(self, list_title: str) -> int | None:
        """How many rows the list had in the last pass that was not held, of this run or an earlier one."""
        return await self.told(lambda store: store.known_rows(list_title), None)

    async def told(self, question: Callable[[Store], T], otherwise: T) -> T:
        """What the database says; ``otherwise`` where there is none, or none that can be used."""
        if self._store is None:
            return otherwise
        try:
            answer = await asyncio.to_thread(question, self._store)
        except StateUnavailable as failure:
            if str(failure) != self._trouble:
                _log.warning("state_unavailable", reason=str(failure), effect=_EFFECT)
            self._trouble = str(failure)
            return otherwise
        if self._trouble is not None:
            self._trouble = None
            _log.info("state_available_again")
        return answer
