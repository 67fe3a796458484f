"""`…/items/delta` of a list by Graph: everything by pages, or what changed since a token (listitem-delta).

The feed shows the latest state of each item. What a link asks for ($select, $expand, $top) it goes on asking for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sync_agent.simulator.change_log import LoggedChange, NoSuchPosition, Position
from sync_agent.simulator.delta_token import DeltaToken, read_token
from sync_agent.simulator.graph_lists import item_renderer, list_route, open_list, page_size
from sync_agent.simulator.lists import ListItem, SharePointList
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply

_LATEST = "latest"
_UNSUPPORTED = ("$filter", "$orderby", "$search", "$skip", "$count")


def routes() -> list[Route]:
    return [list_route("GET", "/items/delta", _delta)]


def _delta(call: Call) -> Reply:
    """With a token one unit, without one two (how to avoid getting throttled)."""
    text = call.query.get("token")
    found = open_list(call, "read", 2 if text is None else 1)
    for option in _UNSUPPORTED:
        if option in call.query:
            raise Failure(400, "invalidRequest", f"{option} is not supported by delta.")
    size = page_size(call)
    here = DeltaToken(found.id, Position(found.clock(), found.log.last))
    if text == _LATEST:
        return _page(call, [], None, here)
    token = DeltaToken(found.id, here.position, 0) if text is None else _read(call, found, text)
    if token.after is not None:
        return _enumerated(call, found, token, size)
    return _followed(call, found, token, here, size)


def _enumerated(call: Call, found: SharePointList, token: DeltaToken, size: int) -> Reply:
    ids = [id_ for id_ in sorted(found.items) if id_ > int(token.after or 0)]
    render = item_renderer(call, found)
    value = [render(found.items[id_]) for id_ in ids[:size]]
    if len(ids) > size:
        return _page(call, value, DeltaToken(found.id, token.position, ids[size - 1]), None)
    return _page(call, value, None, DeltaToken(found.id, token.position))


def _followed(call: Call, found: SharePointList, token: DeltaToken, here: DeltaToken, size: int) -> Reply:
    try:
        changes = list(found.log.after(token.position, here.position.time))
    except NoSuchPosition as error:
        raise _resync(call) from error
    latest = sorted({change.subject.id: change for change in changes}.values(), key=lambda change: change.number)
    value = [_changed(call, found, change) for change in latest[:size]]
    if len(latest) > size:
        return _page(call, value, DeltaToken(found.id, Position(here.position.time, latest[size - 1].number)), None)
    return _page(call, value, None, here)


def _changed(call: Call, found: SharePointList, change: LoggedChange[ListItem]) -> dict[str, Any]:
    item = found.items.get(change.subject.id)
    if item is None:
        return {"id": str(change.subject.id), "deleted": {"state": "deleted"}}
    return item_renderer(call, found)(item)


def _page(call: Call, value: list[dict[str, Any]], following: DeltaToken | None, delta: DeltaToken | None) -> Reply:
    body: dict[str, Any] = {"value": value}
    if following is not None:
        body["@odata.nextLink"] = _link(call, {"token": str(following)})
    if delta is not None:
        body["@odata.deltaLink"] = _link(call, {"token": str(delta)})
    return json_reply(body)


def _link(call: Call, more: Mapping[str, str]) -> str:
    query = {**{name: value for name, value in call.query.items() if name != "token"}, **more}
    written = "&".join(f"{name}={quote(value, safe='(),$=')}" for name, value in query.items())
    return f"{call.world.origin}{quote(call.path)}" + (f"?{written}" if written else "")


def _read(call: Call, found: SharePointList, text: str) -> DeltaToken:
    try:
        token = read_token(text)
    except ValueError as error:
        raise _resync(call) from error
    if token.of != found.id:
        raise _resync(call)
    return token


def _resync(call: Call) -> Failure:
    message = "The delta token is no longer valid, and the app must reset the sync state."
    return Failure(410, "resyncChangesApplyDifferences", message, {"location": _link(call, {})})
