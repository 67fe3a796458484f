"""The watched users of one tenant: which requests ask for them, and which ids are kept out of those."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.presence_chunk import UNKNOWN, Chunk, Reading, Readings, divided, without_history
from sync_agent.microsoft365.presence_halving import is_malformed, sort_out
from sync_agent.microsoft365.tenant_sessions import TenantSessions
from sync_agent.model import CouldNotAsk

_log = structlog.get_logger()

_QUESTION = "/communications/getPresencesByUserId"
_ASIDE = timedelta(hours=1)
"""After this long an id that was set aside is asked for again, alone."""
_MOST_TRIED_AGAIN = 20
"""Ids set aside that are tried again in one sweep."""
_MAY_READ_PRESENCE = "Give the app the permission Presence.Read.All with admin consent."


@dataclass(slots=True)
class TenantSweep:
    """What one sweep of a tenant gave: each watched id is in one of the ``parts`` or in ``failed``."""

    parts: list[Readings] = field(default_factory=list)
    failed: dict[str, CouldNotAsk] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Reading]:
        return {id_: reading for part in self.parts for id_, reading in part.every.items()}


class Watch:
    """Lives as long as the service: the bodies of its requests and their last answers are kept between sweeps."""

    def __init__(self, sessions: TenantSessions, clock: Callable[[], datetime]) -> None:
        self.set_aside: dict[str, str] = {}
        """Why an id is kept out of the requests."""
        self._again_at: dict[str, datetime] = {}
        self._sessions = sessions
        self.clock = clock
        self._ids: tuple[str, ...] = ()
        self._chunks: list[Chunk] = []

    async def sweep(self, ids: Sequence[str], progress: Callable[[int], None]) -> TenantSweep:
        """Ask for all ``ids``, in as few requests as possible, all at once. Does not raise ServiceError."""
        self._divide(ids)
        sweep = TenantSweep()
        try:
            await self._sessions.ready()
        except ServiceError as failure:
            self._fail(sweep, ids, failure)
            progress(len(ids))
            return sweep
        self._take_aside(sweep, self.set_aside)
        progress(len(self.set_aside))
        await asyncio.gather(
            *(self._take(chunk, sweep, progress) for chunk in self._chunks),
            *(self._try_again(id_, sweep) for id_ in self._due()),
        )
        return sweep

    def _divide(self, ids: Sequence[str]) -> None:
        """Keep the chunks, with what they remember, while the same users are watched."""
        ids = tuple(ids)
        if ids == self._ids:
            return
        self._ids = ids
        watched = frozenset(ids)
        for gone in self.set_aside.keys() - watched:
            del self.set_aside[gone], self._again_at[gone]
        self._chunks = divided([id_ for id_ in ids if id_ not in self.set_aside])

    async def _take(self, chunk: Chunk, sweep: TenantSweep, progress: Callable[[int], None]) -> None:
        try:
            sweep.parts.append(await self._ask(chunk))
        except ServiceError as failure:
            if is_malformed(failure) and len(chunk.ids) > 1:
                await self._sort_out(chunk, failure, sweep)
            else:
                self._fail(sweep, chunk.ids, failure)
        progress(len(chunk.ids))

    async def _ask(self, chunk: Chunk) -> Readings:
        return chunk.take(await self._sessions.ask(lambda graph: graph.ask("POST", _QUESTION, body=chunk.body)))

    async def _sort_out(self, chunk: Chunk, failure: ServiceError, sweep: TenantSweep) -> None:
        found = await sort_out(chunk, failure, self._ask)
        sweep.parts.append(without_history(found.readings))
        for id_, reason in found.refused.items():
            _log.warning("presence_id_set_aside", tenant=self._sessions.tenant_id, user=id_, reason=reason)
            self._put_aside(id_, reason)
        self._take_aside(sweep, found.refused)
        if found.refused:
            self._chunks = divided([id_ for id_ in self._ids if id_ not in self.set_aside])
        for id_, reason_failed in found.failed.items():
            self._fail(sweep, [id_], reason_failed)

    async def _try_again(self, id_: str, sweep: TenantSweep) -> None:
        """An id that was set aside and is answered by now goes back among the others."""
        try:
            sweep.parts.append(await self._ask(Chunk([id_])))
        except ServiceError as failure:
            if is_malformed(failure):
                self._put_aside(id_, failure.reason)
        else:
            del self.set_aside[id_], self._again_at[id_]
            self._chunks = divided([id_ for id_ in self._ids if id_ not in self.set_aside])

    def _take_aside(self, sweep: TenantSweep, ids: Iterable[str]) -> None:
        sweep.parts.append(without_history(dict.fromkeys(ids, UNKNOWN)))

    def _put_aside(self, id_: str, reason: str) -> None:
        self.set_aside[id_] = reason
        self._again_at[id_] = self.clock() + _ASIDE

    def _due(self) -> list[str]:
        now = self.clock()
        return [id_ for id_, at in self._again_at.items() if at <= now][:_MOST_TRIED_AGAIN]

    def _fail(self, sweep: TenantSweep, ids: Iterable[str], failure: ServiceError) -> None:
        forbidden = isinstance(failure, Refused) and failure.status == 403
        reason = f"{failure.reason}. {_MAY_READ_PRESENCE}" if forbidden else failure.reason
        sweep.failed.update(dict.fromkeys(ids, CouldNotAsk(reason, self.clock())))
