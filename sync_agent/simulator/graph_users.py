"""Graph's users: all, by filter, by name or id, and many by id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sync_agent.simulator import graph_directory, limits
from sync_agent.simulator.odata import page_of, parse_filter, selected
from sync_agent.simulator.tokens import Principal, graph_principal
from sync_agent.simulator.user_json import DEFAULTS, PROPERTIES, READERS, as_json
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply, route
from sync_agent.simulator.world import SimUser

MOST_BY_IDS = 1_000
_BASIC = frozenset({"id", "displayName", "givenName", "mail", "surname", "userPrincipalName"})


def routes() -> list[Route]:
    return [
        route("GET", r"/v1\.0/users", _users),
        route("GET", r"/v1\.0/users/\$count", _count),
        route("GET", r"/v1\.0/users\('(?P<key>(?:[^']|'')+)'\)", _user),
        route("GET", r"/v1\.0/users/\$[^/]*", _dollar),
        route("GET", r"/v1\.0/users/(?P<key>[^/]+)", _user),
        route("POST", r"/v1\.0/directoryObjects/getByIds", _by_ids),
        *graph_directory.routes(),
    ]


def _reader(call: Call, units: float) -> Principal:
    who = graph_principal(call)
    limits.charge_directory(call, who, units)
    who.require(*READERS, "User.ReadBasic.All")
    return who


def _shown(call: Call, who: Principal, user: SimUser) -> dict[str, Any]:
    """The properties asked for; with User.ReadBasic.All alone, those of them that it opens."""
    shown = selected(as_json(user), call.query.get("$select"), DEFAULTS)
    if not who.granted.isdisjoint(READERS):
        return shown
    return {name: value for name, value in shown.items() if name in _BASIC}


def _eventual(call: Call) -> bool:
    return call.headers.get("consistencylevel", "").lower() == "eventual"


def _users(call: Call) -> Reply:
    who = _reader(call, 2)
    if who.user is not None and who.user.guest:
        raise Failure(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    for option in ("$search", "$orderby", "$expand"):
        if option in call.query:
            raise Failure(400, "Request_UnsupportedQuery", f"{option} is not supported here.")
    users: Iterable[SimUser] = who.tenant.users.values()
    if "$filter" in call.query:
        users = _filtered(call, who)
    return _page(call, who, list(users))


def _filtered(call: Call, who: Principal) -> Iterable[SimUser]:
    wanted = parse_filter(call.query["$filter"], PROPERTIES)
    if wanted.advanced and not (_eventual(call) and call.query.get("$count") == "true"):
        message = "Operator or null value in this filter needs ConsistencyLevel: eventual and $count=true."
        raise Failure(400, "Request_UnsupportedQuery", message)
    if wanted.names is not None:
        return {user.id: user for name in wanted.names if (user := who.tenant.by_upn(name))}.values()
    return [user for user in who.tenant.users.values() if wanted.wanted(as_json(user))]


def _page(call: Call, who: Principal, users: list[SimUser]) -> Reply:
    """Without ConsistencyLevel: eventual, $count=true is passed over in silence (aad-advanced-queries)."""
    some, link = page_of(users, call.query, f"{call.world.origin}{call.path}")
    body: dict[str, Any] = {"@odata.context": f"{call.world.origin}/v1.0/$metadata#users"}
    if call.query.get("$count") == "true" and _eventual(call):
        body["@odata.count"] = len(users)
    if link:
        body["@odata.nextLink"] = link
    body["value"] = [_shown(call, who, user) for user in some]
    return json_reply(body)


def _count(call: Call) -> Reply:
    who = _reader(call, 1)
    if not _eventual(call):
        raise Failure(400, "Request_BadRequest", "$count is not currently supported.")
    return Reply(200, str(len(who.tenant.users)).encode(), {"content-type": "text/plain"})


def _dollar(call: Call) -> Reply:
    """A name that begins with $ has to stand in parentheses and quotes (user: get)."""
    graph_principal(call)
    raise Failure(400, "BadRequest", "Resource not found for the segment after 'users'.")


def _user(call: Call) -> Reply:
    who = _reader(call, 1)
    key = call.groups["key"].replace("''", "'")
    user = who.tenant.users.get(key.lower()) or who.tenant.by_upn(key)
    if user is None:
        message = f"Resource '{key}' does not exist or one of its queried reference-property objects are not present."
        raise Failure(404, "Request_ResourceNotFound", message)
    return json_reply(_shown(call, who, user))


def _by_ids(call: Call) -> Reply:
    """Unknown ids are absent, and no order is promised."""
    who = _reader(call, 3)
    ids = call.json().get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST_BY_IDS:
        raise Failure(400, "Request_BadRequest", f"The number of ids must be between 1 and {MOST_BY_IDS}.")
    found = [who.tenant.users[id_] for id_ in dict.fromkeys(map(str, ids)) if id_ in who.tenant.users]
    call.world.random.shuffle(found)
    values = [{"@odata.type": "#microsoft.graph.user", **_shown(call, who, user)} for user in found]
    return json_reply({"value": values})
