"""An Agent list whose presence stands in a companion list: an item an agent, in a list that keeps no versions.

Graph has no write that spares a list's versions. So what changes by the minute is written where nobody edits, and the
Agent list itself only where a verdict changes. To the jobs it is one list.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from sync_agent.list_item import AnyChange
from sync_agent.microsoft365.companion_items import CompanionItems, Parts
from sync_agent.microsoft365.errors import NotFound, ServiceError
from sync_agent.microsoft365.list_answers import (
    Changes,
    Failed,
    LastEdit,
    Outcome,
    Overtaken,
    WholeListNeeded,
    Written,
    failed,
)
from sync_agent.microsoft365.own_list import MOST_AT_ONCE, OwnList
from sync_agent.microsoft365.side_by_side import Trouble, Writing
from sync_agent.model import Change, Fix, Row

if TYPE_CHECKING:
    from sync_agent.microsoft365.agent_list import AgentList


class CompanionList:
    """An AgentList. ``agents``: the Agent list itself, by either API."""

    def __init__(self, agents: AgentList, companion: OwnList, items: CompanionItems) -> None:
        self._agents = agents
        self._companion = companion
        self._items = items
        self._row_ids: set[int] = set()
        self._doubts = self._doubts_read = 0
        """How often an item may have been made or taken that is not known of; of how many of these a reading told."""
        self._reading = asyncio.Lock()
        """Of two readings the later one ends last, so that what it found stays."""

    @property
    def title(self) -> str:
        return self._agents.title

    async def open(self) -> None:
        await self._agents.open()

    async def unwritable(self) -> str:
        said = await self._agents.unwritable()
        await self._companion.open()
        return said

    async def read(self, progress: Callable[[int], None], *, follow: bool = False) -> list[Row]:
        rows = await self._agents.read(progress, follow=follow)
        self._row_ids = {row.id for row in rows}
        await self._read_items()
        return [self._items.joined(row) for row in rows]

    async def changes(self, known: Mapping[int, Row]) -> Changes | WholeListNeeded:
        """Nobody else writes the companion list: a person's edit there is found when the whole list is read."""
        gone = self._row_ids - known.keys()  # what was told before, and believed
        self._row_ids -= gone
        self._items.forget(gone)
        told = await self._agents.changes(known)
        if isinstance(told, WholeListNeeded):
            return told
        self._row_ids |= told.rows.keys()
        return replace(told, rows={id_: self._items.joined(row) for id_, row in told.rows.items()})

    async def read_rows(self, ids: Collection[int]) -> dict[int, Row]:
        return {id_: self._items.joined(row) for id_, row in (await self._agents.read_rows(ids)).items()}

    async def last_edits(self, ids: Collection[int]) -> dict[int, LastEdit]:
        edits = await self._agents.last_edits(ids)
        return {id_: replace(edit, row=self._items.joined(edit.row)) for id_, edit in edits.items()}

    async def write(self, changes: Iterable[Change]) -> AsyncGenerator[Outcome, None]:
        async with aclosing((await self.writing()).all(changes)) as outcomes:
            async for outcome in outcomes:
                yield outcome
        await self._empty_spare()

    async def writing(self) -> Writing:
        if self._doubts > self._doubts_read:
            await self._read_items()
        agents = await self._agents.writing()
        write = partial(self._write, agents, Trouble())
        return Writing(write, min(agents.size, MOST_AT_ONCE), agents.at_once)

    async def takes_approvals(self) -> bool:
        return await self._agents.takes_approvals()

    async def fix(self, fixes: Sequence[Fix]) -> list[ServiceError | None]:
        return await self._agents.fix(fixes)

    async def provision(self, dry_run: bool) -> list[str]:
        return await self._agents.provision(dry_run) + await self._companion.provision(dry_run)

    async def _read_items(self) -> None:
        """While rows are written too: their items are as they are written, whatever is read of them meanwhile."""
        async with self._reading:
            doubts = self._doubts
            self._items.begin_reading()
            self._items.put(await self._companion.read(), self._row_ids)
            self._doubts_read = doubts

    async def _empty_spare(self) -> None:
        """Items whose row is gone; what fails is tried again after the next writes."""
        todo = self._items.to_empty(MOST_AT_ONCE)
        if not todo:
            return
        done = set[int]()
        try:
            done |= {answer for answer in await self._companion.write(todo) if isinstance(answer, int)}
        finally:
            self._items.emptied([change.item.id for change in todo if change.item is not None], done)

    async def _write(self, agents: Writing, trouble: Trouble, changes: Sequence[Change]) -> list[Outcome]:
        """A row is written where both of its parts were; the companion's comes second, and only where the first was."""
        parts = {change.row.id: self._items.apart(change) for change in changes}
        try:
            return await self._write_parts(agents, trouble, changes, parts)
        except BaseException:
            self._doubts += 1
            raise
        finally:
            for part in parts.values():
                self._items.let_go(part)

    async def _write_parts(
        self, agents: Writing, trouble: Trouble, changes: Sequence[Change], parts: Mapping[int, Parts]
    ) -> list[Outcome]:
        first = await _to_agents(agents, parts)
        todo = {
            row_id: part.companion
            for row_id, part in parts.items()
            if part.companion is not None and isinstance(first.get(row_id, Written(row_id)), Written)
        }
        second = await self._to_companion(trouble, todo)
        return [
            self._outcome(change, parts[change.row.id], first.get(change.row.id), second.get(change.row.id))
            for change in changes
        ]

    async def _to_companion(self, trouble: Trouble, todo: Mapping[int, AnyChange]) -> dict[int, ServiceError | int]:
        if not todo:
            return {}
        try:
            trouble.check()
        except ServiceError as error:
            return dict.fromkeys(todo, error)
        answers = await self._companion.write(list(todo.values()))
        trouble.heard(answers[0] if isinstance(answers[0], ServiceError) else None)
        return dict(zip(todo, answers, strict=True))

    def _outcome(
        self, change: Change, part: Parts, first: Outcome | None, second: ServiceError | int | None
    ) -> Outcome:
        if first is not None and not isinstance(first, Written):
            self._items.not_sent(part)
            if isinstance(first, Overtaken) and first.row is not None:
                return replace(first, row=self._items.joined(first.row))
            return first
        if isinstance(second, ServiceError):
            return self._failed(change.row.id, part, second)
        self._items.written(change, part, second)
        return first or Written(change.row.id, change.row.etag)

    def _failed(self, row_id: int, part: Parts, error: ServiceError) -> Failed:
        """An item whose making or taking was not answered may be the row's: the list is read before it gets another."""
        if not self._items.has_item(row_id):
            self._doubts += 1
        if isinstance(error, NotFound):  # it is made again at the next try, which need not wait
            self._items.lost(row_id)
            return Failed(row_id, error.reason)
        return failed(row_id, error)


async def _to_agents(agents: Writing, parts: Mapping[int, Parts]) -> dict[int, Outcome]:
    changes = [part.agents for part in parts.values() if part.agents is not None]
    return {outcome.row_id: outcome for outcome in await agents.write(changes)} if changes else {}
