"""Writing to the list, turn by turn, several side by side: what is urgent never waits for an answer that is slow.

Each turn plans, is judged and chooses its rows before the next one begins, so that none is chosen twice; from then on
its answers are its own matter.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial

from sync_agent.jobs.backlog_told import BacklogTold
from sync_agent.jobs.plan_rows import not_held, take_due
from sync_agent.jobs.write_back import begin_turn, carry_out
from sync_agent.list_pause import ListPause
from sync_agent.microsoft365.agent_list import ROW_UNITS
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.progress import Stage
from sync_agent.scheduler.events import set_within
from sync_agent.scheduler.guard import Guard
from sync_agent.scheduler.standing import Standing
from sync_agent.service import Service

NAME = "write_back"

_PLACES = 800
"""Rows that all turns may have taken at once. A turn takes half of what is free at most: the first enough to fill every
place on the wire, and whatever comes later still finds some.
"""
_MOST_TURNS = 8
_TOGETHER = 0.1
"""Seconds for which news is gathered, so that what one answer tells is written together; so much more for each turn
under way: then even where each answer takes seconds there is a turn to be had.
"""
_WAITING_EVERY = 2.0
"""Seconds, at least, between two looks at the rows that wait for an answer: there may be thousands."""
_SLOWLY = 5.0
"""Seconds for which a turn may hold up the next, at least, while the service slows us."""
_HANGS = 600.0
"""Seconds in which a turn has no answer: far longer than requests are tried and waited for."""


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A turn as it is watched, a Progress and its Stage: when anything last came of it, by the monotonic clock."""

    moved: float = field(default_factory=time.monotonic)

    def stage(self, name: str, total: int | None = None) -> Stage:
        return self

    def advance(self, count: int = 1) -> None:
        self.moved = time.monotonic()

    def done(self, note: str = "") -> None:
        self.advance()


class WriteTurns:
    """``ever``: rows since the start, by what came of it."""

    def __init__(self, service: Service, standing: Standing, guard: Guard, stop: asyncio.Event) -> None:
        self.ever: Counter[str] = Counter()
        self._context = service.context
        self._interval = service.settings.schedule.write_back
        self._standing = standing
        self._guard = guard
        self._stop = stop
        self._pause = ListPause()
        self._backlog_told = BacklogTold()
        self._under_way: set[_UnderWay] = set()
        self._places = _PLACES
        self._more = False
        """Whether the latest turn left rows only since it had no places for them."""
        self._waits = False
        """Whether it left rows that have to wait: for room in the budget, or since the list fails."""

    async def run(self) -> None:
        """A turn whenever there is news; at every ``schedule.write_back`` what waits for room or for its time, and also
        while there is news all the time what waits for answers. Returns when the stop is set and all turns have ended.
        """
        news, quick, looked_at = self._context.observed.news, False, time.monotonic()
        async with asyncio.TaskGroup() as turns:
            while not self._stop.is_set():
                if len(self._under_way) < _MOST_TURNS:
                    news.clear()
                    await self._begin(turns, quick=quick)
                    looked_at = looked_at if quick else time.monotonic()
                is_news = await self._is_time()
                quick = is_news and time.monotonic() - looked_at < max(self._interval, _WAITING_EVERY)

    async def turn(self, chosen: asyncio.Event | None = None, *, quick: bool = False) -> None:
        """One turn, to its last answer; ``chosen`` is set when the next one may begin. ``quick``: rows that wait for an
        answer of a tenant are not looked at. What a fuse holds is looked at again when the list is: planning it each
        second would hold up all else.
        """
        watched = _UnderWay()
        self._under_way.add(watched)
        try:
            await self._turn(watched, chosen or asyncio.Event(), quick=quick)
        finally:
            self._under_way.discard(watched)

    def hanging(self) -> list[str]:
        """A sentence each: turns that nothing has come of for long."""
        silent = max((time.monotonic() - each.moved for each in self._under_way), default=0.0)
        return [f"{NAME} hangs: a turn has had no answer for {silent / 60:.0f} minutes"] if silent > _HANGS else []

    async def _begin(self, turns: asyncio.TaskGroup, *, quick: bool) -> None:
        """Returns when the next may begin."""
        chosen = asyncio.Event()
        task = turns.create_task(self._guard.turn(NAME, partial(self.turn, chosen, quick=quick)), name="write_turn")
        task.add_done_callback(lambda _: chosen.set())
        await chosen.wait()

    async def _is_time(self) -> bool:
        """Wait until another turn is worth while; whether there is news, or a stop, and not only time has passed."""
        interval, news = self._interval, self._context.observed.news
        gathering = interval if self._waits else min(_TOGETHER * (1 + len(self._under_way)), interval)
        if await set_within(gathering, self._stop) or self._more:
            return True
        return await set_within(interval - gathering, news, self._stop)

    def _while_slow(self) -> int:
        """Rows that a turn may take by what the service says of its limit: while that slows us, whatever is taken holds
        up all that comes after it, however urgent.
        """
        budget = self._context.edges.sharepoint
        if not budget.is_slow:
            return self._places
        return max(1, int(budget.rate * max(_SLOWLY, self._interval) / ROW_UNITS))

    async def _turn(self, watched: _UnderWay, chosen: asyncio.Event, *, quick: bool) -> None:
        self._backlog_told.look(self._context)
        context, standing, pause = replace(self._context, progress=watched), self._standing, self._pause
        turns, now = context.observed.turns, context.clock().timestamp()
        self._more = self._waits = False
        if pause.fails and turns.taken:  # it is tried with a few rows, whose answers tell
            return
        if pause.is_over(now):
            context.observed.backlog.hurry()
        take_due(context)
        if not context.may_write() or not not_held(context, standing.held):
            return
        places = min((self._places - len(turns.taken) + 1) // 2, self._while_slow())
        most, heard_before = pause.most(places, now), pause.heard_of
        result, turn = await begin_turn(
            context, known_rows=standing.known_rows, leave=standing.held, most=most, quick=quick
        )
        self._more = 0 < most <= len(turn.changes)
        self._waits = result.left > 0 and not self._more
        if result.held is not None:
            standing.note_held(result.held.and_before(standing.held))
        else:
            standing.known_rows = len(context.observed.rows)
        chosen.set()
        if not turn.changes:
            return
        await carry_out(context, turn, result, self._stop)
        writes = result.writes
        pause.heard(
            writes.done + writes.conflicts, writes.failed, context.clock().timestamp(), heard_before=heard_before
        )
        for counts in (standing.written, self.ever):
            counts.update(written=writes.done, failed=writes.failed)
        if result.error is not None:
            raise ServiceError(result.error)
