"""What changed in a list by Graph: its delta, which gives rows as they are now (listitem-delta).

Nothing is selected but the fields: a $select might leave out the mark of deleted items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import msgspec

from sync_agent.microsoft365.cells import MANY_ROWS, Cells, in_thread_if, row_of, struct
from sync_agent.microsoft365.errors import Garbled
from sync_agent.microsoft365.following import Costs, News
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.list_answers import WholeListNeeded
from sync_agent.model import Row

TURN_UNITS = 1.0
_MOST_PAGES = 1_000
_FOLDER = "0x0120"
"""How the ids of folders' content types begin."""
_COSTS = Costs(rows_a_request=1, a_request=1.0, rows_a_page=2_000, a_page=2.0, besides=6.0)
"""Rows are read in batches, each costing one unit; beside its pages a whole reading finds site, list and columns."""


class ContentType(msgspec.Struct):
    id: str = ""


class OfSomeType(Protocol):
    content_type: ContentType | None


class _Item(OfSomeType, Protocol):
    id: str
    etag: str | None
    fields: Cells | None
    deleted: Any
    removed: Any
    """How directory deltas mark it."""


class _Page(Protocol):
    value: list[_Item]
    next_link: str | None
    delta_link: str | None


class GraphListDelta:
    """A ChangeLog; its tokens are Graph's own links."""

    costs = _COSTS

    def __init__(self, graph: Graph, items: str, selected: str, fields: type[msgspec.Struct], page: int) -> None:
        """``items``: their path; ``selected``: the fields to ask for, which ``fields`` are made of."""
        self._graph = graph
        self._latest = f"{items}/delta?$expand=fields($select={selected})&$top={page}&token=latest"
        item = struct(
            "GraphListChange",
            [
                ("id", str, msgspec.field()),
                ("etag", str | None, msgspec.field(default=None, name="eTag")),
                ("content_type", ContentType | None, msgspec.field(default=None, name="contentType")),
                ("fields", fields | None, msgspec.field(default=None)),
                ("deleted", Any, msgspec.field(default=None)),
                ("removed", Any, msgspec.field(default=None, name="@removed")),
            ],
        )
        self._page = struct(
            "GraphListChanges",
            [
                ("value", list[item], msgspec.field()),  # type: ignore[valid-type]
                ("next_link", str | None, msgspec.field(default=None, name="@odata.nextLink")),
                ("delta_link", str | None, msgspec.field(default=None, name="@odata.deltaLink")),
            ],
        )

    async def token(self) -> str:
        page = await self._one_page(self._latest)
        if page.delta_link is None:
            raise Garbled("Graph began to tell the whole list when asked for its latest delta token")
        return page.delta_link

    async def since(self, token: str, known: Mapping[int, Row]) -> News | WholeListNeeded:
        items, delta_link = await self._pages(token)
        deleted = frozenset(id_ for id_, item in items.items() if item.deleted is not None or item.removed is not None)
        # The version that is held: most of them our own writes.
        changed = [item for id_, item in items.items() if id_ not in deleted and not _is_held(item, known.get(id_))]
        rows = await in_thread_if(len(changed) > MANY_ROWS, _rows, changed)
        silent = {int(item.id) for item in changed if not is_folder(item)} - rows.keys()
        return News(delta_link, rows, frozenset(silent), deleted)

    async def _pages(self, link: str) -> tuple[dict[int, _Item], str]:
        """All items by id, of one that came twice the last; and the link for the next time."""
        items: dict[int, _Item] = {}
        followed: set[str] = set()
        while len(followed) < _MOST_PAGES:
            followed.add(link)
            page = await self._one_page(link)
            items.update({int(item.id): item for item in page.value if item.id.isdecimal()})
            if page.next_link is None and page.delta_link is not None:
                return items, page.delta_link
            if page.next_link is None or page.next_link in followed:
                break
            link = page.next_link
        raise Garbled("Graph's pages of the list's changes do not come to an end")

    async def _one_page(self, url: str) -> _Page:
        return cast(_Page, await self._graph.get(url, self._page, units=TURN_UNITS))


def _rows(items: Sequence[_Item]) -> dict[int, Row]:
    """Of those whose fields were told. An empty UPN may be one that was not told: such a row is read for itself."""
    rows = {
        int(item.id): row_of(int(item.id), item.etag, item.fields)
        for item in items
        if item.fields is not None and not is_folder(item)
    }
    return {id_: row for id_, row in rows.items() if row.upn}


def _is_held(item: _Item, known: Row | None) -> bool:
    """Or an older one: a write of ours may have ended while Graph's answer was on its way."""
    if known is None or item.etag is None or known.etag is None:
        return False
    (told_id, comma, told), (held_id, _, held) = (etag.strip('"').rpartition(",") for etag in (item.etag, known.etag))
    if item.etag == known.etag:
        return True
    return bool(comma) and told_id == held_id and told.isdecimal() and held.isdecimal() and int(told) < int(held)


def is_folder(item: OfSomeType) -> bool:
    return item.content_type is not None and item.content_type.id.startswith(_FOLDER)
