"""The watched users of one tenant asked for as often as it allows, those most whose presence changes most."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from sync_agent.attention import Attention
from sync_agent.microsoft365.pacing import Timing
from sync_agent.microsoft365.presence_chunk import MOST_IDS, UNKNOWN, Chunk, without_history
from sync_agent.microsoft365.presence_rounds import IDLE, Take, TenantRounds
from sync_agent.microsoft365.presence_watch import TenantSweep, Watch
from sync_agent.model import CouldNotAsk
from sync_agent.sweep_pace import Wheel, pace, worst

_TOO_SOON = 0.8
"""Of the interval that would be best: nobody is asked for again before that, so that turns may come a little early."""
_ROUND = 1.0
"""Seconds after which it is looked at what came of it."""


class AttentiveRounds(TenantRounds):
    """``worst_age``: seconds within which everybody is asked for, however seldom his presence changes. The interval of
    `run` is the best that is worth having.
    """

    def __init__(self, watch: Watch, timing: Timing, patience: float, worst_age: float) -> None:
        super().__init__(watch, timing, patience)
        self._worst_age = worst_age
        self._wheel = Wheel()
        self._attention: Attention | None = None
        self._watched: Sequence[str] | None = None
        self._set_aside: frozenset[str] = frozenset()
        self._rate = 1.0
        self._round_ends = 0.0
        self._asked: dict[Chunk, float] = {}
        """The questions on their way, and when they were asked."""
        self._read_at: dict[str, datetime] = {}
        self._failed: dict[str, CouldNotAsk] = {}

    @property
    def waiting(self) -> int:
        return len(self._asked)

    def last_read(self) -> dict[str, datetime]:
        return self._read_at

    async def _turn(self, group: asyncio.TaskGroup, ids: Sequence[str], interval: float, take: Take) -> float:
        if not ids:
            self._attention = None
            self._forget(frozenset())
            self._watch.divide(ids)
            self._wheel.rest()
            return min(interval, IDLE)
        attention, now = self._attend(ids, interval, take), self._timing.clock()
        if now >= self._round_ends:
            self._begin_round(attention, len(ids), interval)
            if not await self._can_sign_in(group, take):
                self._wheel.rest()
                self._round_ends = now
                return interval
        self._wheel.turn(now, 1, 1 / self._rate)
        if chosen := attention.next(now, self._rate):
            chunk = Chunk(chosen)
            self._asked[chunk] = now
            group.create_task(self._ask(attention, chunk, take))
        return self._wheel.wait(self._timing.clock())

    def _ask_nobody(self) -> None:
        if self._attention is not None:
            ids = [id_ for chunk in self._asked for id_ in chunk.ids if self._attention.is_on_its_way(id_)]
            self._attention.heard(ids, {}, self._timing.clock())
        self._asked.clear()

    def _attend(self, ids: Sequence[str], interval: float, take: Take) -> Attention:
        """Everybody who is watched and not set aside."""
        if self._attention is None:
            self._attention = Attention(self._worst_age, interval * _TOO_SOON, MOST_IDS)
            self._watched = None
        if ids is not self._watched or self._set_aside != self._watch.set_aside.keys():
            self._watch.divide(ids)
            self._watched, self._set_aside = ids, frozenset(self._watch.set_aside)
            self._forget(frozenset(ids))
            self._attention.watch(id_ for id_ in ids if id_ not in self._set_aside)
            if self._set_aside:
                take([without_history(dict.fromkeys(self._set_aside, UNKNOWN))], self._watch.clock())
        return self._attention

    def _begin_round(self, attention: Attention, users: int, interval: float) -> None:
        now = self._timing.clock()
        self._round_ends = now + _ROUND
        parts = -(-users // MOST_IDS)
        self._rate = parts / pace(interval, parts, self._watch.rate).held
        waiting = sum(len(chunk.ids) for chunk in self._asked)
        aim = pace(self._worst_age, parts, self._watch.rate)
        self._note(worst(aim, attention.oldest(now), waiting / users))

    def _forget(self, watched: frozenset[str]) -> None:
        self._read_at = {id_: at for id_, at in self._read_at.items() if id_ in watched}
        self._failed = {id_: why for id_, why in self._failed.items() if id_ in watched}

    async def _ask(self, attention: Attention, chunk: Chunk, take: Take) -> None:
        read_at = self._watch.clock()
        swept = await self._watch.ask(chunk)
        del self._asked[chunk]
        if attention is not self._attention:
            return
        watched = [id_ for id_ in chunk.ids if attention.is_on_its_way(id_)]
        values = swept.values
        known = {id_: values[id_] for id_ in watched if id_ in values}
        attention.heard(watched, known, self._timing.clock())
        self._read_at.update(dict.fromkeys(known, read_at))
        for id_ in known:
            self._failed.pop(id_, None)
        self._failed.update({id_: swept.failed[id_] for id_ in watched if id_ in swept.failed})
        if known:
            self._hand_over(TenantSweep([without_history(known)]), read_at, take)

    def _unanswered(self, late: CouldNotAsk) -> dict[str, CouldNotAsk]:
        waiting = {id_: late for chunk, asked_at in self._asked.items() if self._is_late(asked_at) for id_ in chunk.ids}
        return {**self._failed, **waiting}
