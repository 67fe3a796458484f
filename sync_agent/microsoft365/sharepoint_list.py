"""The Agent list by SharePoint REST.

Structure goes through Office365-REST-Python-Client (sharepoint_structure), rows by the thousand through the transport
(sharepoint_bulk), and writes are sharepoint_writing's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sync_agent.microsoft365 import sharepoint_structure as structure
from sync_agent.microsoft365.columns import APPROVAL, Columns, match_columns, tell_unread
from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.following import Following
from sync_agent.microsoft365.list_answers import Changes, LastEdit, Outcome, WholeListNeeded
from sync_agent.microsoft365.list_place import Place
from sync_agent.microsoft365.own_writes import OwnWrites
from sync_agent.microsoft365.provisioning import Means, Setting, ToDo, to_do, without_index
from sync_agent.microsoft365.sharepoint_batch import MOST_PARTS
from sync_agent.microsoft365.sharepoint_bulk import WRITE_UNITS, BulkItems, Site, counted
from sync_agent.microsoft365.sharepoint_changes import SharePointChanges
from sync_agent.microsoft365.sharepoint_finding import ask, find_list
from sync_agent.microsoft365.sharepoint_fixing import write_fixes
from sync_agent.microsoft365.sharepoint_forms import Forms, Ways
from sync_agent.microsoft365.sharepoint_structure import Found
from sync_agent.microsoft365.sharepoint_views import add_view, list_views
from sync_agent.microsoft365.sharepoint_writing import Writer
from sync_agent.microsoft365.side_by_side import Writing, chunks
from sync_agent.model import Change, Fix, Row

T = TypeVar("T")

CHUNKS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Opened:
    found: Found
    columns: Columns
    items: BulkItems
    changes: SharePointChanges


class SharePointList:
    """An AgentList."""

    def __init__(self, place: Place, site: Site) -> None:
        self._place = place
        self._site = site
        self._ways = Ways()
        self._opened: _Opened | None = None
        self._following = Following()
        self._own_writes = OwnWrites()

    @property
    def title(self) -> str:
        return self._opened.found.title if self._opened else self._place.wanted

    async def open(self) -> None:
        try:
            found = await find_list(self._site, self._place)
            existing = await self._ask(structure.list_columns, found.id)
        except ServiceError as error:
            raise self._place.explained(error) from error
        columns = match_columns(existing, self._place.names, found.title)
        tell_unread(columns, self._opened.columns if self._opened else None)
        items = BulkItems(self._site, found.id, columns)
        changes = SharePointChanges(
            self._site, found.id, lambda: self._ask(structure.change_token, found.id), self._own_writes
        )
        self._opened = _Opened(found, columns, items, changes)

    async def unwritable(self) -> str:
        return (await self._ready()).columns.once_made(self.title).unwritable(self._place.names)

    async def read(self, progress: Callable[[int], None], *, follow: bool = False) -> list[Row]:
        opened = await self._ready(made=True)
        try:
            if follow:
                return await self._following.whole(opened.changes, lambda: self._read_whole(opened, progress))
            return await self._read_whole(opened, progress)
        except Refused:
            self._opened = None  # a column may have been deleted: look anew before the next reading
            raise

    async def changes(self, known: Mapping[int, Row]) -> Changes | WholeListNeeded:
        opened = await self._ready(made=True)
        return await self._following.changes(opened.changes, known, self.read_rows)

    async def read_rows(self, ids: Collection[int]) -> dict[int, Row]:
        return {id_: edit.row for id_, edit in (await self.last_edits(ids)).items()}

    async def last_edits(self, ids: Collection[int]) -> dict[int, LastEdit]:
        writer = self._writer(await self._ready(made=True))
        edits = {}
        for some in chunks(ids, MOST_PARTS):
            edits.update({id_: now.last_edit for id_, now in (await writer.standing(some)).items()})
        return edits

    async def takes_approvals(self) -> bool:
        return (await self._ready()).columns.approval is not None

    async def fix(self, fixes: Sequence[Fix]) -> list[ServiceError | None]:
        opened = await self._ready(complete=True)
        return await write_fixes(self._site, opened.found.id, opened.columns, fixes)

    async def write(self, changes: Iterable[Change]) -> AsyncGenerator[Outcome, None]:
        async with aclosing((await self.writing()).all(changes)) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def writing(self) -> Writing:
        writer = self._writer(await self._ready(complete=True))
        affordable = max(1, int(self._site.budget.limit / WRITE_UNITS))
        write = partial(self._own_writes.noted, writer.write)
        return Writing(write, min(MOST_PARTS, affordable), CHUNKS_AT_ONCE)

    async def provision(self, dry_run: bool) -> list[str]:
        await self.open()
        opened = await self._ready()
        columns, list_id = opened.columns.fit(self.title), opened.found.id
        try:
            wanted = to_do(columns, self._place.names, await self._means(list_id))
            return wanted.lines if dry_run else await self._make(list_id, wanted)
        except ServiceError as error:
            raise self._place.explained(error, creating="columns") from error

    async def _means(self, list_id: str) -> Means:
        return Means(formatting=True, views=await self._ask(list_views, list_id))

    async def _make(self, list_id: str, wanted: ToDo) -> list[str]:
        for specification, name in wanted.columns:
            add = partial(structure.add_column, in_view=specification is APPROVAL)  # people write it there
            await self._ask(add, list_id, without_index(specification), name)
        await self.open()
        opened = await self._ready(complete=True)
        rest = to_do(opened.columns, self._place.names, await self._means(list_id))
        lines = [*wanted.made_columns, *[await self._set(list_id, each) for each in rest.settings]]
        for view in rest.views:
            await self._ask(add_view, list_id, view)
        return [*lines, *rest.made_views, *rest.left]

    async def _set(self, list_id: str, setting: Setting) -> str:
        """What was done, or why not."""
        try:
            await self._ask(structure.set_column, list_id, setting)
        except Refused as error:
            return setting.refused(error)
        return setting.line

    async def _read_whole(self, opened: _Opened, progress: Callable[[int], None]) -> list[Row]:
        return await counted(
            lambda: self._ask(structure.item_count, opened.found.id),
            lambda attempt: opened.items.read(progress if attempt == 0 else _nobody),
            f'of the list "{self.title}"',
            self._place.account,
        )

    def _writer(self, opened: _Opened) -> Writer:
        async def one(row_id: int, select: Sequence[str]) -> dict[str, Any]:
            return await self._ask(
                structure.item_properties, opened.found.id, row_id, select, opened.items.expand_standing
            )

        forms = Forms(opened.columns, self._ways, lambda: self._ask(structure.regional_settings))
        return Writer(opened.items, forms, self._ways, self._site.budget, one)

    async def _ready(self, *, made: bool = False, complete: bool = False) -> _Opened:
        """``made``: enough of our columns to read rows; ``complete``: all, to write them."""
        if self._opened is None:
            await self.open()
        opened = self._opened
        assert opened is not None
        if complete:
            opened.columns.complete(opened.found.title)
        elif made:
            opened.columns.once_made(opened.found.title)
        return opened

    async def _ask(self, question: Callable[..., T], *arguments: Any) -> T:
        return await ask(self._site, question, *arguments)


def _nobody(_: int) -> None:
    """Rows that are read once more are no progress."""
