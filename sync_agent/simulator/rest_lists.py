"""SharePoint REST's lists with their columns and views."""

from __future__ import annotations

import uuid
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

from sync_agent.simulator import rest_json
from sync_agent.simulator.lists import ListColumn, SharePointList, entity_type, generic_list, internal_name
from sync_agent.simulator.rest_access import API, INVALID, LIST, list_of, rest_route, site_of
from sync_agent.simulator.rest_changes import current_token
from sync_agent.simulator.wire import Call, Failure, Reply, Route

_TYPES = {
    "Text": 2,
    "Note": 3,
    "DateTime": 4,
    "Counter": 5,
    "Choice": 6,
    "Boolean": 8,
    "Number": 9,
    "URL": 11,
    "Computed": 12,
    "Attachments": 19,
    "User": 20,
    "Lookup": 7,
    "MultiChoice": 15,
}
_GENERIC = 100
"""ListTemplateType.GenericList."""
_INTERNAL_NAME_HINT = 8
"""AddFieldOptions.AddFieldInternalNameHint."""
_TO_DEFAULT_VIEW = 16
"""AddFieldOptions.AddFieldToDefaultView."""
_BAD_ARGUMENT = "-2147024809, System.ArgumentException"

_FIELD = r"/fields(?:/getbyid\('(?P<field>[^']+)'\)|\(guid'(?P<field_guid>[^']+)'\)|\('(?P<field_plain>[^']+)'\))"


def routes() -> list[Route]:
    return [
        rest_route("GET", API + "/web/lists", _lists),
        rest_route("POST", API + "/web/lists(?:/add)?", _make_list),
        rest_route("GET", LIST, one_list),
        *(rest_route(method, LIST, _change_list) for method in ("POST", "PATCH", "MERGE")),
        rest_route("GET", LIST + "/fields", _fields),
        rest_route("POST", LIST + "/fields/createfieldasxml", _create_field),
        *(rest_route(method, LIST + _FIELD, _change_field) for method in ("POST", "PATCH", "MERGE")),
        rest_route("GET", LIST + "/views", _views),
        rest_route("POST", LIST + "/views(?:/add)?", _add_view),
    ]


def _lists(call: Call) -> Reply:
    site = site_of(call, "read", 2)
    values = [
        (rest_json.selected(call, _list_json(found, rest_json.shape(call))), None) for found in site.lists.values()
    ]
    return rest_json.many(call, "SP.List", call.world.origin + call.path, values)


def one_list(call: Call) -> Reply:
    found = list_of(call, "read", 1)
    return rest_json.one(
        call,
        "SP.List",
        call.world.origin + call.path,
        rest_json.selected(call, _list_json(found, rest_json.shape(call))),
    )


def _make_list(call: Call) -> Reply:
    """Takes the right to manage lists, which with Sites.Selected is the role manage on the site."""
    site = site_of(call, "manage", 2, list_alone=False)
    wanted = rest_json.entity(call, "SP.List")
    title = str(wanted.get("Title") or "")
    if not title:
        raise Failure(400, _BAD_ARGUMENT, "A list needs a title.")
    if wanted.get("BaseTemplate") != _GENERIC:
        raise Failure(501, _BAD_ARGUMENT, "The embedded Microsoft 365 makes lists of the base template 100 alone.")
    if any(known.title.lower() == title.lower() for known in site.lists.values()):
        message = "A list, survey, discussion board, or document library with the specified title already exists."
        raise Failure(500, "-2130575342, Microsoft.SharePoint.SPException", message)
    made = generic_list(title)
    site.lists[made.id] = made
    reply = rest_json.one(call, "SP.List", call.world.origin + call.path, _list_json(made, rest_json.shape(call)))
    reply.status = 201
    return reply


def _change_list(call: Call) -> Reply:
    """Only whether versions are kept can be changed here."""
    found = list_of(call, "manage", 2)
    method = call.headers.get("x-http-method", "").upper() if call.method == "POST" else call.method
    if method not in ("MERGE", "PATCH"):
        raise Failure(400, INVALID, "The HTTP method POST is not allowed here.")
    values = rest_json.entity(call, "SP.List")
    unknown = values.keys() - {"EnableVersioning"}
    if unknown:
        raise Failure(400, INVALID, f"The property '{min(unknown)}' cannot be changed here.")
    found.versioning = bool(values.get("EnableVersioning", found.versioning))
    return Reply(204)


def _list_json(found: SharePointList, shape: str) -> dict[str, Any]:
    return {
        "Id": found.id,
        "Title": found.title,
        "ItemCount": len(found.items),
        "EnableVersioning": found.versioning,
        "EnableModeration": found.approval,
        "ValidationFormula": found.formula or None,
        "ListItemEntityTypeFullName": entity_type(found),
        "CurrentChangeToken": current_token(found, shape),
        "BaseTemplate": _GENERIC,
        "Hidden": False,
    }


def _fields(call: Call) -> Reply:
    found = list_of(call, "read", 2)
    values = [(rest_json.selected(call, _field_json(column)), None) for column in found.columns.values()]
    return rest_json.many(call, "SP.Field", call.world.origin + call.path, values)


def _field_json(column: ListColumn) -> dict[str, Any]:
    value: dict[str, Any] = {
        "Id": column.id,
        "InternalName": column.internal,
        "StaticName": column.internal,
        "EntityPropertyName": f"OData_{column.internal}" if column.internal.startswith("_") else column.internal,
        "Title": column.display,
        "TypeAsString": column.type,
        "FieldTypeKind": _TYPES.get(column.type, 0),
        "Description": column.description,
        "CustomFormatter": column.formatter or None,
        "ReadOnlyField": column.read_only,
        "Hidden": column.hidden,
        "Indexed": column.indexed,
        "Required": column.required,
        "EnforceUniqueValues": column.unique,
        "ValidationFormula": column.formula or None,
    }
    if column.type in ("Lookup", "LookupMulti", "User", "UserMulti"):
        value |= {"LookupField": column.lookup_field}
    if column.type in ("Choice", "MultiChoice"):
        value |= {"Choices": list(column.choices), "FillInChoice": column.fill_in}
    if column.type == "Note":
        value |= {"RichText": column.rich}
    if column.type == "DateTime":
        value |= {"DisplayFormat": 0 if column.date_only else 1}
    return value


def _create_field(call: Call) -> Reply:
    found = list_of(call, "manage", 2)
    parameters = call.json().get("parameters") or {}
    column = _new_column(parameters)
    try:
        found.add_column(column)
    except Failure as error:
        raise Failure(500, "-2130575294, Microsoft.SharePoint.SPDuplicateFieldException", error.message) from error
    if int(parameters.get("Options") or 0) & _TO_DEFAULT_VIEW:
        next(iter(found.views.values()))["ViewFields"].append(column.internal)
    return rest_json.one(call, "SP.Field", call.world.origin + call.path, _field_json(column))


def _new_column(parameters: dict[str, Any]) -> ListColumn:
    """The internal name comes of the display name, unless an option takes the schema's as a hint."""
    try:
        schema = fromstring(parameters.get("SchemaXml") or "")
    except ParseError as error:
        raise Failure(400, _BAD_ARGUMENT, "The field schema is not valid XML.") from error
    display = schema.get("DisplayName") or schema.get("Name") or ""
    hinted = int(parameters.get("Options") or 0) & _INTERNAL_NAME_HINT
    return ListColumn(
        internal_name(schema.get("Name", display) if hinted else display),
        display,
        schema.get("Type", "Text"),
        tuple(choice.text or "" for choice in schema.iter("CHOICE")),
        fill_in=schema.get("FillInChoice", "").upper() == "TRUE",
        indexed=schema.get("Indexed", "").upper() == "TRUE",
        description=schema.get("Description", ""),
        rich=schema.get("RichText", "").upper() == "TRUE",
        date_only=schema.get("Format") == "DateOnly",
        default=_default(schema.get("Type", "Text"), schema.findtext("Default")),
    )


def _default(kind: str, written: str | None) -> Any:
    return {"1": True, "0": False}.get(written or "") if kind == "Boolean" else written


def _change_field(call: Call) -> Reply:
    """Only what people read of a column, and its index, can be changed here."""
    found = list_of(call, "manage", 2)
    method = call.headers.get("x-http-method", "").upper() if call.method == "POST" else call.method
    if method not in ("MERGE", "PATCH"):
        raise Failure(400, INVALID, "The HTTP method POST is not allowed here.")
    wanted = next(call.groups[name] for name in ("field", "field_guid", "field_plain") if call.groups[name])
    column = next((known for known in found.columns.values() if known.id == wanted.strip("{}").lower()), None)
    if column is None:
        raise Failure(400, _BAD_ARGUMENT, "Column does not exist. It may have been deleted by another user.")
    values = rest_json.entity(call, "SP.Field", f"SP.Field{column.type}")
    unknown = values.keys() - {"Description", "Indexed", "CustomFormatter"}
    if unknown:
        raise Failure(400, INVALID, f"The property '{min(unknown)}' cannot be changed here.")
    if values.get("Indexed"):
        found.index(column)
    elif "Indexed" in values:
        column.indexed = False
    column.description = str(values.get("Description", column.description) or "")
    column.formatter = str(values.get("CustomFormatter", column.formatter) or "")
    return Reply(204)


def _views(call: Call) -> Reply:
    found = list_of(call, "read", 2)
    values = [(rest_json.selected(call, _view_json(call, view)), None) for view in found.views.values()]
    return rest_json.many(call, "SP.View", call.world.origin + call.path, values)


def _view_json(call: Call, view: dict[str, Any]) -> dict[str, Any]:
    """Its columns are told only when expanded."""
    title = view["Title"]
    value = {
        "Id": str(uuid.uuid5(uuid.NAMESPACE_OID, title)),
        "Title": title,
        "ViewQuery": view.get("ViewQuery", ""),
        "PersonalView": False,
    }
    if "ViewFields" in call.query.get("$expand", ""):
        schema = "".join(f'<FieldRef Name="{name}" />' for name in view["ViewFields"])
        items = list(view["ViewFields"])
        verbose = rest_json.shape(call) == "verbose"
        value["ViewFields"] = {"Items": {"results": items} if verbose else items, "SchemaXml": schema}
    return value


def _add_view(call: Call) -> Reply:
    found = list_of(call, "manage", 2)
    body = call.json()
    wanted = body.get("parameters", body)
    title = str(wanted.get("Title") or "")
    if not title:
        raise Failure(400, _BAD_ARGUMENT, "A view needs a title.")
    fields = wanted.get("ViewFields") or {}
    names = fields.get("results", []) if isinstance(fields, dict) else fields
    unknown = [name for name in names if name not in found.columns]
    if unknown:
        raise Failure(400, _BAD_ARGUMENT, f"Column '{unknown[0]}' does not exist.")
    query = str(wanted.get("Query") or wanted.get("ViewQuery") or "")
    try:
        asked = fromstring(f"<View>{query}</View>")
    except ParseError as error:
        raise Failure(400, _BAD_ARGUMENT, "The view's query is not valid XML.") from error
    lost = [ref.get("Name") for ref in asked.iter("FieldRef") if ref.get("Name") not in found.columns]
    if lost:
        raise Failure(400, _BAD_ARGUMENT, f"Column '{lost[0]}' does not exist.")
    found.views[title] = {"Title": title, "ViewFields": list(names), "ViewQuery": query}
    return rest_json.one(call, "SP.View", call.world.origin + call.path, {"Title": title})
