"""The watched users of one tenant asked for all the time, a part at a time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NoReturn

import structlog

from sync_agent.microsoft365.pacing import Timing
from sync_agent.microsoft365.presence_chunk import UNKNOWN, Chunk, Readings, without_history
from sync_agent.microsoft365.presence_watch import TenantSweep, Watch
from sync_agent.model import CouldNotAsk
from sync_agent.sweep_pace import Limit, Pace, Telling, Wheel, pace, seen

_log = structlog.get_logger()

IDLE = 1.0
"""Seconds after which it is looked again whether there is anybody to ask for, at most."""

Take = Callable[[Sequence[Readings], datetime], object]
"""Is handed what was read, and the moment before it was asked for."""


@dataclass(slots=True, eq=False)
class _Part:
    chunk: Chunk
    asked_at: float | None = None
    """None while no question is on its way."""
    was_asked_at: float | None = None
    gap: float = 0.0
    """Seconds between its last two questions."""
    read_at: datetime | None = None
    failed: dict[str, CouldNotAsk] = field(default_factory=dict)
    """Of its last answer, by id."""

    def ask(self, now: float) -> None:
        self.gap = 0.0 if self.was_asked_at is None else now - self.was_asked_at
        self.asked_at = self.was_asked_at = now

    def gap_by(self, now: float) -> float:
        return self.gap if self.asked_at is None else max(self.gap, now - self.asked_at)


class TenantRounds(ABC):
    """What is the same however it is chosen who is asked for next. A question that is not answered within ``patience``
    seconds counts as failed until it is.
    """

    def __init__(self, watch: Watch, timing: Timing, patience: float) -> None:
        self.pace: Pace | None = None
        """What it came to lately; None: nothing yet."""
        self.answered_at: datetime | None = None
        """When the latest question was asked that told anybody's presence."""
        self._watch = watch
        self._timing = timing
        self._patience = patience
        self._telling = Telling()
        self._signing_in_since: float | None = None
        self._not_signed_in: dict[str, CouldNotAsk] = {}

    async def run(self, watched: Callable[[], Sequence[str]], interval: float, take: Take) -> NoReturn:
        """Until cancelled. Raises what ``take`` raises, in a group."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._timing.sleep(await self._turn(group, watched(), interval, take))
        finally:  # a question that was cancelled before its first step could not say so itself
            self._ask_nobody()

    @abstractmethod
    async def _turn(self, group: asyncio.TaskGroup, ids: Sequence[str], interval: float, take: Take) -> float:
        """Ask for those whose turn it is, of all who are watched. The seconds until the next turn."""

    @abstractmethod
    def _ask_nobody(self) -> None:
        """No question is on its way any more, answered or not."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """The questions that are not answered yet."""

    @abstractmethod
    def last_read(self) -> dict[str, datetime]:
        """By user id: the moment before the question was asked that told the presence which is known."""

    @abstractmethod
    def _unanswered(self, late: CouldNotAsk) -> dict[str, CouldNotAsk]:
        """Why the last question failed, by user id; ``late`` for one that is not answered yet and should be."""

    def failed(self) -> dict[str, CouldNotAsk]:
        """The users whose presence could not be read when it was last asked for, and why."""
        late = CouldNotAsk("the tenant has not answered yet", self._watch.clock())
        if self._is_late(self._signing_in_since):
            return dict.fromkeys(self._watch.ids, late)
        return {**self._not_signed_in, **self._unanswered(late)}

    def _is_late(self, since: float | None) -> bool:
        return since is not None and self._timing.clock() - since >= self._patience

    async def _can_sign_in(self, group: asyncio.TaskGroup, take: Take) -> bool:
        """At the beginning of a round; ids whose time has come are then tried again."""
        self._signing_in_since = self._timing.clock()
        try:
            self._not_signed_in = await self._watch.could_not_sign_in(self._watch.ids)
        finally:
            self._signing_in_since = None
        for id_ in () if self._not_signed_in else self._watch.due():
            group.create_task(self._try_again(id_, take))
        return not self._not_signed_in

    async def _try_again(self, id_: str, take: Take) -> None:
        read_at = self._watch.clock()
        self._hand_over(await self._watch.try_again(id_), read_at, take)

    def _hand_over(self, swept: TenantSweep, read_at: datetime, take: Take) -> None:
        if swept.parts:
            self.answered_at = max(self.answered_at or read_at, read_at)
            take(swept.parts, read_at)

    def _note(self, came_to: Pace) -> None:
        if came_to.limited_by is Limit.ANSWERS and self._watch.is_throttled:
            came_to = replace(came_to, limited_by=Limit.THROTTLED)
        self.pace = came_to
        if self._telling.is_news(self._timing.clock(), came_to):
            _tell(self._watch.tenant_id, came_to)


class EvenRounds(TenantRounds):
    """Everybody once an interval, spread evenly. A part that does not answer is late alone: it is passed over until it
    has answered.
    """

    def __init__(self, watch: Watch, timing: Timing, patience: float) -> None:
        super().__init__(watch, timing, patience)
        self._aim: Pace | None = None
        self._wheel = Wheel()
        self._chunks: Sequence[Chunk] = ()
        self._parts: list[_Part] = []
        self._read_before: dict[str, datetime] = {}
        self._waited_for = 0
        """Parts that had not answered when their turn came, in this round."""

    @property
    def waiting(self) -> int:
        return sum(part.asked_at is not None for part in self._parts)

    def last_read(self) -> dict[str, datetime]:
        read = {id_: part.read_at for part in self._parts if part.read_at is not None for id_ in part.chunk.ids}
        return {**self._read_before, **read}

    async def _turn(self, group: asyncio.TaskGroup, ids: Sequence[str], interval: float, take: Take) -> float:
        self._divide(ids, take)
        if not self._parts:  # nobody is watched, or every one of them is set aside
            self._wheel.rest()
            return min(interval, IDLE)
        if self._aim is None or self._wheel.begins(len(self._parts)):
            self._aim = self._paced(interval)
            if not await self._can_sign_in(group, take):
                self._wheel.rest()
                return interval
        part = self._parts[self._wheel.turn(self._timing.clock(), len(self._parts), self._aim.held)]
        if part.asked_at is None:
            part.ask(self._timing.clock())
            group.create_task(self._ask(part, take))
        else:
            self._waited_for += 1
        return self._wheel.wait(self._timing.clock())

    def _ask_nobody(self) -> None:
        for part in self._parts:
            part.asked_at = None

    def _paced(self, interval: float) -> Pace:
        """For the round that begins, from what the last one came to."""
        now = self._timing.clock()
        aim = pace(interval, len(self._parts), self._watch.rate)
        self._note(seen(aim, [part.gap_by(now) for part in self._parts], self._waited_for))
        self._waited_for = 0
        return aim

    def _unanswered(self, late: CouldNotAsk) -> dict[str, CouldNotAsk]:
        failed: dict[str, CouldNotAsk] = {}
        for part in self._parts:
            failed.update(dict.fromkeys(part.chunk.ids, late) if self._is_late(part.asked_at) else part.failed)
        return failed

    def _divide(self, ids: Sequence[str], take: Take) -> None:
        chunks = self._watch.divide(ids)
        if chunks is self._chunks:
            return
        watched = frozenset(ids)
        self._read_before = {id_: at for id_, at in self.last_read().items() if id_ in watched}
        self._chunks, self._parts = chunks, [_Part(chunk) for chunk in chunks]
        if self._watch.set_aside:
            take([without_history(dict.fromkeys(self._watch.set_aside, UNKNOWN))], self._watch.clock())

    async def _ask(self, part: _Part, take: Take) -> None:
        read_at = self._watch.clock()
        swept = await self._watch.ask(part.chunk)
        part.asked_at = None
        if part not in self._parts:
            self._hand_over(self._not_overtaken(swept, read_at), read_at, take)
            return
        part.failed = swept.failed
        if len(swept.failed) < len(part.chunk.ids):
            part.read_at = read_at
        self._hand_over(swept, read_at, take)

    def _not_overtaken(self, swept: TenantSweep, read_at: datetime) -> TenantSweep:
        """An answer for a division that is no more, without those who are not watched any more, or were read since."""
        read = self.last_read()
        watched = {id_ for part in self._parts for id_ in part.chunk.ids if id_ not in read or read[id_] < read_at}
        known = {id_: reading for id_, reading in swept.values.items() if id_ in watched}
        self._read_before.update(dict.fromkeys(known, read_at))
        return TenantSweep([without_history(known)] if known else [])


def _tell(tenant_id: str, this: Pace) -> None:
    if this.limited_by is None:
        _log.info("presence_interval_is_held_again", tenant=tenant_id, seconds=this.wanted)
        return
    _log.warning(
        "presence_interval_is_stretched",
        tenant=tenant_id,
        wanted=this.wanted,
        held=round(this.held, 2),
        because=str(this.limited_by),
    )
