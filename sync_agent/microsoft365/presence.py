"""The presence of all watched users of all tenants, read in sweeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.pacing import REAL_TIME, Timing
from sync_agent.microsoft365.presence_attention import AttentiveRounds
from sync_agent.microsoft365.presence_chunk import (
    MOST_IDS,
    UNKNOWN,
    AnswerKey,
    Reading,
    Readings,
    divided,
    without_history,
)
from sync_agent.microsoft365.presence_rounds import EvenRounds, Take, TenantRounds
from sync_agent.microsoft365.presence_watch import TenantSweep, Watch
from sync_agent.microsoft365.tenant_sessions import TenantSessions
from sync_agent.model import CouldNotAsk

__all__ = ["MOST_IDS", "UNKNOWN", "AnswerKey", "PresenceReader", "Reading", "Readings", "Sweep"]

_PATIENCE = 30.0


@dataclass(slots=True, kw_only=True)
class Sweep(TenantSweep):
    """Every watched user of all tenants is in one of the ``parts`` or in ``failed``.

    ``read_at`` is the moment before the first request, so no value is passed off as fresher than it is. An id without
    presence (not answered, or set aside) has the value ``UNKNOWN``; ``set_aside`` says why, where Graph refuses it.
    """

    read_at: datetime
    set_aside: dict[str, str] = field(default_factory=dict)


class PresenceReader:
    """``sessions``: by tenant id, then by account id. With a ``worst_age``, `follow` asks for those most whose presence
    changes most, and for everybody within so many seconds.

    A tenant that does not answer within ``patience`` seconds holds up no other: its question goes on, what comes of it
    is in a later sweep, and until it has answered in time again no sweep waits for it.
    """

    def __init__(
        self,
        sessions: Mapping[str, Mapping[str, Graph]],
        clock: Callable[[], datetime],
        *,
        patience: float = _PATIENCE,
        timing: Timing = REAL_TIME,
        worst_age: float | None = None,
    ) -> None:
        self._clock = clock
        self._patience = patience
        watches = {id_: Watch(TenantSessions(id_, group, clock), clock) for id_, group in sessions.items()}
        self._watches = watches
        self._told: dict[str, datetime] = {}
        self._turns = {id_: _Turn(watch) for id_, watch in watches.items()}
        self.rounds: Mapping[str, TenantRounds] = {
            id_: EvenRounds(watch, timing, patience)
            if worst_age is None
            else AttentiveRounds(watch, timing, patience, worst_age)
            for id_, watch in watches.items()
        }
        """By tenant id: how `follow` fares."""

    async def sweep(
        self, users: Mapping[str, Sequence[str]], progress: Callable[[int], None] = lambda count: None
    ) -> Sweep:
        """Read the presence of ``users`` (ids by tenant id). Does not raise ServiceError.

        Handing over the same sequence object as the last time saves dividing it anew. ``progress`` is told ids done.
        """
        sweep = Sweep(read_at=self._clock())
        turns = [(self._turns[tenant_id], ids) for tenant_id, ids in users.items() if ids]
        for turn, ids in turns:
            turn.begin(ids, progress)
        await self._wait([turn for turn, _ in turns])
        for turn, ids in turns:
            turn.end(ids, sweep)
        return sweep

    async def follow(self, watched: Callable[[], Mapping[str, Sequence[str]]], interval: float, take: Take) -> None:
        """Ask for everybody's presence every ``interval`` seconds until cancelled, spread evenly, and hand over each
        answer as soon as it comes. Where that often cannot be, it is as often as can be, and the log says so.

        ``watched`` are ids by tenant id; the same sequence object as before saves dividing it anew. Raises, in a group,
        what ``take`` raises.
        """
        async with asyncio.TaskGroup() as group:
            for tenant_id, rounds in self.rounds.items():
                group.create_task(rounds.run(partial(_of, watched, tenant_id), interval, take))
            await asyncio.Event().wait()

    async def at_once(self, tenant_id: str, ids: Sequence[str], take: Take) -> None:
        """Ask for these users of a tenant beside `follow`, whose turns stay as they are. Does not raise ServiceError:
        whoever could not be read is left to `follow`.
        """
        watch = self._watches[tenant_id]
        for chunk in divided([id_ for id_ in ids if id_ not in watch.set_aside]):
            read_at = self._clock()
            swept = await watch.ask(chunk)
            if swept.parts:
                take(swept.parts, read_at)
                self.note_told(swept.values, read_at)

    def note_told(self, ids: Iterable[str], at: datetime) -> None:
        """What is known of these users is of this time, though `follow` did not read it."""
        self._told.update(dict.fromkeys(ids, at))

    def last_read(self) -> dict[str, datetime]:
        """By user id, of those whom `follow` has read, or who were told of: the moment of which what is known of them
        is, at least.
        """
        read = {id_: at for rounds in self.rounds.values() for id_, at in rounds.last_read().items()}
        watched = {id_ for watch in self._watches.values() for id_ in watch.ids}
        newer = {id_: at for id_, at in self._told.items() if id_ in watched and (id_ not in read or read[id_] < at)}
        self._told = newer  # else whoever ever was told of would be kept
        return {**read, **newer}

    async def aclose(self) -> None:
        """End the questions that no sweep waits for any more."""
        tasks = [turn.task for turn in self._turns.values() if turn.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, turns: Sequence[_Turn]) -> None:
        tasks = [turn.task for turn in turns if turn.task is not None and not turn.overdue]
        if not tasks:
            return
        try:
            await asyncio.wait(tasks, timeout=self._patience)
        except asyncio.CancelledError:
            await self.aclose()
            raise


def _of(watched: Callable[[], Mapping[str, Sequence[str]]], tenant_id: str) -> Sequence[str]:
    return watched().get(tenant_id, ())


class _Turn:
    """One tenant's part in the sweeps: a question under way, and whether it is waited for."""

    def __init__(self, watch: Watch) -> None:
        self.task: asyncio.Task[TenantSweep] | None = None
        self.overdue = False
        self._watch = watch
        self._clock = watch.clock
        self._progress: Callable[[int], None] | None = None
        self._asked: Sequence[str] = ()

    def begin(self, ids: Sequence[str], progress: Callable[[int], None]) -> None:
        if self.task is None:
            self._progress = progress
            self._asked = ids
            self.task = asyncio.create_task(self._watch.sweep(ids, self._advance))

    def end(self, ids: Sequence[str], sweep: Sweep) -> None:
        """Put what is there into the sweep."""
        sweep.set_aside.update(self._watch.set_aside)
        late = CouldNotAsk("the tenant has not answered yet", self._clock())
        if self.task is None or not self.task.done():
            self.overdue = True
            self._progress = None  # the stage that it belonged to is over
            sweep.failed.update(dict.fromkeys(ids, late))
            return
        done, self.task, self.overdue = self.task, None, False
        swept = done.result() if self._asked is ids else _restricted(done.result(), ids, late)
        sweep.parts += swept.parts
        sweep.failed.update(swept.failed)

    def _advance(self, count: int) -> None:
        if self._progress is not None:
            self._progress(count)


def _restricted(sweep: TenantSweep, ids: Sequence[str], otherwise: CouldNotAsk) -> TenantSweep:
    """The answer to an earlier question, for the users that are watched now."""
    known = sweep.values
    values = {id_: known[id_] for id_ in ids if id_ in known}
    failed = {id_: sweep.failed.get(id_, otherwise) for id_ in ids if id_ not in values}
    return TenantSweep([without_history(values)], failed)
