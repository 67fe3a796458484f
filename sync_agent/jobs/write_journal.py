"""What the journal is told of every write to our columns: before it is made that it is to be, then what came of it.

So a process that is killed in between leaves "not known", never a claim that is false nor a write that nobody knows of;
whoever reads the list next finds out by what the row shows. A database that cannot be used costs the journal, never
the writes: our own columns can always be computed anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from sync_agent.model import Change, OurColumn, Row, Verdict
from sync_agent.plan import written
from sync_agent.state.records import Intention, RunKind
from sync_agent.state.store import StateUnavailable, Store
from sync_agent.undoing import VerdictCells

_log = structlog.get_logger()

_VERDICT = (OurColumn.STATUS, OurColumn.ANOMALIES, OurColumn.ACCOUNT, OurColumn.OBJECT_ID)
_PAUSE = timedelta(minutes=1)
"""After a failure: waiting for a locked database at every turn would keep presence from the list."""

T = TypeVar("T")


@dataclass(slots=True)
class WriteJournal:
    """Of one list. Nothing here raises StateUnavailable but ``number``."""

    store: Store | None
    list_title: str
    clock: Callable[[], datetime]
    kind: RunKind = RunKind.RUN
    undoes: int | None = None
    undoes_since: datetime | None = None
    _run: int | None = None
    _intended: dict[int, Intention] = field(default_factory=dict)
    _pause_until: datetime | None = None
    _to_settle: bool = True

    def begin(self, kind: RunKind, undoes: int | None = None, undoes_since: datetime | None = None) -> None:
        """What is written from now on is another run, which has its number from its first write on."""
        self.kind, self.undoes, self.undoes_since, self._run = kind, undoes, undoes_since, None
        self._to_settle = True

    async def number(self) -> int:
        """Of this run. Raises StateUnavailable."""
        if self.store is None:
            raise StateUnavailable("state.database: it could not be opened.")
        journal = self.store.run_journal(self.list_title)
        if self._run is None or not await asyncio.to_thread(journal.knows, self._run):
            self._run = await asyncio.to_thread(journal.begin, self.kind, self.clock(), self.undoes, self.undoes_since)
        return self._run

    async def intend(self, intentions: Sequence[Intention]) -> frozenset[int]:
        """Before the writes. Rows whose verdict somebody else has changed since it was last written; where it is not
        known whether that was, nobody is said to have.
        """
        self._intended = {each.row_id: each for each in intentions}
        store = self.store
        if store is None or not intentions:
            return frozenset()

        async def keep() -> Mapping[int, VerdictCells]:
            number = await self.number()
            return await asyncio.to_thread(store.run_journal(self.list_title).intend, number, intentions, self.clock())

        nothing: Mapping[int, VerdictCells] = {}
        last = await self._kept(keep, nothing)
        return frozenset(id_ for id_, cells in last.items() if not cells.same(self._intended[id_].before))

    async def note(self, made: Collection[int], not_made: Collection[int] = ()) -> None:
        """What came of some of the writes that were intended; rows whose verdict was not to be written are ignored."""
        done = [self._intended.pop(row_id) for row_id in made if row_id in self._intended]
        undone = [row_id for row_id in not_made if self._intended.pop(row_id, None) is not None]
        store = self.store
        if store is None or not (done or undone):
            return

        async def keep() -> None:
            number = await self.number()
            await asyncio.to_thread(store.run_journal(self.list_title).note, number, done, undone, self.clock())

        await self._kept(keep, None)

    def end(self) -> None:
        """All is told. What nothing was told of is not known, until the row is read again."""
        self._to_settle = self._to_settle or bool(self._intended)
        self._intended = {}

    async def settle(self, rows: Mapping[int, Row], unread: Collection[int]) -> None:
        """Find out by what rows show whether writes were made of which that is not known: of a process that was killed,
        or whose answer was lost. ``unread``: rows that were not read since.
        """
        store = self.store
        if store is None or not self._to_settle:
            return
        journal = store.run_journal(self.list_title)

        async def keep() -> bool:
            lines = await asyncio.to_thread(journal.unknown)
            known = [(line, rows[line.row_id]) for line in lines if line.row_id in rows and line.row_id not in unread]
            made = [line.id for line, row in known if line.after.same(VerdictCells.of(row.shown))]
            not_made = [line.id for line, row in known if line.before.same(VerdictCells.of(row.shown))]
            if made or not_made:
                await asyncio.to_thread(journal.settle, made, not_made, self.clock())
            return any(line.row_id in unread for line in lines)

        self._to_settle = await self._kept(keep, True)

    async def _kept(self, keep: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """What the database says; ``otherwise`` while it cannot be used, which is told once."""
        now = self.clock()
        if self._pause_until is not None and now < self._pause_until:
            return otherwise
        try:
            answer = await keep()
        except StateUnavailable as failure:
            if self._pause_until is None:
                _log.warning("writes_not_journalled", reason=str(failure), effect="they are made all the same")
            self._pause_until = now + _PAUSE
            self._to_settle = True
            return otherwise
        if self._pause_until is not None:
            _log.info("writes_journalled_again")
            self._pause_until = None
        return answer


def intentions_of(changes: Iterable[Change], verdicts: Mapping[int, Verdict]) -> list[Intention]:
    """Of those that write a verdict: what presence alone changes is not journalled."""
    return [intention(change, _why(verdicts[change.row.id])) for change in changes if _writes_verdict(change)]


def intention(change: Change, why: str) -> Intention:
    row = change.row
    after = VerdictCells.of(written(change, row.etag).shown)
    return Intention(row.id, row.upn, VerdictCells.of(row.shown), after, why)


def _writes_verdict(change: Change) -> bool:
    return any(column in change.values for column in _VERDICT)


def _why(verdict: Verdict) -> str:
    if verdict.anomalies:
        return ", ".join(str(anomaly.code) for anomaly in verdict.anomalies)
    return "user matched" if verdict.user is not None else str(verdict.status)
