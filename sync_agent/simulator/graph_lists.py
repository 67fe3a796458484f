"""Sites and lists by Microsoft Graph."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from sync_agent.simulator import access
from sync_agent.simulator.lists import SERVICE, ListColumn, ListItem, SharePointList, internal_name
from sync_agent.simulator.tokens import Principal, graph_principal
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply, route
from sync_agent.simulator.world import Site

_LARGEST_PAGE = 2_000
_DEFAULT_PAGE = 200
_SITE = r"/v1\.0/sites/(?P<site>[^/:]+)"
_LIST = _SITE + r"/lists/(?P<list>[^/]+)"


def routes() -> list[Route]:
    return [
        route("GET", r"/v1\.0/sites/(?P<host>[^/]+?):(?P<path>/[^:]+):?", _site_by_path),
        route("GET", _SITE, _site),
        route("GET", _SITE + "/lists", _lists),
        route("GET", _LIST, _one_list),
        route("GET", _LIST + "/columns", _columns),
        route("POST", _LIST + "/columns", _add_column),
        route("GET", _LIST + "/items", _items),
        route("GET", _LIST + r"/items/(?P<item>\d+)", _item),
        route("GET", _LIST + r"/items/(?P<item>\d+)/fields", _fields),
        route("PATCH", _LIST + r"/items/(?P<item>\d+)/fields", _patch),
    ]


def _open(call: Call, role: str, units: float) -> tuple[Site, SharePointList, Principal, dict[str, str]]:
    site, principal = _site_of(call, role)
    headers = access.charge(call.world, principal, units)
    found = site.find(call.groups["list"])
    if found is None:
        raise Failure(404, "itemNotFound", "The specified list was not found")
    return site, found, principal, headers


def _site_of(call: Call, role: str) -> tuple[Site, Principal]:
    principal = graph_principal(call)
    site = next((site for site in call.world.sites.values() if _site_id(call, site) == call.groups["site"]), None)
    if site is None:
        raise Failure(404, "itemNotFound", "The provided site id is not valid or the site does not exist")
    access.require(call.world, principal, site, role)
    return site, principal


def _site_id(call: Call, site: Site) -> str:
    return f"{urlsplit(call.world.origin).hostname},{site.id},{site.id[::-1]}"


def _site_by_path(call: Call) -> Reply:
    principal = graph_principal(call)
    host = urlsplit(call.world.origin)
    if call.groups["host"].lower() not in (host.hostname, host.netloc):
        raise Failure(400, "invalidRequest", "Invalid hostname for this tenancy")
    site = call.world.sites.get(call.groups["path"].rstrip("/").lower())
    if site is None:
        raise Failure(404, "itemNotFound", "Requested site could not be found")
    access.require(call.world, principal, site, "read")
    return json_reply(_site_json(call, site), headers=access.charge(call.world, principal, 1))


def _site(call: Call) -> Reply:
    site, principal = _site_of(call, "read")
    return json_reply(_site_json(call, site), headers=access.charge(call.world, principal, 1))


def _site_json(call: Call, site: Site) -> dict[str, Any]:
    web = f"{call.world.origin}{site.path}"
    return {"id": _site_id(call, site), "name": site.path.rpartition("/")[2], "displayName": site.title, "webUrl": web}


def _lists(call: Call) -> Reply:
    site, principal = _site_of(call, "read")
    headers = access.charge(call.world, principal, 2)
    return json_reply({"value": [_list_json(found) for found in site.lists.values()]}, headers=headers)


def _one_list(call: Call) -> Reply:
    _, found, _, headers = _open(call, "read", 1)
    return json_reply(_list_json(found), headers=headers)


def _list_json(found: SharePointList) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.title,
        "displayName": found.title,
        "list": {"template": "genericList", "contentTypesEnabled": False, "hidden": False},
    }


def _columns(call: Call) -> Reply:
    _, found, _, headers = _open(call, "read", 2)
    return json_reply({"value": [_column_json(column) for column in found.columns.values()]}, headers=headers)


_FACETS = {
    "Number": "number",
    "User": "personOrGroup",
    "URL": "hyperlinkOrPicture",
    "Boolean": "boolean",
    "Lookup": "lookup",
}


def _column_json(column: ListColumn) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": column.internal,
        "name": column.internal,
        "displayName": column.display,
        "description": column.description,
        "indexed": column.indexed,
        "readOnly": column.read_only,
        "hidden": column.hidden,
        "required": False,
    }
    match column.type:
        case "Text":
            body["text"] = {"allowMultipleLines": False, "maxLength": 255}
        case "Note":
            kind = "richText" if column.rich else "plain"
            body["text"] = {"allowMultipleLines": True, "linesForEditing": 6, "textType": kind}
        case "Choice":
            body["choice"] = {
                "allowTextEntry": column.fill_in,
                "choices": list(column.choices),
                "displayAs": "dropDownMenu",
            }
        case "DateTime":
            body["dateTime"] = {"displayAs": "default", "format": "dateOnly" if column.date_only else "dateTime"}
        case kind if kind in _FACETS:
            body[_FACETS[kind]] = {}
    return body


def _add_column(call: Call) -> Reply:
    _, found, _, headers = _open(call, "manage", 2)
    body = call.json()
    name = str(body.get("name") or "")
    if not name:
        raise Failure(400, "invalidRequest", "A column needs a name.")
    column = ListColumn(
        internal_name(name), str(body.get("displayName") or name), description=str(body.get("description") or "")
    )
    if "choice" in body:
        column.type, column.choices = "Choice", tuple(body["choice"].get("choices", ()))
        column.fill_in = bool(body["choice"].get("allowTextEntry"))
    elif "dateTime" in body:
        column.type, column.date_only = "DateTime", body["dateTime"].get("format") == "dateOnly"
    elif "text" in body:
        column.type = "Note" if body["text"].get("allowMultipleLines") else "Text"
        column.rich = body["text"].get("textType") == "richText"
    else:
        raise Failure(400, "invalidRequest", "A column needs one type facet.")
    found.add_column(column)
    return json_reply(_column_json(column), 201, headers)


def _items(call: Call) -> Reply:
    _, found, _, headers = _open(call, "read", 2)
    if "$filter" in call.query:
        raise Failure(400, "invalidRequest", "Field cannot be referenced in filter or orderby as it is not indexed.")
    top = call.query.get("$top", str(_DEFAULT_PAGE))
    if not top.isdigit() or int(top) < 1:
        raise Failure(400, "invalidRequest", "The value of $top is not valid.")
    after = _after(call.query.get("$skiptoken"))
    size = min(int(top), _LARGEST_PAGE)
    ids = [id_ for id_ in sorted(found.items) if id_ > after]
    render = _renderer(call)
    body: dict[str, Any] = {"value": [render(found.items[id_]) for id_ in ids[:size]]}
    if len(ids) > size:
        kept = "&".join(f"{k}={quote(v, safe='(),$=')}" for k, v in call.query.items() if k != "$skiptoken")
        token = quote(base64.b64encode(f"Paged=TRUE&p_ID={ids[size - 1]}".encode()).decode())
        body["@odata.nextLink"] = f"{call.world.origin}{quote(call.path)}?{kept}&$skiptoken={token}"
    return json_reply(body, headers=headers)


def _after(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token).rpartition(b"=")[2])
    except ValueError as error:
        raise Failure(400, "invalidRequest", "The skip token is not valid.") from error


def _renderer(call: Call) -> Callable[[ListItem], dict[str, Any]]:
    expand = call.query.get("$expand", "")
    fields = re.fullmatch(r"fields(?:\(\$select=([^)]*)\))?", expand.replace(" ", ""))
    names = fields[1].split(",") if fields and fields[1] else None
    select = set(call.query["$select"].split(",")) if "$select" in call.query else None

    def render(item: ListItem) -> dict[str, Any]:
        stamp = item.modified.strftime("%Y-%m-%dT%H:%M:%SZ")
        body: dict[str, Any] = {
            "@odata.etag": item.etag,
            "id": str(item.id),
            "eTag": item.etag,
            "lastModifiedDateTime": stamp,
            "createdDateTime": item.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "contentType": {
                "id": "0x0120" if item.is_folder else "0x0100AB",
                "name": "Folder" if item.is_folder else "Item",
            },
        }
        if select is not None:
            body = {name: value for name, value in body.items() if name in select or name == "@odata.etag"}
        if fields:
            body["fields"] = _fields_json(item, names)
        return body

    return render


def _fields_json(item: ListItem, names: Sequence[str] | None) -> dict[str, Any]:
    """A field without value is absent."""
    if names is not None:
        return {"@odata.etag": item.etag, **{name: item.fields[name] for name in names if name in item.fields}}
    return {"@odata.etag": item.etag, "id": str(item.id), **item.fields}


def _found_item(call: Call, found: SharePointList) -> ListItem:
    item = found.items.get(int(call.groups["item"]))
    if item is None:
        raise Failure(404, "itemNotFound", "The specified item was not found")
    return item


def _item(call: Call) -> Reply:
    _, found, _, headers = _open(call, "read", 1)
    item = _found_item(call, found)
    return json_reply(_renderer(call)(item), headers={"etag": item.etag, **headers})


def _fields(call: Call) -> Reply:
    _, found, _, headers = _open(call, "read", 1)
    return json_reply(_fields_json(_found_item(call, found), None), headers=headers)


def _patch(call: Call) -> Reply:
    _, found, _, headers = _open(call, "write", 2)
    item = _found_item(call, found)
    wanted = call.headers.get("if-match", "*")
    if wanted not in ("*", item.etag):
        raise Failure(412, "resourceModified", "ETag does not match current item's value")
    values = {}
    for name, value in call.json().items():
        column = found.columns.get(name)
        if column is None:
            raise Failure(400, "invalidRequest", f"Field '{name}' is not recognized")
        try:
            values[name] = found.accept(column, value)
        except ValueError as error:
            raise Failure(400, "invalidRequest", str(error)) from error
    found.edit(item.id, values, SERVICE)
    body = orjson.dumps(_fields_json(item, None))
    return Reply(200, body, {"content-type": "application/json", "etag": item.etag, **headers})
