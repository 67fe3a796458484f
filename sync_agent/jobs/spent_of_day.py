"""What was spent of limits of 24 hours is known beyond the end of a process, by the database that services share.

Every service tells what it spent every few seconds and when it ends, and hears what all have spent. One that died told
nothing of its last seconds: as much as a whole window may hold counts as spent, once its silence is noticed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from sync_agent.microsoft365.pacing import Budget
from sync_agent.state.spending import DaySpent, DayTold
from sync_agent.state.store import StateUnavailable, Store

_log = structlog.get_logger()

EVERY = 10.0
"""Seconds between two times that it is told."""
_CAUTION = "of the units of 24 hours only those that flow in are used, three quarters of them, until it is known"
_NOT_TOLD = "the next service takes the last seconds' units for not spent"


@dataclass(slots=True)
class SpentOfDay:
    """``clock``: seconds that only grow; ``today``: the time of day, which says what flowed in while nobody ran."""

    store: Store | None
    budgets: Sequence[Budget]
    clock: Callable[[], float]
    today: Callable[[], datetime]
    _told: dict[str, float] = field(default_factory=dict)
    """By budget, what of its total was told."""
    _told_at: float | None = None
    _asked: bool = False

    async def remember(self) -> None:
        """Hear what earlier services spent; where that cannot be known, go on as if it was all that is at hand."""
        if self.store is None or self._told_at is not None:
            return
        try:
            await self.tell()
        except StateUnavailable as failure:
            _log.warning("spent_of_day_unknown", reason=str(failure), effect=_CAUTION)
            for budget in self._limited():
                budget.know_nothing_of_day()

    async def tell(self, silent: Collection[str] = ()) -> None:
        """Tell what was spent since the last time, and hear what all did. ``silent``: services that are taken for dead
        since. Raises StateUnavailable.
        """
        if self.store is None:
            return
        self._asked = True
        now, budgets = self.clock(), {budget.key: budget for budget in self._limited()}
        totals = {key: budget.total for key, budget in budgets.items()}
        spent = {
            key: DaySpent(
                totals[key] - self._told.get(key, 0.0), budget.day_inflow or 0.0, budget.limit * budget.spenders
            )
            for key, budget in budgets.items()
        }
        told = DayTold(spent, self.today(), None if self._told_at is None else now - self._told_at)
        missing = await asyncio.to_thread(self.store.spend, told, silent)
        self._told, self._told_at = totals, now
        for key, budget in budgets.items():
            budget.know_of_day(missing[key], totals[key])

    @asynccontextmanager
    async def told_meanwhile(self) -> AsyncIterator[None]:
        """For a pass, which shows no signs of life to other services but may spend for long."""
        done = asyncio.Event()
        telling = asyncio.create_task(self._until(done))
        try:
            yield
        finally:
            done.set()
            await telling

    async def end(self) -> None:
        """Of whoever never asked there is nothing worth telling: it did not work on the list."""
        if not self._asked:
            return
        try:
            await self.tell()
        except StateUnavailable as failure:
            _log.warning("spent_of_day_not_told", reason=str(failure), effect=_NOT_TOLD)

    def _limited(self) -> list[Budget]:
        return [budget for budget in self.budgets if budget.day_inflow is not None]

    async def _until(self, done: asyncio.Event) -> None:
        while not done.is_set():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(done.wait(), EVERY)
                return
            with suppress(StateUnavailable):  # told at the end
                await self.tell()
