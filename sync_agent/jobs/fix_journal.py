"""What the journal says of a fix: before it is written that it is to be, and then what came of it.

Of each row the last entry counts, for as long as the row holds what it says. A process that is killed in between leaves
"to be written": either the row holds it, and it can be undone, or it does not, and there is nothing to undo.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sync_agent.jobs.write_journal import WriteJournal
from sync_agent.microsoft365.agent_list import LastEdit
from sync_agent.model import Fix
from sync_agent.state.records import WRITTEN
from sync_agent.state.store import JournalEntry, StateUnavailable, Store

UPN_COLUMN = "UPN"
"""What the journal calls the column, whatever its name is in the list."""


@dataclass(frozen=True, slots=True)
class FixJournal:
    """Of one list. Every method raises StateUnavailable."""

    store: Store | None
    list_title: str
    clock: Callable[[], datetime]
    runs: WriteJournal

    async def intended(self, fixes: Sequence[Fix], edits: Mapping[int, LastEdit]) -> None:
        """``edits`` tell who left each row so: whoever approved, as a rule."""
        await self._add([self._entry(fix, fix.upn, f"to be written: {_why(fix, edits[fix.row.id])}") for fix in fixes])

    async def undoing(self, fixes: Sequence[Fix], why: str) -> None:
        """What was written is to be taken back; ``fixes`` hold the cells of before."""
        await self._add([self._entry(fix, fix.upn, f"to be written: {why}") for fix in fixes])

    async def written(self, fixes: Sequence[Fix]) -> None:
        await self._add([self._entry(fix, fix.upn, WRITTEN) for fix in fixes])

    async def not_written(self, fixes: Sequence[Fix]) -> None:
        """Because somebody was faster: the service changed nothing, so after it is as before."""
        why = "not written: the row was changed or deleted meanwhile"
        await self._add([self._entry(fix, fix.row.upn, why) for fix in fixes])

    def _entry(self, fix: Fix, after: str | None, why: str) -> JournalEntry:
        return JournalEntry(fix.row.id, self.clock(), UPN_COLUMN, fix.row.upn, after, why)

    async def _add(self, entries: Sequence[JournalEntry]) -> None:
        if self.store is None:
            raise StateUnavailable("state.database: it could not be opened.")
        if entries:
            run = await self.runs.number()
            numbered = [replace(entry, run=run) for entry in entries]
            await asyncio.to_thread(_add_news, self.store, self.list_title, numbered)


def _add_news(store: Store, list_title: str, entries: Sequence[JournalEntry]) -> None:
    """Not what the last entry of a row says already: one that cannot be written is tried again at every turn."""
    news = []
    for entry in entries:
        known = store.journalled(list_title, entry.row_id)
        if not known or replace(known[-1], at=entry.at, run=entry.run) != entry:
            news.append(entry)
    store.journal(list_title, news)


def _why(fix: Fix, edit: LastEdit) -> str:
    said = f"a person approved what {fix.code} suggests"
    if not edit.by or edit.at is None:
        return said
    return f"{said}; the row was last edited by {edit.by}, at {edit.at:%Y-%m-%d %H:%M:%S} UTC"
