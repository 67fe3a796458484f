"""Watch for another service that writes to the list: what this one writes is told to the database first, so that no
service of the same database is ever taken for a stranger, however it ended.

Without the database nothing is known of other services, and nobody is suspected.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from sync_agent.fuses import Held
from sync_agent.model import Change, OurColumn, Row
from sync_agent.plan import Plan
from sync_agent.state.list_writers import ListWriters
from sync_agent.state.store import StateUnavailable, Store
from sync_agent.two_writers import (
    NEVER,
    Known,
    Look,
    Span,
    accepted_after,
    checksum,
    is_proven,
    newer,
    strange,
    two_writers,
    with_look,
)

_log = structlog.get_logger()

_AHEAD = timedelta(minutes=2)
"""How far ahead of its writes a writer says that it writes: so long that it has to say so once a minute."""
_WHAT_TO_DO = (
    "find what else writes to this list, such as a copy of this service with a database of its own, and stop it: "
    "docs/safety.md"
)
_PAUSE = 60.0
"""Seconds after a failure of the database, as in the journal."""

T = TypeVar("T")


@dataclass(slots=True)
class OtherWriters:
    """Of one list, which ``name`` tells from all others. ``keeps``: what is found is kept for later processes."""

    store: Store | None
    name: str
    clock: Callable[[], datetime]
    keeps: bool = True
    _me: str = field(default_factory=lambda: uuid.uuid4().hex)
    _newest: dict[int, datetime] = field(default_factory=dict)
    """By row: the newest time that was seen there or that this process was about to write."""
    _looks: tuple[Look, ...] = ()
    _judged: bool = False
    _span: Span | None = None
    """As the database has it."""
    _last: datetime = NEVER
    """The newest time that this process was about to write, whatever the clock says by now."""
    _rests_until: float = 0.0
    _covering: asyncio.Lock = field(default_factory=asyncio.Lock)

    def note(self, change: Change) -> None:
        """Of a row that is about to be written."""
        moment = change.values.get(OurColumn.SYNC_CHANGED_AT)
        if isinstance(moment, datetime):
            self._newest[change.row.id] = max(moment, self._newest.get(change.row.id, NEVER))
            self._last = max(moment, self._last)

    async def cover(self) -> None:
        """Before rows are written, and while they are: so that other services know from when to when this one wrote."""
        async with self._covering:
            await self._cover(self.clock())

    async def _cover(self, now: datetime) -> None:
        span = self._span
        if span is not None and span.since <= now <= span.until - _AHEAD / 2:
            return
        wanted = Span(now, now + _AHEAD) if span is None else span.with_times(now, now + _AHEAD)

        def say(listed: ListWriters) -> bool:
            listed.cover(self._me, wanted)
            return True

        if await self._asked(say, otherwise=False):
            self._span = wanted

    async def end(self) -> None:
        """Nothing is written any more: what comes from now on is not ours. Who is killed leaves that open for long."""
        span = self._span
        if span is not None:
            self._span = None
            mine = Span(span.since, max(span.since, self._last))
            await self._asked(lambda listed: listed.cover(self._me, mine), otherwise=None)

    async def look(self, rows: Mapping[int, Row], read: Iterable[Row], *, judge: bool) -> None:
        """At rows that were just ``read``; ``rows``: all that the list has. Not judged is what another service of ours
        writes while this one stands by.
        """
        now = self.clock()
        moments = newer(read, self._newest, now)
        seen = moments.keys() & self._newest.keys()
        self._newest |= moments
        nothing_new = not moments and self._judged and not is_proven(self._looks)
        if not judge or nothing_new:
            return
        known = await self._asked(ListWriters.known, otherwise=None)
        if known is None:
            return
        self._judged = True
        found = strange(moments, seen, known, self._me)
        self._looks = with_look(known.looks, now, found)
        if found:
            latest = f"{max(found):%Y-%m-%d %H:%M:%S} UTC"
            _log.warning(
                "strange_writes", rows=len(found), latest=latest, looks=len(self._looks), what_to_do=_WHAT_TO_DO
            )
        if not is_proven(self._looks):
            await self._keep(accepted_after(known, rows.values(), now), self._looks, known)
        elif found:
            await self._keep(known.accepted or NEVER, self._looks, known)

    def held(self, plan: Plan, rows: int) -> Held | None:
        return two_writers(plan, rows, self._looks, self.name)

    def is_about(self, approved: str) -> bool:
        """Whether a person lets this fuse go, who has seen to it that one service writes."""
        return is_proven(self._looks) and approved == checksum(self._looks, self.name)

    async def accept(self, rows: Mapping[int, Row]) -> None:
        """What was written until now."""
        self._looks = ()
        known = await self._asked(ListWriters.known, otherwise=None)
        if known is not None:
            await self._keep(accepted_after(known, rows.values(), self.clock()), (), known)

    async def _keep(self, accepted: datetime, looks: tuple[Look, ...], known: Known) -> None:
        def note(listed: ListWriters) -> None:
            listed.note(accepted, looks)

        if self.keeps and (accepted, looks) != (known.accepted, known.looks):
            await self._asked(note, otherwise=None)

    async def _asked(self, ask: Callable[[ListWriters], T], *, otherwise: T) -> T:
        """What the database says. That it cannot be used is told by whoever keeps the history."""
        if self.store is None or time.monotonic() < self._rests_until:
            return otherwise
        listed = self.store.list_writers(self.name)
        try:
            return await asyncio.to_thread(ask, listed)
        except StateUnavailable:
            self._rests_until = time.monotonic() + _PAUSE
            return otherwise
