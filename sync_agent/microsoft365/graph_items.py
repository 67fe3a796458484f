"""The items of a list by Graph: all of them, and some by id."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from typing import Any, Protocol, cast

import msgspec

from sync_agent.microsoft365.cells import (
    MANY_ROWS,
    MOST_EMPTY_PAGES,
    Cells,
    cell_fields,
    in_thread_if,
    moment,
    row_of,
    struct,
    wire_names,
)
from sync_agent.microsoft365.columns import Columns
from sync_agent.microsoft365.errors import Garbled, NotFound
from sync_agent.microsoft365.graph import Graph, Part, PartAnswer
from sync_agent.microsoft365.graph_list_delta import ContentType, GraphListDelta, is_folder
from sync_agent.microsoft365.list_answers import LastEdit
from sync_agent.model import Row

PAGE = 2_000
"""Graph's largest page of list items is not documented; it gives fewer when it likes, and a link to the next."""
LIST_UNITS = 2.0
_ITEM_UNITS = 1.0


class _Identity(msgspec.Struct):
    name: str | None = msgspec.field(default=None, name="displayName")
    email: str | None = None


class _Identities(msgspec.Struct):
    """Who did something: one of them, as a rule."""

    user: _Identity | None = None
    application: _Identity | None = None
    device: _Identity | None = None


class _Item(Protocol):
    id: str
    etag: str | None
    content_type: ContentType | None
    fields: Cells
    modified_by: _Identities | None
    modified: str | None


class GraphItems:
    """``path``: of the list, `/sites/{id}/lists/{id}`."""

    def __init__(self, graph: Graph, path: str, columns: Columns) -> None:
        self._graph = graph
        self._items = f"{path}/items"
        selected = ",".join(wire_names(columns))
        fields_selected = f"$expand=fields($select={selected})"
        self._query = f"{fields_selected}&$select=id,eTag,contentType"
        self._edits_query = f"{fields_selected}&$select=id,eTag,contentType,lastModifiedBy,lastModifiedDateTime"
        fields = struct("GraphFields", cell_fields(columns))
        self._item = struct(
            "GraphItem",
            [
                ("id", str, msgspec.field()),
                ("fields", fields, msgspec.field()),
                ("etag", str | None, msgspec.field(default=None, name="eTag")),
                ("content_type", ContentType | None, msgspec.field(default=None, name="contentType")),
                ("modified_by", _Identities | None, msgspec.field(default=None, name="lastModifiedBy")),
                ("modified", str | None, msgspec.field(default=None, name="lastModifiedDateTime")),
            ],
        )
        self.delta = GraphListDelta(graph, self._items, selected, fields, PAGE)

    async def read(self, progress: Callable[[int], None]) -> list[Row]:
        """All rows by ascending id."""
        rows: list[Row] = []
        async for page in whole_list(self._graph, f"{self._items}?{self._query}", self._item):
            items = cast(list[_Item], page)
            rows += await in_thread_if(len(items) > MANY_ROWS, _rows, items)
            progress(len(items))
        rows.sort(key=lambda row: row.id)
        return rows

    async def read_rows(self, ids: Collection[int]) -> dict[int, Row]:
        """These rows as they are now; what is absent was deleted. Raises ServiceError when one could not be read."""
        return {id_: _row(item) for id_, item in (await self._some(ids, self._query)).items()}

    async def last_edits(self, ids: Collection[int]) -> dict[int, LastEdit]:
        """The same with who changed them last."""
        return {id_: _last_edit(item) for id_, item in (await self._some(ids, self._edits_query)).items()}

    async def _some(self, ids: Collection[int], query: str) -> dict[int, _Item]:
        parts = [Part("GET", f"{self._items}/{id_}?{query}", units=_ITEM_UNITS) for id_ in ids]
        answers = await self._graph.batch(parts)
        items = {id_: self._one(id_, answer) for id_, answer in zip(ids, answers, strict=True)}
        return {id_: item for id_, item in items.items() if item is not None}

    def _one(self, id_: int, answer: PartAnswer) -> _Item | None:
        if isinstance(answer.failure, NotFound):
            return None
        if answer.failure is not None:
            raise answer.failure
        item = cast(_Item, answer.json(self._item))
        if item.id != str(id_):
            raise Garbled("Graph answered with another row than asked for")
        return None if is_folder(item) else item


async def whole_list(graph: Graph, url: str, type_: type[msgspec.Struct]) -> AsyncGenerator[list[Any], None]:
    """All items in pages; their type has an ``id``. Graph tells no count: whole is what has no item twice and ends
    without a link. Raises ServiceError.
    """
    seen: set[str] = set()
    empty = 0
    async for page in graph.pages(f"{url}&$top={PAGE}", type_, units=LIST_UNITS):
        items: list[Any] = page
        ids = {item.id for item in items}
        if len(ids) < len(items) or not seen.isdisjoint(ids):
            raise Garbled("Graph gave a row of the list twice, so the pages cannot be believed")
        seen |= ids
        empty = 0 if items else empty + 1
        if empty > MOST_EMPTY_PAGES:
            raise Garbled("Graph's pages of the list do not come to an end")
        yield items


def _rows(items: Sequence[_Item]) -> list[Row]:
    return [_row(item) for item in items if not is_folder(item)]


def _row(item: _Item) -> Row:
    return row_of(int(item.id), item.etag, item.fields)


def _last_edit(item: _Item) -> LastEdit:
    by = item.modified_by or _Identities()
    who = by.user or by.application or by.device or _Identity()
    return LastEdit(_row(item), who.email or who.name or "", moment(item.modified))
