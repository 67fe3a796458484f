"""Graph's users, organization, domains and recycle bin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sync_agent.simulator import limits
from sync_agent.simulator.odata import page_of, parse_filter, selected
from sync_agent.simulator.tokens import Principal, graph_principal
from sync_agent.simulator.wire import JSON, Call, Failure, Reply, Route, json_reply, route
from sync_agent.simulator.world import SimUser

_DEFAULTS = ("businessPhones", "displayName", "givenName", "jobTitle", "mail", "userPrincipalName", "id")
"""What Graph gives without $select (user: list)."""
_READERS = ("User.Read.All", "User.ReadBasic.All", "Directory.Read.All", "User.ReadWrite.All")
_TEAMS_PLAN = "57ff2da0-773e-42df-b2af-ffb7a2317929"


def routes() -> list[Route]:
    return [
        route("GET", r"/v1\.0/users", _users),
        route("GET", r"/v1\.0/users/\$count", _count),
        route("GET", r"/v1\.0/users\('(?P<key>(?:[^']|'')+)'\)", _user),
        route("GET", r"/v1\.0/users/(?P<key>[^/]+)", _user),
        route("GET", r"/v1\.0/directory/deletedItems/microsoft\.graph\.user", _deleted),
        route("GET", r"/v1\.0/organization", _organization),
        route("GET", r"/v1\.0/domains", _domains),
        route("POST", r"/v1\.0/directoryObjects/getByIds", _by_ids),
    ]


def as_json(user: SimUser) -> dict[str, Any]:
    """All properties that can be selected."""
    return {
        "id": user.id,
        "userPrincipalName": user.upn,
        "displayName": user.display_name,
        "givenName": user.display_name.partition(" ")[0],
        "jobTitle": None,
        "businessPhones": [],
        "accountEnabled": user.enabled,
        "userType": "Guest" if user.guest else "Member",
        "mail": user.mail,
        "proxyAddresses": list(user.proxy_addresses),
        "otherMails": [],
        "onPremisesUserPrincipalName": None,
        "deletedDateTime": user.deleted_at,
        "assignedPlans": _plans(user),
    }


def _plans(user: SimUser) -> list[dict[str, Any]]:
    assigned = "2024-05-02T08:00:00Z"
    exchange = {"service": "exchange", "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0"}
    teams = {"service": "TeamspaceAPI", "servicePlanId": _TEAMS_PLAN}
    plans = [exchange, teams] if user.licensed and not user.guest else []
    return [{"assignedDateTime": assigned, "capabilityStatus": "Enabled", **plan} for plan in plans]


def _reader(call: Call, units: float) -> tuple[Principal, dict[str, str]]:
    """Who asks, charged for it; a $select makes it one unit cheaper, never less than one."""
    principal = graph_principal(call)
    principal.require(*_READERS)
    call.world.requests["directory"] += 1
    spent = max(1.0, units - ("$select" in call.query) - (int(call.query.get("$top", "100") or 0) < 20))
    window = limits.directory_window(principal.tenant)
    return principal, limits.charge(call.world, "directory", principal.tenant, principal.app_id, window, spent)


def _users(call: Call) -> Reply:
    principal, headers = _reader(call, 2)
    if "$count" in call.query and "consistencylevel" not in call.headers:
        raise Failure(
            400, "Request_BadRequest", "Request with $count query parameter needs ConsistencyLevel: eventual."
        )
    users: Iterable[SimUser] = principal.tenant.users.values()
    if "$filter" in call.query:
        wanted = parse_filter(call.query["$filter"])
        if wanted.names is not None:
            users = {u.id: u for name in wanted.names if (u := principal.tenant.by_upn(name))}.values()
        else:
            users = [user for user in users if wanted.wanted(as_json(user))]
    return _page(call, list(users), "users", headers)


def _page(call: Call, users: list[SimUser], name: str, headers: dict[str, str]) -> Reply:
    select = [part.strip() for part in call.query.get("$select", ",".join(_DEFAULTS)).split(",")]
    root = f"{call.world.origin}/v1.0"
    some, link = page_of(users, call.query, f"{call.world.origin}{call.path}")
    body: dict[str, Any] = {"@odata.context": f"{root}/$metadata#{name}"}
    if "$count" in call.query:
        body["@odata.count"] = len(users)
    if link:
        body["@odata.nextLink"] = link
    body["value"] = [selected(as_json(user), select) for user in some]
    return json_reply(body, headers=headers)


def _count(call: Call) -> Reply:
    principal, headers = _reader(call, 1)
    if "consistencylevel" not in call.headers:
        raise Failure(400, "Request_UnsupportedQuery", "$count is not supported without ConsistencyLevel: eventual.")
    return Reply(200, str(len(principal.tenant.users)).encode(), {"content-type": "text/plain", **headers})


def _user(call: Call) -> Reply:
    principal, headers = _reader(call, 1)
    key = call.groups["key"].replace("''", "'")
    user = principal.tenant.users.get(key.lower()) or principal.tenant.by_upn(key)
    if user is None:
        message = f"Resource '{key}' does not exist or one of its queried reference-property objects are not present."
        raise Failure(404, "Request_ResourceNotFound", message)
    select = call.query.get("$select", ",".join(_DEFAULTS)).split(",")
    return json_reply(selected(as_json(user), select), headers=headers)


def _deleted(call: Call) -> Reply:
    """The UPN of a deleted user has its object id, without dashes, before it (directory: list deletedItems)."""
    principal, headers = _reader(call, 1)
    select = call.query.get("$select", ",".join((*_DEFAULTS, "deletedDateTime"))).split(",")
    users = list(principal.tenant.deleted.values())
    some, link = page_of(users, call.query, f"{call.world.origin}{call.path}")
    values = []
    for user in some:
        whole = {**as_json(user), "userPrincipalName": f"{user.id.replace('-', '')}{user.upn}"}
        values.append(selected(whole, select))
    body = {"value": values} if link is None else {"value": values, "@odata.nextLink": link}
    return json_reply(body, headers=headers)


def _organization(call: Call) -> Reply:
    principal, headers = _reader(call, 1)
    tenant = principal.tenant
    domains = [
        {
            "name": domain,
            "isDefault": domain == tenant.domains[0],
            "isInitial": domain.endswith(".onmicrosoft.com"),
            "type": "Managed",
        }
        for domain in tenant.domains
    ]
    value = {"id": tenant.id, "displayName": tenant.name, "verifiedDomains": domains, "tenantType": "AAD"}
    select = call.query.get("$select")
    return json_reply({"value": [selected(value, select.split(",")) if select else value]}, headers=headers)


def _domains(call: Call) -> Reply:
    principal = graph_principal(call)
    principal.require("Domain.Read.All", "Directory.Read.All")
    values = [
        {"id": domain, "isVerified": True, "isDefault": domain == principal.tenant.domains[0]}
        for domain in principal.tenant.domains
    ]
    return json_reply({"value": values})


def _by_ids(call: Call) -> Reply:
    principal, headers = _reader(call, 3)
    ids = call.json().get("ids", [])
    if len(ids) > 1_000:
        raise Failure(400, "Request_BadRequest", "Too many ids: at most 1000 are allowed.")
    found = [principal.tenant.users[id_] for id_ in ids if id_ in principal.tenant.users]
    return json_reply({"value": [as_json(user) for user in found]}, headers={"content-type": JSON, **headers})
