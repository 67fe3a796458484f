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

    def add(self, other: TenantSweep) -> None:
        self.parts += other.parts
        self.failed.update(other.failed)

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
        self.ids: tuple[str, ...] = ()
        """Who is watched."""
        self._chunks: list[Chunk] = []

    @property
    def tenant_id(self) -> str:
        return self._sessions.tenant_id

    @property
    def rate(self) -> float:
        """Requests a second that the limits of the accounts let through in the long run."""
        return self._sessions.rate

    @property
    def is_throttled(self) -> bool:
        """Whether no account may ask now."""
        return self._sessions.closed_for() > 0

    async def sweep(self, ids: Sequence[str], progress: Callable[[int], None]) -> TenantSweep:
        """Ask for all ``ids``, in as few requests as possible, all at once. Does not raise ServiceError."""
        chunks, sweep = self.divide(ids), TenantSweep()
        if failed := await self.could_not_sign_in(ids):
            progress(len(ids))
            return TenantSweep(failed=failed)
        self._take_aside(sweep, self.set_aside)
        progress(len(self.set_aside))

        async def ask(chunk: Chunk) -> None:
            sweep.add(await self.ask(chunk))
            progress(len(chunk.ids))

        async def try_again(id_: str) -> None:
            sweep.add(await self.try_again(id_))

        await asyncio.gather(*map(ask, chunks), *map(try_again, self.due()))
        return sweep

    def divide(self, ids: Sequence[str]) -> Sequence[Chunk]:
        """The same chunks, with what they remember, while the same users are watched and none is set aside."""
        if ids is self.ids or tuple(ids) == self.ids:
            return self._chunks
        self.ids = tuple(ids)
        watched = frozenset(ids)
        for gone in self.set_aside.keys() - watched:
            self._forget(gone)
        self._divide()
        return self._chunks

    async def could_not_sign_in(self, ids: Iterable[str]) -> dict[str, CouldNotAsk]:
        """Why nobody can be asked for, by id; empty where some account can."""
        try:
            await self._sessions.ready()
        except ServiceError as failure:
            return self._failed(ids, failure)
        return {}

    async def ask(self, chunk: Chunk) -> TenantSweep:
        """The part of a sweep that one chunk is. Does not raise ServiceError."""
        try:
            return TenantSweep([await self._ask(chunk)])
        except ServiceError as failure:
            if is_malformed(failure) and len(chunk.ids) > 1:
                return await self._sort_out(chunk, failure)
            return TenantSweep(failed=self._failed(chunk.ids, failure))

    def due(self) -> list[str]:
        """Ids set aside whose time has come to be tried again; each is named once in that time."""
        now = self.clock()
        due = [id_ for id_, at in self._again_at.items() if at <= now][:_MOST_TRIED_AGAIN]
        self._again_at.update(dict.fromkeys(due, now + _ASIDE))
        return due

    async def try_again(self, id_: str) -> TenantSweep:
        """An id that was set aside and is answered by now goes back among the others."""
        sweep = TenantSweep()
        try:
            sweep.parts.append(await self._ask(Chunk([id_])))
        except ServiceError as failure:
            if id_ in self.set_aside and is_malformed(failure):
                self._put_aside(id_, failure.reason)
            elif id_ in self.set_aside:
                self._again_at[id_] = self.clock()  # it was not the id that failed
        else:
            if id_ in self.set_aside:
                self._forget(id_)
                self._divide()
        return sweep

    async def _ask(self, chunk: Chunk) -> Readings:
        return chunk.take(await self._sessions.ask(lambda graph: graph.ask("POST", _QUESTION, body=chunk.body)))

    async def _sort_out(self, chunk: Chunk, failure: ServiceError) -> TenantSweep:
        found = await sort_out(chunk, failure, self._ask)
        sweep = TenantSweep([without_history(found.readings)])
        for id_, reason in found.refused.items():
            _log.warning("presence_id_set_aside", tenant=self._sessions.tenant_id, user=id_, reason=reason)
            self._put_aside(id_, reason)
        self._take_aside(sweep, found.refused)
        if found.refused:
            self._divide()
        for id_, reason_failed in found.failed.items():
            sweep.failed.update(self._failed([id_], reason_failed))
        return sweep

    def _divide(self) -> None:
        self._chunks = divided([id_ for id_ in self.ids if id_ not in self.set_aside])

    def _take_aside(self, sweep: TenantSweep, ids: Iterable[str]) -> None:
        sweep.parts.append(without_history(dict.fromkeys(ids, UNKNOWN)))

    def _put_aside(self, id_: str, reason: str) -> None:
        self.set_aside[id_] = reason
        self._again_at[id_] = self.clock() + _ASIDE

    def _forget(self, id_: str) -> None:
        del self.set_aside[id_], self._again_at[id_]

    def _failed(self, ids: Iterable[str], failure: ServiceError) -> dict[str, CouldNotAsk]:
        forbidden = isinstance(failure, Refused) and failure.status == 403
        reason = f"{failure.reason}. {_MAY_READ_PRESENCE}" if forbidden else failure.reason
        return dict.fromkeys(ids, CouldNotAsk(reason, self.clock()))
