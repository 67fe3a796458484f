"""What a site has to offer: its lists, and the columns of one with some of its rows. By Graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sync_agent.microsoft365 import graph_structure as structure
from sync_agent.microsoft365.column_kinds import Kind, ListColumn
from sync_agent.microsoft365.errors import Refused
from sync_agent.microsoft365.graph import Graph, Page
from sync_agent.microsoft365.list_place import Place

SAMPLE = 500
"""Rows."""
_MOST_COLUMNS = 30
_UNITS = 2.0
_OF_ITEMS = "genericList"


@dataclass(frozen=True, slots=True)
class Browsed:
    """A list: ``texts`` are its columns that people type a line of text into, ``rows`` the first, by internal name."""

    title: str
    columns: Sequence[ListColumn]
    texts: Sequence[ListColumn]
    rows: Sequence[Mapping[str, Any]]
    more: bool = False
    """Whether there are other rows."""


class _Facet(msgspec.Struct):
    template: str = _OF_ITEMS
    hidden: bool = False


class _Listed(msgspec.Struct):
    title: str = msgspec.field(default="", name="displayName")
    list: _Facet = msgspec.field(default_factory=_Facet)


class _Item(msgspec.Struct):
    fields: dict[str, Any]


async def list_titles(graph: Graph, site_id: str) -> list[str] | None:
    """Of the lists that people made, sorted; None where the app may open single lists only. Raises ServiceError."""
    path = f"/sites/{site_id}/lists?$select=id,displayName,list"
    try:
        found = [each async for page in graph.pages(path, _Listed, units=_UNITS) for each in page]
    except Refused as refused:
        if refused.status != 403:
            raise
        return None
    return sorted(each.title for each in found if each.list.template == _OF_ITEMS and not each.list.hidden)


async def browse(graph: Graph, site_id: str, place: Place) -> Browsed:
    """Raises ListProblem where the site has no such list, and ServiceError."""
    found = await structure.find_list(graph, site_id, place)
    path = f"/sites/{site_id}/lists/{found.id}"
    columns = await structure.list_columns(graph, path)
    texts = [each for each in columns if each.kind is Kind.TEXT and not (each.rules.hidden or each.rules.read_only)]
    names = ",".join(each.wire for each in texts[:_MOST_COLUMNS])
    url = f"{path}/items?$expand=fields($select={names})&$select=id&$top={SAMPLE}"
    page = await graph.get(url, Page[_Item], units=_UNITS)
    rows = [item.fields for item in page.value]
    return Browsed(found.title or place.wanted, columns, texts[:_MOST_COLUMNS], rows, page.next_link is not None)
