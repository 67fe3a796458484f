"""Graph's organization, domains, recycle bin of users, and what it tells of other tenants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sync_agent.simulator import limits
from sync_agent.simulator.odata import page_of, selected
from sync_agent.simulator.tokens import graph_principal
from sync_agent.simulator.user_json import DEFAULTS, READERS, as_json
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply, route
from sync_agent.simulator.world import SimUser, Tenant

_KEPT_FOR = timedelta(days=30)
_ORGANIZATION_READERS = (
    "Organization.Read.All",
    "Directory.Read.All",
    "Organization.ReadWrite.All",
    "Directory.ReadWrite.All",
)
"""organization: list. For a person's token User.Read does too, and shows the rest as null."""
_TENANT_READER = "CrossTenantInformation.ReadBasic.All"
_DOMAIN_READERS = ("Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All")


_TENANTS = r"/v1\.0/tenantRelationships/findTenantInformation"


def routes() -> list[Route]:
    return [
        route("GET", r"/v1\.0/directory/deletedItems/microsoft\.graph\.user", _deleted),
        route("GET", r"/v1\.0/organization", _organization),
        route("GET", r"/v1\.0/domains", _domains),
        route("GET", rf"{_TENANTS}ByTenantId\(tenantId='(?P<tenant>[^']+)'\)", _tenant_information),
        route("GET", rf"{_TENANTS}ByDomainName\(domainName='(?P<tenant>[^']+)'\)", _tenant_information),
    ]


def _deleted(call: Call) -> Reply:
    """The UPN of a deleted user has its object id, without dashes, before it (directory: list deletedItems)."""
    who = graph_principal(call)
    limits.charge_directory(call, who, 1)
    who.require(*READERS)
    since = datetime.fromtimestamp(call.world.clock(), UTC) - _KEPT_FOR
    users = [user for user in who.tenant.deleted.values() if _deleted_at(user) > since]
    some, link = page_of(users, call.query, f"{call.world.origin}{call.path}")
    defaults = (*DEFAULTS, "deletedDateTime")
    values = [selected(_in_bin(user), call.query.get("$select"), defaults) for user in some]
    return json_reply({"value": values} | ({"@odata.nextLink": link} if link else {}))


def _deleted_at(user: SimUser) -> datetime:
    return datetime.fromisoformat(user.deleted_at or "")


def _in_bin(user: SimUser) -> dict[str, Any]:
    return {**as_json(user), "userPrincipalName": f"{user.id.replace('-', '')}{user.upn}"}


def _organization(call: Call) -> Reply:
    who = graph_principal(call)
    limits.charge_directory(call, who, 1)
    who.require(*_ORGANIZATION_READERS, *(["User.Read"] if who.by_person else []))
    value: dict[str, Any] = {
        "id": who.tenant.id,
        "displayName": who.tenant.name,
        "verifiedDomains": _verified_domains(who.tenant),
        "tenantType": "AAD",
    }
    if who.granted.isdisjoint(_ORGANIZATION_READERS):
        value["tenantType"] = None
    return json_reply({"value": [selected(value, call.query.get("$select"))]})


def _verified_domains(tenant: Tenant) -> list[dict[str, Any]]:
    return [
        {
            "name": domain,
            "capabilities": "Email, OfficeCommunicationsOnline",
            "isDefault": domain == tenant.domains[0],
            "isInitial": domain.endswith(".onmicrosoft.com"),
            "type": "Managed",
        }
        for domain in tenant.domains
    ]


def _domains(call: Call) -> Reply:
    who = graph_principal(call)
    limits.charge_directory(call, who, 1)
    who.require(*_DOMAIN_READERS)
    default = who.tenant.domains[0]
    values = [
        {"id": domain, "isVerified": True, "isDefault": domain == default, "authenticationType": "Managed"}
        for domain in who.tenant.domains
    ]
    return json_reply({"value": [selected(value, call.query.get("$select")) for value in values]})


def _tenant_information(call: Call) -> Reply:
    """Any tenant's public face (tenantRelationship: findTenantInformationByTenantId, …ByDomainName)."""
    who = graph_principal(call)
    limits.charge_directory(call, who, 1)
    who.require(_TENANT_READER)
    tenant = call.world.tenant_of(call.groups["tenant"])
    if tenant is None:
        raise Failure(404, "Directory_ObjectNotFound", f"Unable to find the tenant '{call.groups['tenant']}'.")
    return json_reply(
        {
            "@odata.context": f"{call.world.origin}/v1.0/$metadata#microsoft.graph.tenantInformation",
            "tenantId": tenant.id,
            "federationBrandName": None,
            "displayName": tenant.name,
            "defaultDomainName": tenant.domains[0],
        }
    )
