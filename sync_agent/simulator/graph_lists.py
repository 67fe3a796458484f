"""Sites and lists by Microsoft Graph."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from sync_agent.simulator import access, limits
from sync_agent.simulator.cell_json import graph_cells
from sync_agent.simulator.lists import SERVICE, ListItem, Person, SharePointList
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
        route("GET", _LIST + "/items", _items),
        route("GET", _LIST + r"/items/(?P<item>\d+)", _item),
        route("GET", _LIST + r"/items/(?P<item>\d+)/fields", _fields),
        route("PATCH", _LIST + r"/items/(?P<item>\d+)/fields", _patch),
    ]


def list_route(method: str, below: str, handler: Callable[[Call], Reply]) -> Route:
    """Of what lies below a list."""
    return route(method, _LIST + below, handler)


def site_route(method: str, below: str, handler: Callable[[Call], Reply]) -> Route:
    """Of what lies below a site."""
    return route(method, _SITE + below, handler)


def open_list(call: Call, role: str, units: float) -> SharePointList:
    """The list asked about, its use charged and allowed. Raises Failure."""
    site = site_of(call, role, units)
    found = site.find(call.groups["list"])
    if found is None:
        raise Failure(404, "itemNotFound", "The specified list was not found")
    return found


def site_of(call: Call, role: str, units: float, *, list_alone: bool = True) -> Site:
    """A tenant knows its own sites only."""
    who = _caller(call, units)
    for site in call.world.sites.values():
        if site.tenant_id == who.tenant.id and _site_id(call, site) == call.groups["site"]:
            access.require(who, site, role, list_alone=list_alone)
            return site
    raise Failure(404, "itemNotFound", "The provided site id is not valid or the site does not exist")


def _caller(call: Call, units: float) -> Principal:
    who = graph_principal(call)
    limits.charge_sharepoint(call, who, units)
    return who


def _site_id(call: Call, site: Site) -> str:
    return f"{urlsplit(call.world.origin).hostname},{site.id},{site.id[::-1]}"


def _site_by_path(call: Call) -> Reply:
    who = _caller(call, 1)
    host = urlsplit(call.world.origin)
    site = call.world.sites.get(call.groups["path"].rstrip("/").lower())
    if call.groups["host"].lower() not in (host.hostname, host.netloc) or (site and site.tenant_id != who.tenant.id):
        raise Failure(400, "invalidRequest", "Invalid hostname for this tenancy")
    if site is None:
        raise Failure(404, "itemNotFound", "Requested site could not be found")
    access.require(who, site, "read")
    return json_reply(_site_json(call, site))


def _site(call: Call) -> Reply:
    return json_reply(_site_json(call, site_of(call, "read", 1)))


def _site_json(call: Call, site: Site) -> dict[str, Any]:
    value = {
        "id": _site_id(call, site),
        "name": site.path.rpartition("/")[2],
        "displayName": site.title,
        "webUrl": f"{call.world.origin}{site.path}",
    }
    return _selected(call, value)


def _selected(call: Call, value: dict[str, Any]) -> dict[str, Any]:
    """What is asked for and does not exist is passed over here, unlike in the directory."""
    select = call.query.get("$select")
    return value if select is None else {name: value[name] for name in select.split(",") if name in value}


def _lists(call: Call) -> Reply:
    site = site_of(call, "read", 2)
    return json_reply({"value": [list_json(call, found) for found in site.lists.values()]})


def _one_list(call: Call) -> Reply:
    return json_reply(list_json(call, open_list(call, "read", 1)))


def list_json(call: Call, found: SharePointList) -> dict[str, Any]:
    value = {
        "id": found.id,
        "name": found.title,
        "displayName": found.title,
        "list": {"template": "genericList", "contentTypesEnabled": False, "hidden": False},
    }
    return _selected(call, value)


def _items(call: Call) -> Reply:
    found = open_list(call, "read", 2)
    if "$filter" in call.query:
        raise Failure(400, "invalidRequest", "Field cannot be referenced in filter or orderby as it is not indexed.")
    after = _after(call.query.get("$skiptoken"))
    size = page_size(call)
    ids = [id_ for id_ in sorted(found.items) if id_ > after]
    render = item_renderer(call, found)
    body: dict[str, Any] = {"value": [render(found.items[id_]) for id_ in ids[:size]]}
    if len(ids) > size:
        kept = "&".join(f"{k}={quote(v, safe='(),$=')}" for k, v in call.query.items() if k != "$skiptoken")
        token = quote(base64.b64encode(f"Paged=TRUE&p_ID={ids[size - 1]}".encode()).decode())
        body["@odata.nextLink"] = f"{call.world.origin}{quote(call.path)}?{kept}&$skiptoken={token}"
    return json_reply(body)


def page_size(call: Call) -> int:
    top = call.query.get("$top", str(_DEFAULT_PAGE))
    if not top.isdigit() or int(top) < 1:
        raise Failure(400, "invalidRequest", "The value of $top is not valid.")
    return min(int(top), _LARGEST_PAGE)


def _after(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token).rpartition(b"=")[2])
    except ValueError as error:
        raise Failure(400, "invalidRequest", "The skip token is not valid.") from error


def item_renderer(call: Call, found: SharePointList) -> Callable[[ListItem], dict[str, Any]]:
    """Makes an item's JSON as $select and $expand want it."""
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
            "lastModifiedBy": _identities(item.editor),
            "createdDateTime": item.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "contentType": {
                "id": "0x0120" if item.is_folder else "0x0100AB",
                "name": "Folder" if item.is_folder else "Item",
            },
        }
        if select is not None:
            body = {name: value for name, value in body.items() if name in select or name == "@odata.etag"}
        if fields:
            body["fields"] = fields_json(found, item, names)
        return body

    return render


def _identities(person: Person) -> dict[str, Any]:
    """An identitySet: a person with the address, or an app by its name."""
    if person is SERVICE:
        return {"application": {"displayName": person.name}}
    return {"user": {"displayName": person.name, "email": person.login.rpartition("|")[2]}}


def fields_json(found: SharePointList, item: ListItem, names: Sequence[str] | None) -> dict[str, Any]:
    """A field without value is absent, and so is one that the list does not have."""
    known = {"id": str(item.id), **item.system_fields(), **graph_cells(item.fields, found.columns, names)}
    if names is not None:
        known = {name: known[name] for name in names if name in known}
    return {"@odata.etag": item.etag, **known}


def _found_item(call: Call, found: SharePointList) -> ListItem:
    item = found.items.get(int(call.groups["item"]))
    if item is None:
        raise Failure(404, "itemNotFound", "The specified item was not found")
    return item


def _item(call: Call) -> Reply:
    found = open_list(call, "read", 1)
    item = _found_item(call, found)
    return json_reply(item_renderer(call, found)(item), headers={"etag": item.etag})


def _fields(call: Call) -> Reply:
    found = open_list(call, "read", 1)
    item = _found_item(call, found)
    select = call.query.get("$select")
    return json_reply(fields_json(found, item, select.split(",") if select else None), headers={"etag": item.etag})


def _patch(call: Call) -> Reply:
    found = open_list(call, "write", 2)
    item = _found_item(call, found)
    if call.headers.get("if-match", "*") not in ("*", item.etag):
        raise Failure(412, "resourceModified", "ETag does not match current item's value")
    values = accepted(found, call.json())
    found.edit(item.id, values, SERVICE)
    return json_reply(fields_json(found, item, None), headers={"etag": item.etag})


def accepted(found: SharePointList, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are stored. Raises Failure for a field that the list does not have or a value it does not
    take.
    """
    values = {}
    for name, value in fields.items():
        column = found.columns.get(name)
        if column is None:
            raise Failure(400, "invalidRequest", f"Field '{name}' is not recognized")
        try:
            values[name] = found.accept(column, value)
        except ValueError as error:
            raise Failure(400, "invalidRequest", str(error)) from error
    return values
