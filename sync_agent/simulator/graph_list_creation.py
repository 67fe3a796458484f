"""Making lists and items by Microsoft Graph."""

from __future__ import annotations

from typing import Any

from sync_agent.simulator.graph_list_columns import new_column
from sync_agent.simulator.graph_lists import (
    accepted,
    fields_json,
    list_json,
    list_route,
    open_list,
    site_of,
    site_route,
)
from sync_agent.simulator.lists import SERVICE, generic_list
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply


def routes() -> list[Route]:
    return [site_route("POST", "/lists", _make_list), list_route("POST", "/items", _make_item)]


def _make_list(call: Call) -> Reply:
    """list-create: Sites.Manage.All is the least that it takes; with Sites.Selected, the role manage on the site."""
    site = site_of(call, "manage", 2, list_alone=False)
    body = call.json()
    title = str(body.get("displayName") or "")
    if not title:
        raise Failure(400, "invalidRequest", "A list needs a displayName.")
    if (body.get("list") or {}).get("template", "genericList") != "genericList":
        raise Failure(501, "notSupported", "The embedded Microsoft 365 makes lists of the template genericList alone.")
    if any(known.title.lower() == title.lower() for known in site.lists.values()):
        raise Failure(409, "nameAlreadyExists", "Name already exists")
    made = generic_list(title)
    for column in body.get("columns") or ():
        made.add_column(new_column(column))
    site.lists[made.id] = made
    return json_reply(list_json(call, made), 201)


def _make_item(call: Call) -> Reply:
    found = open_list(call, "write", 2)
    item = found.items[found.add(accepted(found, call.json().get("fields") or {}), SERVICE)]
    body: dict[str, Any] = {"id": str(item.id), "eTag": item.etag, "fields": fields_json(found, item, None)}
    return json_reply(body, 201, headers={"etag": item.etag})
