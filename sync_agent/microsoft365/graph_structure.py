"""What Graph is asked about site, list and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from sync_agent.microsoft365.column_kinds import Kind, ListColumn, Rules, Specification
from sync_agent.microsoft365.columns import creation_name
from sync_agent.microsoft365.errors import NotFound, Refused
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.list_place import Place, list_id
from sync_agent.microsoft365.provisioning import Setting, Trait

_MANY_UNITS = 2.0
_CREATE_UNITS = 2.0


class Found(msgspec.Struct):
    """A list; ``title`` as people see it, ``name`` as its address has it."""

    id: str
    title: str = msgspec.field(default="", name="displayName")
    name: str = ""


class _Site(msgspec.Struct):
    id: str


_COMPUTED = frozenset({"LinkTitle", "LinkTitleNoMenu", "LinkTitle2", "DocIcon", "Edit"})
_FACETS: Mapping[str, Kind] = {
    "personOrGroup": Kind.PERSON,
    "hyperlinkOrPicture": Kind.LINK,
    "number": Kind.NUMBER,
    "currency": Kind.NUMBER,
    "boolean": Kind.YES_NO,
    "lookup": Kind.LOOKUP,
    "calculated": Kind.CALCULATED,
}
_PROPERTIES: Mapping[Trait, str] = {Trait.DESCRIPTION: "description", Trait.INDEX: "indexed"}


async def find_site(graph: Graph, place: Place) -> str:
    """The site's id. Raises ListProblem when there is none at the address."""
    parts = urlsplit(place.site_url)
    path = parts.path.strip("/")
    tail = f":/{quote(path)}" if path else ""
    # Graph names sites by host alone; a host with a port of its own may be known by both.
    for host in dict.fromkeys([parts.hostname or "", parts.netloc]):
        try:
            return (await graph.get(f"/sites/{host}{tail}?$select=id", _Site)).id
        except Refused as error:
            if error.status not in {400, 404}:
                raise
    raise place.no_site()


async def find_list(graph: Graph, site_id: str, place: Place) -> Found:
    """Raises ListProblem when the site has no such list."""
    wanted = list_id(place.wanted) or quote(place.wanted, safe="")
    try:
        return await graph.get(f"/sites/{site_id}/lists/{wanted}?$select=id,displayName,name", Found)
    except NotFound:
        return await _find_among_all(graph, site_id, place)
    except Refused as error:
        if error.status != 400:  # a title with characters that no address takes
            raise
        return await _find_among_all(graph, site_id, place)


async def list_columns(graph: Graph, list_path: str) -> list[ListColumn]:
    pages = graph.pages(f"{list_path}/columns", dict[str, Any], units=_MANY_UNITS)
    return [_column(column) async for page in pages for column in page]


async def add_column(graph: Graph, list_path: str, specification: Specification, display: str) -> None:
    body = {
        "name": creation_name(specification.column, display),
        "displayName": display,
        "description": specification.description,
        **({"indexed": True} if specification.indexed else {}),
        **_facet(specification),
    }
    await graph.post(f"{list_path}/columns", body, dict[str, Any], units=_CREATE_UNITS)


async def set_column(graph: Graph, list_path: str, setting: Setting) -> None:
    body = {_PROPERTIES[setting.trait]: setting.value}
    url = f"{list_path}/columns/{quote(setting.column.id, safe='')}"
    await graph.ask("PATCH", url, body=body, units=_CREATE_UNITS)


async def make_list(graph: Graph, site_id: str, title: str, description: str) -> Found:
    body = {"displayName": title, "description": description, "list": {"template": "genericList"}}
    return await graph.post(f"/sites/{site_id}/lists", body, Found, units=_CREATE_UNITS)


def _facet(specification: Specification) -> dict[str, Any]:
    match specification.kind:
        case Kind.CHOICE:
            return {
                "choice": {
                    "choices": list(specification.choices),
                    "allowTextEntry": False,
                    "displayAs": "dropDownMenu",
                }
            }
        case Kind.NOTE:
            return {"text": {"allowMultipleLines": True, "linesForEditing": 6, "textType": "plain"}}
        case Kind.NUMBER:
            return {"number": {"decimalPlaces": "none"}}
        case Kind.YES_NO:
            return {"boolean": {}, "defaultValue": {"value": "0"}}
        case Kind.TIME:
            return {"dateTime": {"format": "dateTime", "displayAs": "standard"}}
        case _:
            return {"text": {}}


async def _find_among_all(graph: Graph, site_id: str, place: Place) -> Found:
    path = f"/sites/{site_id}/lists?$select=id,displayName,name"
    lists = [found async for page in graph.pages(path, Found, units=_MANY_UNITS) for found in page]
    wanted = place.wanted.casefold()
    for found in lists:
        if wanted in {found.title.casefold(), found.id.casefold()}:
            return found
    raise place.no_list([found.title for found in lists])


def _column(column: Mapping[str, Any]) -> ListColumn:
    internal = str(column["name"])
    choices = (column.get("choice") or {}).get("choices") or ()
    return ListColumn(
        internal=internal,
        display=str(column.get("displayName") or internal),
        kind=_kind(internal, column),
        wire=internal,
        choices=tuple(choices),
        id=str(column.get("id") or ""),
        description=str(column.get("description") or ""),
        rules=Rules(
            read_only=bool(column.get("readOnly")),
            hidden=bool(column.get("hidden")),
            required=bool(column.get("required")),
            unique=bool(column.get("enforceUniqueValues")),
            validated=bool((column.get("validation") or {}).get("formula")),
            indexed=bool(column.get("indexed")),
        ),
    )


def _kind(internal: str, column: Mapping[str, Any]) -> Kind:
    """The type is told by which facet the column has."""
    if internal in _COMPUTED:
        return Kind.COMPUTED
    if (text := column.get("text")) is not None:
        if not text.get("allowMultipleLines"):
            return Kind.TEXT
        return Kind.RICH_NOTE if text.get("textType") == "richText" else Kind.NOTE
    if (choice := column.get("choice")) is not None:
        return Kind.CHOICES if choice.get("displayAs") == "checkBoxes" else Kind.CHOICE
    if (time := column.get("dateTime")) is not None:
        return Kind.DATE if time.get("format") == "dateOnly" else Kind.TIME
    return next((kind for facet, kind in _FACETS.items() if column.get(facet) is not None), Kind.OTHER)
