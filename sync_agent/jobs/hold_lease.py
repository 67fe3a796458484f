"""Hold the lease of the list, or stand by until it can be taken; what comes of it is logged once per change.

Where the database is a file, whoever could take the lease is on this machine and cannot use the file either: a service
that nobody is known to stand before goes on without it. Where it is a server, another may well reach it: the service
stops writing when its lease lapses, and does not begin without one.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from sync_agent.lease import PATIENCE, Lease, Standing, given_up, held, looked, may_take, renewed
from sync_agent.state.store import StateUnavailable, Store

_log = structlog.get_logger()

_CLOCKS_DIFFER = timedelta(minutes=5)
"""Of two machines, at most, as a rule."""
_STANDS_BY = "reads and sweeps, writes nothing; takes over when that service stops or is silent for its lease's length"
_NOBODY_WRITES = "the list is written by nobody until the database can be used again; safety.lease: 0s does without"


def awake_or_not() -> float:
    """Seconds that only grow, also while the machine sleeps: then others have taken over."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class HoldLease:
    """``seconds``: the lease's length; 0: none is needed. Until ``begin`` it is not taken part in: a pass that a
    person starts by hand writes at once.
    """

    def __init__(
        self,
        store: Store | None,
        name: str,
        seconds: float,
        clock: Callable[[], float] = awake_or_not,
        time_of_day: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._name = name
        self._seconds = seconds
        self._clock = clock
        self._time_of_day = time_of_day
        self._me = uuid.uuid4().hex
        """Of this run: two copies on one database must not be taken for one."""
        self._told = f"{socket.gethostname()}, process {os.getpid()}"
        self._standing = Standing()
        self._takes_part = False
        self._said: tuple[str, str] = ("", "")

    def may_write(self) -> bool:
        return not self._takes_part or self._standing.may_write(self._clock())

    async def begin(self) -> None:
        """Take part from now on."""
        self._takes_part = self._seconds > 0 and self._store is not None
        await self.turn()

    async def turn(self) -> None:
        """Renew, take, or look; to be called several times in the length."""
        if not self._takes_part or self._store is None:
            return
        try:
            await self._renew_or_look(self._store)
        except StateUnavailable as failure:
            self._without(self._store, str(failure))
            return
        if self._standing.until is not None:
            self._say("lease_held", "", effect="this service writes to the list")
        elif self._standing.seen is not None:
            self._say("standing_by", self._standing.seen.told, effect=_STANDS_BY)

    async def held_by_another(self) -> str | None:
        """Who writes to the list; None where nobody is known to, or nothing is known.

        Who has been silent for longer than its lease was killed. A single look tells that by times of day only.
        """
        if self._store is None or self._seconds == 0:
            return None
        try:
            found = await asyncio.to_thread(self._store.lease, self._name)
        except StateUnavailable:
            return None
        if found is None or found.is_free or found.holder == self._me:
            return None
        return _told(found, self._time_of_day())

    async def give_up(self) -> None:
        """So that another need not wait; where that fails it waits for the lease's length."""
        mine, self._standing = self._standing, Standing()
        if self._store is None or mine.seen is None or mine.seen.holder != self._me:
            return
        try:
            await asyncio.to_thread(self._store.replace_lease, self._name, mine.seen, given_up(mine.seen))
        except StateUnavailable as failure:
            _log.warning("lease_not_given_up", reason=str(failure))

    async def _renew_or_look(self, store: Store) -> None:
        if self._is_mine and await self._written(store):
            return
        found = await asyncio.to_thread(store.lease, self._name)
        self._standing = looked(self._standing, found, self._clock())
        if may_take(self._standing, self._clock()):
            await self._written(store)

    @property
    def _is_mine(self) -> bool:
        return self._standing.seen is not None and self._standing.seen.holder == self._me

    async def _written(self, store: Store) -> bool:
        """Unless another was faster."""
        began = self._clock()
        wanted = replace(renewed(self._standing, self._me, self._seconds, self._told), at=self._time_of_day())
        done = await asyncio.to_thread(store.replace_lease, self._name, self._standing.seen, wanted)
        if done:
            self._standing = held(wanted, began, self._clock())
        return done

    def _without(self, store: Store, reason: str) -> None:
        """The database cannot be used."""
        seen = self._standing.seen
        behind_another = seen is not None and not seen.is_free and not self._is_mine
        if not store.is_shared and not behind_another:
            self._standing = replace(self._standing, until=self._clock() + self._seconds)
            self._say("lease_not_kept", reason, effect="goes on writing: no other service is known here")
        elif not self.may_write():
            self._say("lease_not_kept", reason, effect=_NOBODY_WRITES)

    def _say(self, event: str, about: str, **more: str) -> None:
        if self._said == (event, about):
            return
        self._said = (event, about)
        if event == "lease_held":
            _log.info(event, **more)
        elif event == "standing_by":
            _log.warning(event, writes=about, **more)
        else:
            _log.warning(event, reason=about, **more)


def _told(lease: Lease, now: datetime) -> str | None:
    if lease.at is None:  # written by an earlier version
        return lease.told
    lapsed = lease.at + timedelta(seconds=lease.seconds * PATIENCE)
    if now <= lapsed:
        return lease.told
    return None if now > lapsed + _CLOCKS_DIFFER else f"{lease.told}, silent since {lease.at:%Y-%m-%d %H:%M:%S} UTC"
