"""The least permissions of an app, each with the request that needs it: what `check` asks for and deploy/ gives.

Graph's are named alike as application and delegated permissions; so is Sites.Selected of SharePoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Service(Enum):
    GRAPH = "Microsoft Graph"
    SHAREPOINT = "SharePoint"


class When(Enum):
    ALWAYS = "every tenant"
    LIST = "the list's tenant"
    LIST_BY_REST = "the list's tenant, with `api: rest`"
    PERSON = "a person's sign-in"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Needed:
    permission: str
    service: Service
    when: When
    request: str
    """The dearest of those that need it, and Microsoft's page that says so."""
    higher: frozenset[str] = frozenset()
    """Permissions that open the same and more."""


_SITE = frozenset(f"Sites.{role}.All" for role in ("Read", "ReadWrite", "Manage", "FullControl"))
_WEB = frozenset(f"AllSites.{role}" for role in ("Read", "Write", "Manage", "FullControl"))

USERS = Needed(
    "User.Read.All",
    Service.GRAPH,
    When.ALWAYS,
    "GET /users (user-list), /users/delta; deleted ones (directory-deleteditems-list); /directoryObjects/getByIds",
    frozenset({"User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}),
)
PRESENCE = Needed(
    "Presence.Read.All",
    Service.GRAPH,
    When.ALWAYS,
    "POST /communications/getPresencesByUserId (cloudcommunications-getpresencesbyuserid)",
    frozenset({"Presence.ReadWrite.All"}),
)
SITE = Needed(
    "Sites.Selected", Service.GRAPH, When.LIST, "/sites/{id}/lists/{id} (permissions-selected-overview)", _SITE
)
SITE_BY_REST = Needed(
    "Sites.Selected",
    Service.SHAREPOINT,
    When.LIST_BY_REST,
    "/_api/web/lists (permissions-selected-overview)",
    _SITE | _WEB,
)
LIST_ALONE = "Lists.SelectedOperations.Selected"
"""In place of Sites.Selected where one list is granted, not the site (permissions-selected-overview)."""
PERSON = Needed(
    "offline_access",
    Service.GRAPH,
    When.PERSON,
    "a refresh token, for which a person who may consent to nothing could not be asked (scopes-oidc)",
)
DOMAINS = Needed(
    "Organization.Read.All",
    Service.GRAPH,
    When.OPTIONAL,
    "GET /organization, its verifiedDomains (organization-list)",
)
CREDENTIALS = Needed(
    "Application.Read.All", Service.GRAPH, When.OPTIONAL, "GET /applications(appId='…') (application-get)"
)
TENANT_NAMES = Needed(
    "CrossTenantInformation.ReadBasic.All",
    Service.GRAPH,
    When.OPTIONAL,
    "GET /tenantRelationships/findTenantInformationByTenantId (tenantrelationship-findtenantinformationbytenantid)",
)
TABLE = (USERS, PRESENCE, SITE, SITE_BY_REST, PERSON, DOMAINS, CREDENTIALS, TENANT_NAMES)
