"""Several services that use one app share its limits: each takes an equal part while the others show that they live.

They are known to each other by the database that they share, without a word for a single request. Each measures the
others' silence by a clock of its own (as with the lease), so it does not matter what time the machines believe it is.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from sync_agent.jobs.spent_of_day import EVERY, SpentOfDay
from sync_agent.microsoft365.pacing import Budget
from sync_agent.state.spending import Beats
from sync_agent.state.store import StateUnavailable, Store

_log = structlog.get_logger()

SILENCE = 40.0
"""Seconds without one until a service counts no more, so that its part is back within a minute of its death."""


@dataclass(slots=True)
class ShareBudgets:
    """One for a running service. Without a database, or while it cannot be used, the parts stay as they are.

    ``day``: is told at each sign of life, which is every ``EVERY`` seconds.
    """

    store: Store | None
    budgets: Sequence[Budget]
    day: SpentOfDay
    clock: Callable[[], float] = time.monotonic
    _me: str = field(default_factory=lambda: uuid.uuid4().hex)
    _turn: int = 0
    _heard: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    """By budget and spender: the last sign of life, and when it was first seen."""
    _listened_at: float = 0.0

    async def turn(self) -> None:
        """Show that this service lives, and divide each budget by how many do. Raises StateUnavailable."""
        if self.store is None:
            return
        self._turn += 1
        keys = [budget.key for budget in self.budgets]
        silent = self._silent()
        await self.day.tell(silent)
        found = await asyncio.to_thread(self.store.beat, self._me, keys, self._turn, silent)
        self._note(found)
        living = Counter(budget for budget, _ in self._heard)
        for budget in self.budgets:
            self._divide(budget, max(1, living[budget.key]))

    def _silent(self) -> set[str]:
        """Who gave no sign of life for too long, as far as this one was listening: while the database or this machine
        was away nobody was heard, and all begin anew.
        """
        now = self.clock()
        if now - self._listened_at > 2 * EVERY:
            self._heard = {spender: (number, now) for spender, (number, _) in self._heard.items()}
        return {spender for (_, spender), (_, since) in self._heard.items() if now - since > SILENCE}

    async def leave(self) -> None:
        """So that the others need not wait for this one's silence; where that fails, they do."""
        if self.store is None or not self._turn:
            return
        try:
            await asyncio.to_thread(self.store.beat, self._me, [], 0, [])
        except StateUnavailable as failure:
            _log.warning("budgets_not_given_up", reason=str(failure), effect="others wait for a silence of 40 s")

    def _note(self, found: Beats) -> None:
        self._listened_at = now = self.clock()
        before, self._heard = self._heard, {}
        for spender, number in found.items():
            known = before.get(spender)
            self._heard[spender] = known if known is not None and known[0] == number else (number, now)

    def _divide(self, budget: Budget, spenders: int) -> None:
        if spenders != budget.spenders:
            budget.divide(spenders)
            _log.info("budget_shared", budget=budget.name, services=spenders, units=round(budget.limit, 1))
