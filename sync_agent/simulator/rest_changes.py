"""SharePoint REST's change log of a list: CurrentChangeToken and GetChanges.

A token is `1;3;list id;ticks;number`: version, scope (3 is a list), of what, when, after which change (SP.ChangeToken).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sync_agent.simulator import rest_json
from sync_agent.simulator.change_log import (
    Done,
    LoggedChange,
    NoSuchPosition,
    Position,
    from_ticks,
    ticks,
)
from sync_agent.simulator.lists import ListItem, SharePointList, iso_time
from sync_agent.simulator.rest_access import INVALID, LIST, list_of, rest_route
from sync_agent.simulator.wire import Call, Failure, Reply, Route

_MOST = 1_000
_DONE = {"Add": Done.ADD, "Update": Done.UPDATE, "DeleteObject": Done.DELETE}
_FLAGS = frozenset(
    {
        *("Activity", "Alert", "ContentType", "Field", "File", "Folder", "Group", "Item", "List", "Navigation"),
        *("SecurityPolicy", "Site", "User", "View", "Web"),
        *("AppConsentPrincipal", "GroupMembershipAdd", "GroupMembershipDelete", "Move", "Rename", "Restore"),
        *("RoleAssignmentAdd", "RoleAssignmentDelete", "RoleDefinitionAdd", "RoleDefinitionDelete"),
        *("RoleDefinitionUpdate", "SystemUpdate"),
        *("IgnoreStartTokenNotFoundError", "LatestFirst", "RecursiveAll", "RequireSecurityTrim"),
        *_DONE,
    }
)
"""What SP.ChangeQuery can be told yes or no: of what, what was done, and how."""
_TOKENS = ("ChangeTokenStart", "ChangeTokenEnd")
_BAD_TOKEN = "-2146233086, System.ArgumentOutOfRangeException"
_FORGOTTEN = "-2130575172, Microsoft.SharePoint.SPInvalidChangeTokenException"


def routes() -> list[Route]:
    return [rest_route("POST", LIST + "/getchanges", _get_changes)]


def current_token(found: SharePointList, shape: str) -> dict[str, Any]:
    return _token_json(found, Position(found.clock(), found.log.last), shape)


def _get_changes(call: Call) -> Reply:
    found = list_of(call, "read", 2)
    query = _query(call)
    changes = _wanted(_between(found, query), query)
    if query.get("LatestFirst"):
        changes.reverse()
    values = [(_change_json(found, change, rest_json.shape(call)), None) for change in changes[: _limit(query)]]
    return rest_json.many(call, "SP.ChangeItem", call.world.origin + call.path, values)


def _query(call: Call) -> dict[str, Any]:
    """Raises Failure for what SP.ChangeQuery does not have, or has as another type."""
    query = call.json().get("query")
    if not isinstance(query, dict):
        raise Failure(400, INVALID, "The parameter query does not exist in method GetChanges.")
    kind = (query.pop("__metadata", None) or {}).get("type")
    if kind is None and "odata=verbose" in call.headers.get("content-type", "").replace(" ", ""):
        raise Failure(400, INVALID, "An entry without a type name was found, but no expected type was specified.")
    if kind not in (None, "SP.ChangeQuery"):
        raise Failure(400, INVALID, f"A type named '{kind}' could not be resolved by the model.")
    for name, value in query.items():
        if name not in _FLAGS and name not in (*_TOKENS, "FetchLimit"):
            raise Failure(400, INVALID, f"The property '{name}' does not exist on type 'SP.ChangeQuery'.")
        if name in _FLAGS and not isinstance(value, bool | None):
            raise Failure(400, INVALID, f"Cannot convert the value of '{name}' to the expected type 'Edm.Boolean'.")
    return query


def _limit(query: dict[str, Any]) -> int:
    """An Edm.Int64, which verbose JSON writes as a text."""
    text = str(_MOST if query.get("FetchLimit") is None else query["FetchLimit"])
    if not text.isdecimal() or int(text) < 1:
        raise Failure(400, INVALID, "Cannot convert the value of 'FetchLimit' to the expected type 'Edm.Int64'.")
    return min(int(text), _MOST)


def _between(found: SharePointList, query: dict[str, Any]) -> Iterable[LoggedChange[ListItem]]:
    start, end = (_position(found, query.get(name)) for name in _TOKENS)
    try:
        changes = found.log.after(start, found.clock())
    except NoSuchPosition as error:
        message = "The changeToken refers to a time before the start of the current change log."
        raise Failure(400, _FORGOTTEN, message) from error
    return (change for change in changes if end is None or change.number <= end.number)


def _wanted(changes: Iterable[LoggedChange[ListItem]], query: dict[str, Any]) -> list[LoggedChange[ListItem]]:
    """Of items alone, as nothing else is logged here."""
    done = {kind for name, kind in _DONE.items() if query.get(name)}
    return [change for change in changes if query.get("Item") and change.done in done]


def _position(found: SharePointList, token: Any) -> Position | None:
    if token is None:
        return None
    if not isinstance(token, dict):
        raise Failure(400, INVALID, "A node of type 'PrimitiveValue' was read; 'SP.ChangeToken' was expected.")
    version, scope, list_id, time, number = [*str(token.get("StringValue")).split(";"), "", "", "", ""][:5]
    try:
        position = Position(from_ticks(int(time)), int(number))
    except (ValueError, OverflowError) as error:
        raise Failure(400, _BAD_TOKEN, "The changeToken is not valid.") from error
    if (version, scope, list_id.lower()) != ("1", "3", found.id):
        raise Failure(400, _BAD_TOKEN, "The changeToken is not of this list.")
    return position


def _token_json(found: SharePointList, position: Position, shape: str) -> dict[str, Any]:
    text = f"1;3;{found.id};{ticks(position.time)};{position.number}"
    return {**({"__metadata": {"type": "SP.ChangeToken"}} if shape == "verbose" else {}), "StringValue": text}


def _change_json(found: SharePointList, change: LoggedChange[ListItem], shape: str) -> dict[str, Any]:
    return {
        "ChangeToken": _token_json(found, Position(change.time, change.number), shape),
        "ChangeType": int(change.done),
        "Time": iso_time(change.time),
        "ItemId": change.subject.id,
        "ListId": found.id,
        "UniqueId": change.subject.unique_id,
        "Editor": "",
        "EditorEmailHint": None,
        "ServerRelativeUrl": "",
    }
