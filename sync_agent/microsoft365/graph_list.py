"""The Agent list by Graph's lists API.

Every write carries the row's ETag (graph_writing). Graph has no write that spares the version history and Modified, and
no views.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from sync_agent.microsoft365 import graph_structure as structure
from sync_agent.microsoft365.columns import Columns, match_columns, tell_unread
from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.following import Following
from sync_agent.microsoft365.graph import MOST_PARTS, Graph
from sync_agent.microsoft365.graph_fixing import write_fixes
from sync_agent.microsoft365.graph_items import GraphItems
from sync_agent.microsoft365.graph_writing import Writer
from sync_agent.microsoft365.list_answers import Changes, LastEdit, Outcome, WholeListNeeded
from sync_agent.microsoft365.list_place import Place
from sync_agent.microsoft365.provisioning import Means, Setting, ToDo, by_hand, to_do, without_index
from sync_agent.microsoft365.side_by_side import Writing
from sync_agent.model import Change, Fix, Row

BATCHES_AT_ONCE = 8
_MEANS = Means()


@dataclass(frozen=True, slots=True)
class _Opened:
    path: str
    title: str
    columns: Columns
    items: GraphItems


class GraphList:
    """An AgentList."""

    def __init__(self, place: Place, graph: Graph) -> None:
        self._place = place
        self._graph = graph
        self._opened: _Opened | None = None
        self._following = Following()

    @property
    def title(self) -> str:
        return self._opened.title if self._opened else self._place.wanted

    async def open(self) -> None:
        try:
            site_id = await structure.find_site(self._graph, self._place)
            found = await structure.find_list(self._graph, site_id, self._place)
            path = f"/sites/{site_id}/lists/{found.id}"
            existing = await structure.list_columns(self._graph, path)
        except ServiceError as error:
            raise self._place.explained(error) from error
        title = found.title or self._place.wanted
        columns = match_columns(existing, self._place.names, title)
        tell_unread(columns, self._opened.columns if self._opened else None)
        self._opened = _Opened(path, title, columns, GraphItems(self._graph, path, columns))

    async def unwritable(self) -> str:
        return (await self._ready()).columns.once_made(self.title).unwritable(self._place.names)

    async def read(self, progress: Callable[[int], None], *, follow: bool = False) -> list[Row]:
        items = (await self._ready(made=True)).items
        try:
            if follow:
                return await self._following.whole(items.delta, lambda: items.read(progress))
            return await items.read(progress)
        except Refused:
            self._opened = None  # a column may have been deleted: look anew before the next reading
            raise

    async def changes(self, known: Mapping[int, Row]) -> Changes | WholeListNeeded:
        items = (await self._ready(made=True)).items
        return await self._following.changes(items.delta, known, items.read_rows)

    async def read_rows(self, ids: Collection[int]) -> dict[int, Row]:
        return await (await self._ready(made=True)).items.read_rows(ids)

    async def write(self, changes: Iterable[Change]) -> AsyncGenerator[Outcome, None]:
        async with aclosing((await self.writing()).all(changes)) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def writing(self) -> Writing:
        opened = await self._ready(complete=True)
        writer = Writer(self._graph, opened.path, opened.columns, opened.items)
        return Writing(writer.write, MOST_PARTS, BATCHES_AT_ONCE)

    async def takes_approvals(self) -> bool:
        return (await self._ready()).columns.approval is not None

    async def last_edits(self, ids: Collection[int]) -> dict[int, LastEdit]:
        return await (await self._ready(made=True)).items.last_edits(ids)

    async def fix(self, fixes: Sequence[Fix]) -> list[ServiceError | None]:
        opened = await self._ready(complete=True)
        return await write_fixes(self._graph, opened.path, opened.columns, fixes)

    async def provision(self, dry_run: bool) -> list[str]:
        await self.open()
        opened = await self._ready()
        wanted = to_do(opened.columns.fit(self.title), self._place.names, _MEANS)
        lines = wanted.lines if dry_run else await self._make(opened.path, wanted)
        return [*lines, *by_hand(self._place.names)]

    async def _make(self, path: str, wanted: ToDo) -> list[str]:
        try:
            for specification, name in wanted.columns:
                await structure.add_column(self._graph, path, without_index(specification), name)
            await self.open()
            opened = await self._ready(complete=True)
            rest = to_do(opened.columns, self._place.names, _MEANS)
            return [*wanted.made_columns, *[await self._set(opened.path, each) for each in rest.settings], *rest.left]
        except ServiceError as error:
            raise self._place.explained(error, creating="columns") from error

    async def _set(self, path: str, setting: Setting) -> str:
        """What was done, or why not."""
        try:
            await structure.set_column(self._graph, path, setting)
        except Refused as error:
            return setting.refused(error)
        return setting.line

    async def _ready(self, *, made: bool = False, complete: bool = False) -> _Opened:
        """``made``: enough of our columns to read rows; ``complete``: all, to write them."""
        if self._opened is None:
            await self.open()
        opened = self._opened
        assert opened is not None
        if complete:
            opened.columns.complete(opened.title)
        elif made:
            opened.columns.once_made(opened.title)
        return opened
