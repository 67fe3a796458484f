"""A list's columns by Microsoft Graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_agent.simulator.graph_lists import list_route, open_list
from sync_agent.simulator.lists import ListColumn, internal_name
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply


def routes() -> list[Route]:
    return [
        list_route("GET", "/columns", _columns),
        list_route("POST", "/columns", _add_column),
        list_route("PATCH", r"/columns/(?P<column>[^/]+)", _change_column),
    ]


def _columns(call: Call) -> Reply:
    found = open_list(call, "read", 2)
    return json_reply({"value": [_column_json(column) for column in found.columns.values()]})


_FACETS = {
    "Number": "number",
    "User": "personOrGroup",
    "URL": "hyperlinkOrPicture",
    "Boolean": "boolean",
    "Lookup": "lookup",
    "LookupMulti": "lookup",
    "UserMulti": "personOrGroup",
}
"""Of managed metadata Graph says nothing: such a column has no facet at all."""


def _column_json(column: ListColumn) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": column.id,
        "name": column.internal,
        "displayName": column.display,
        "description": column.description,
        "indexed": column.indexed,
        "readOnly": column.read_only,
        "hidden": column.hidden,
        "required": column.required,
        "enforceUniqueValues": column.unique,
    }
    if column.formula:
        body["validation"] = {"formula": column.formula, "descriptions": []}
    match column.type:
        case "Text":
            body["text"] = {"allowMultipleLines": False, "maxLength": 255}
        case "Note":
            kind = "richText" if column.rich else "plain"
            body["text"] = {"allowMultipleLines": True, "linesForEditing": 6, "textType": kind}
        case "Choice" | "MultiChoice":
            body["choice"] = {
                "allowTextEntry": column.fill_in,
                "choices": list(column.choices),
                "displayAs": "dropDownMenu" if column.type == "Choice" else "checkBoxes",
            }
        case "DateTime":
            body["dateTime"] = {"displayAs": "default", "format": "dateOnly" if column.date_only else "dateTime"}
        case kind if kind in _FACETS:
            body[_FACETS[kind]] = {}
    return body


def _add_column(call: Call) -> Reply:
    found = open_list(call, "manage", 2)
    body = call.json()
    column = new_column(body)
    found.add_column(column)
    return json_reply(_column_json(column), 201)


def _change_column(call: Call) -> Reply:
    """Of a column only its description and index can be changed here. Graph knows no formatting."""
    found = open_list(call, "manage", 2)
    column = next((known for known in found.columns.values() if known.id == call.groups["column"]), None)
    if column is None:
        raise Failure(404, "itemNotFound", "The specified column was not found")
    body = call.json()
    unknown = body.keys() - {"description", "indexed"}
    if unknown:
        raise Failure(400, "invalidRequest", f"The property '{min(unknown)}' cannot be changed here.")
    if body.get("indexed"):
        found.index(column)
    elif "indexed" in body:
        column.indexed = False
    column.description = str(body.get("description", column.description) or "")
    return json_reply(_column_json(column))


def new_column(body: Mapping[str, Any]) -> ListColumn:
    """Of a column's definition, which names its type by the facet it has."""
    name = str(body.get("name") or "")
    if not name:
        raise Failure(400, "invalidRequest", "A column needs a name.")
    column = ListColumn(
        internal_name(name),
        str(body.get("displayName") or name),
        indexed=bool(body.get("indexed")),
        description=str(body.get("description") or ""),
    )
    if "choice" in body:
        column.type, column.choices = "Choice", tuple(body["choice"].get("choices", ()))
        column.fill_in = bool(body["choice"].get("allowTextEntry"))
    elif "dateTime" in body:
        column.type, column.date_only = "DateTime", body["dateTime"].get("format") == "dateOnly"
    elif "text" in body:
        column.type = "Note" if body["text"].get("allowMultipleLines") else "Text"
        column.rich = body["text"].get("textType") == "richText"
    elif "number" in body:
        column.type = "Number"
    elif "boolean" in body:
        column.type = "Boolean"
        column.default = {"1": True, "0": False}.get(str((body.get("defaultValue") or {}).get("value")))
    else:
        raise Failure(400, "invalidRequest", "A column needs one type facet.")
    return column
