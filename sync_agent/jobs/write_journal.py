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
from functools import partial
from typing import TypeVar

import structlog

from sync_agent.model import Change, OurColumn, Row, Verdict
from sync_agent.plan import written
from sync_agent.state.records import Intention, RunKind
from sync_agent.state.store import RunJournal, StateUnavailable, Store
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
    _made: list[Intention] = field(default_factory=list)
    """What the database is yet to be told, as ``_not_made`` is."""
    _not_made: list[int] = field(default_factory=list)
    _pause_until: datetime | None = None
    _to_settle: bool = True
    _numbering: asyncio.Lock = field(default_factory=asyncio.Lock)
    _in_order: asyncio.Lock = field(default_factory=asyncio.Lock)
    """What is told of one write of a row comes before the intention of the next."""

    def begin(self, kind: RunKind, undoes: int | None = None, undoes_since: datetime | None = None) -> None:
        """What is written from now on is another run, which has its number from its first write on."""
        self.kind, self.undoes, self.undoes_since, self._run = kind, undoes, undoes_since, None
        self._to_settle = True

    def turn(self) -> TurnJournal:
        """For one turn of writes; several may go on side by side, each with rows of its own."""
        return TurnJournal(self)

    async def number(self) -> int:
        """Of this run. Raises StateUnavailable."""
        if self.store is None:
            raise StateUnavailable("state.database: it could not be opened.")
        journal = self.store.run_journal(self.list_title)
        async with self._numbering:
            if self._run is None or not await asyncio.to_thread(journal.knows, self._run):
                begin = partial(journal.begin, self.kind, self.clock(), self.undoes, self.undoes_since)
                self._run = await asyncio.to_thread(begin)
            return self._run

    async def settle(self, rows: Mapping[int, Row], unread: Collection[int]) -> None:
        """Find out by what rows show whether writes were made of which that is not known: of a process that was killed,
        or whose answer was lost. ``unread``: rows that were not read since, or are being written.
        """
        if self.store is None or not self._to_settle:
            return
        journal = self.store.run_journal(self.list_title)

        async def keep() -> bool:
            await self._tell(journal)
            lines = await asyncio.to_thread(journal.unknown)
            known = [(line, rows[line.row_id]) for line in lines if line.row_id in rows and line.row_id not in unread]
            made = [line.id for line, row in known if line.after.same(VerdictCells.of(row.shown))]
            not_made = [line.id for line, row in known if line.before.same(VerdictCells.of(row.shown))]
            if made or not_made:
                await asyncio.to_thread(journal.settle, made, not_made, self.clock())
            return any(line.row_id in unread for line in lines)

        self._to_settle = False
        if await self._kept(keep, True):
            self._to_settle = True

    async def _intend(self, intentions: Sequence[Intention]) -> Mapping[int, VerdictCells]:
        """By row, what is known to have been written last where the row shows something else by now."""
        nothing: Mapping[int, VerdictCells] = {}
        if self.store is None or not intentions:
            return nothing
        journal = self.store.run_journal(self.list_title)

        async def keep() -> Mapping[int, VerdictCells]:
            await self._tell(journal)
            return await asyncio.to_thread(journal.intend, await self.number(), intentions, self.clock())

        return await self._kept(keep, nothing)

    async def _note(self, at_least: int) -> None:
        if self.store is None or len(self._made) + len(self._not_made) < at_least:
            return
        journal = self.store.run_journal(self.list_title)

        async def keep() -> None:
            await self._tell(journal)

        await self._kept(keep, None)

    async def _tell(self, journal: RunJournal) -> None:
        made, self._made = self._made, []
        not_made, self._not_made = self._not_made, []
        if made or not_made:
            await asyncio.to_thread(journal.note, await self.number(), made, not_made, self.clock())

    async def _kept(self, keep: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """What the database says; ``otherwise`` while it cannot be used, which is told once."""
        async with self._in_order:
            now = self.clock()
            if self._pause_until is None or now >= self._pause_until:
                try:
                    answer = await keep()
                except StateUnavailable as failure:
                    self._pause(now, str(failure))
                else:
                    if self._pause_until is not None:
                        _log.info("writes_journalled_again")
                        self._pause_until = None
                    return answer
            self._made.clear()
            self._not_made.clear()
            return otherwise

    def _pause(self, now: datetime, reason: str) -> None:
        if self._pause_until is None:
            _log.warning("writes_not_journalled", reason=reason, effect="they are made all the same")
        self._pause_until = now + _PAUSE
        self._to_settle = True


@dataclass(slots=True)
class TurnJournal:
    """What becomes of the rows of one turn; rows whose verdict is not to be written are ignored."""

    _journal: WriteJournal
    _intended: dict[int, Intention] = field(default_factory=dict)

    async def intend(self, intentions: Sequence[Intention]) -> frozenset[int]:
        """Before the writes. Rows whose verdict somebody else has changed since it was last written; where it is not
        known whether that was, nobody is said to have.
        """
        self._intended = {each.row_id: each for each in intentions}
        last = await self._journal._intend(intentions)
        return frozenset(id_ for id_, cells in last.items() if not cells.same(self._intended[id_].before))

    def made(self, row_id: int) -> None:
        """To be noted before another turn may write the row."""
        if row_id in self._intended:
            self._journal._made.append(self._intended.pop(row_id))

    def not_made(self, row_id: int) -> None:
        if self._intended.pop(row_id, None) is not None:
            self._journal._not_made.append(row_id)

    async def note(self, at_least: int = 1) -> None:
        """Tell the database what came of the writes, once it is so many."""
        await self._journal._note(at_least)

    async def end(self) -> None:
        """All is told. What nothing was told of is not known, until the row is read again."""
        if self._intended:
            self._journal._to_settle = True
        self._intended = {}
        await self.note()


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
