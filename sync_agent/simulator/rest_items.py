"""SharePoint REST's list items: read in pages, one by one, merged, and changed by forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from sync_agent.simulator import rest_json, rest_lists
from sync_agent.simulator.cell_json import LEADING_ELSEWHERE, rest_cells, rest_part
from sync_agent.simulator.lists import SERVICE, ListColumn, ListItem, Person, SharePointList, entity_type
from sync_agent.simulator.rest_access import INVALID, LIST, list_of, rest_route
from sync_agent.simulator.rest_forms import validate_update
from sync_agent.simulator.rest_query import following_ids, page_size, wanted_ids
from sync_agent.simulator.wire import Call, Failure, Reply, Route

_ITEM = LIST + r"/items(?:\((?P<item>\d+)\)|/getbyid\((?P<item2>\d+)\)|/getitembyid\((?P<item3>\d+)\))"


def routes() -> list[Route]:
    return [
        rest_route("GET", LIST + "/items", _items),
        rest_route("POST", LIST + "/items", _make),
        rest_route("GET", _ITEM, _item),
        rest_route("GET", _ITEM + "/parentlist", rest_lists.one_list),
        *(rest_route(method, _ITEM, _merge) for method in ("POST", "PATCH", "MERGE")),
        rest_route("POST", _ITEM + "/validateupdatelistitem", _validate_update),
    ]


def _items(call: Call) -> Reply:
    found = list_of(call, "read", 2)
    top = page_size(call)
    ids = following_ids(wanted_ids(call, found), call.query.get("$skiptoken"))
    values = [_item_json(call, found, found.items[id_]) for id_ in ids[:top]]
    following = _next_page(call, ids[top - 1]) if len(ids) > top else None
    return rest_json.many(call, entity_type(found), f"{call.world.origin}{call.path}", values, following)


def _next_page(call: Call, last: int) -> str:
    kept = "&".join(f"{quote(k)}={quote(v, safe='(),/')}" for k, v in call.query.items() if k != "$skiptoken")
    token = quote(f"Paged=TRUE&p_ID={last}")
    return f"{call.world.origin}{quote(call.path)}?{kept}{'&' if kept else ''}%24skiptoken={token}"


def _item_json(call: Call, found: SharePointList, item: ListItem) -> tuple[dict[str, Any], str]:
    """The properties asked for, null where there is no value; and the ETag."""
    whole = _whole(found, item)
    select = call.query.get("$select")
    if select is None:
        return whole, _etag(item)
    expand = call.query.get("$expand", "").split(",")
    value: dict[str, Any] = {}
    for name in select.split(","):
        leading, _, part = name.partition("/")
        column = found.columns.get(leading)
        if column is not None and column.type in LEADING_ELSEWHERE and not column.read_only:
            value[leading] = _led_to(item, column, part, expand)
        elif part:
            value.setdefault(leading, {})[part] = _part_of_person(item, leading, part, expand)
        elif name in whole:
            value[name] = whole[name]
        else:
            raise Failure(
                400, "-1, Microsoft.SharePoint.SPException", f"The field or property '{name}' does not exist."
            )
    return value, _etag(item)


def _whole(found: SharePointList, item: ListItem) -> dict[str, Any]:
    system = item.system_fields()
    return {
        **rest_cells(item.fields, (column for column in found.columns.values() if not column.read_only)),
        "Id": item.id,
        "ID": item.id,
        "GUID": item.unique_id,
        "FileSystemObjectType": int(item.is_folder),
        "Modified": system["Modified"],
        "Created": system["Created"],
        "AuthorId": item.author.id,
        "EditorId": item.editor.id,
        "OData__UIVersionString": system["_UIVersionString"],
    }


def _part_of_person(item: ListItem, role: str, part: str, expand: Sequence[str]) -> Any:
    people: dict[str, Person] = {"Editor": item.editor, "Author": item.author}
    if role not in expand or role not in people:
        raise _no_such_query(role, part)
    person = people[role]
    return {"Name": person.login, "Title": person.name, "Id": person.id}.get(part)


def _led_to(item: ListItem, column: ListColumn, part: str, expand: Sequence[str]) -> Any:
    """One part of what a lookup or person column leads to; more than one part of it nobody asks for here."""
    value = item.fields.get(column.internal)
    if column.internal not in expand or not part:
        raise _no_such_query(column.internal, part)
    if value is None:
        return None
    several = value if isinstance(value, list) else [value]
    parts = [{part: rest_part(one, column, part)} for one in several]
    return parts if isinstance(value, list) else parts[0]


def _no_such_query(name: str, part: str) -> Failure:
    return Failure(
        400,
        INVALID,
        f"The query to field '{name}/{part}' is not valid. The $select query string must specify the target fields "
        f"and the $expand query string must contain {name}.",
    )


def _etag(item: ListItem) -> str:
    return f'"{item.revision}"'


def _item_of(call: Call, found: SharePointList) -> ListItem:
    item = found.items.get(int(call.groups["item"] or call.groups["item2"] or call.groups["item3"]))
    if item is None:
        message = "Item does not exist. It may have been deleted by another user."
        raise Failure(404, "-2130575338, Microsoft.SharePoint.SPException", message)
    return item


def _item(call: Call) -> Reply:
    found = list_of(call, "read", 1)
    item = _item_of(call, found)
    value, etag = _item_json(call, found, item)
    reply = rest_json.one(call, entity_type(found), call.world.origin + call.path, value, etag)
    reply.headers["etag"] = etag
    return reply


def _merge(call: Call) -> Reply:
    """A new version. MERGE is the method itself (the Office365 library in batches), or a POST's X-HTTP-Method."""
    found = list_of(call, "write", 2)
    item = _item_of(call, found)
    method = call.headers.get("x-http-method", "").upper() if call.method == "POST" else call.method
    if method not in ("MERGE", "PATCH"):
        raise Failure(400, INVALID, "The HTTP method POST is not allowed here.")
    wanted = call.headers.get("if-match")
    if wanted is None:
        code = "-1, Microsoft.SharePoint.Client.ClientServiceException"
        raise Failure(412, code, "The request ETag value is missing.")
    if wanted not in ("*", _etag(item)):
        raise Failure(412, INVALID, "The request ETag value does not match the object's ETag value.")
    found.edit(item.id, _merged(call, found), SERVICE)
    return Reply(204, b"", {"etag": _etag(item)})


def _make(call: Call) -> Reply:
    found = list_of(call, "write", 2)
    item = found.items[found.add(_merged(call, found), SERVICE)]
    address = f"{call.world.origin}{call.path}({item.id})"
    reply = rest_json.one(call, entity_type(found), address, _whole(found, item), _etag(item))
    reply.status = 201
    reply.headers |= {"etag": _etag(item), "location": address}
    return reply


def _merged(call: Call, found: SharePointList) -> dict[str, Any]:
    body = rest_json.entity(call, entity_type(found), "SP.ListItem")
    values = {}
    for name, value in body.items():
        column = found.columns.get(name)
        if column is None:
            raise Failure(400, INVALID, f"The property '{name}' does not exist on type '{entity_type(found)}'.")
        try:
            values[name] = found.accept(column, value)
        except ValueError as error:
            raise Failure(400, "-2130575340, Microsoft.SharePoint.SPFieldValidationException", str(error)) from error
    return values


def _validate_update(call: Call) -> Reply:
    found = list_of(call, "write", 2)
    item = _item_of(call, found)
    site = call.world.sites[call.groups["site"].lower()]
    return rest_json.result_of(call, "ValidateUpdateListItem", validate_update(site, found, item, call.json()))
