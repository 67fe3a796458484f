"""Who asks SharePoint REST for which site and list, and answers in its own shape when that is refused."""

from __future__ import annotations

from collections.abc import Callable

from sync_agent.simulator import access, limits, rest_json
from sync_agent.simulator.lists import SharePointList
from sync_agent.simulator.tokens import BadToken, Principal, Why, principal
from sync_agent.simulator.wire import Call, Failure, Reply, Route, route
from sync_agent.simulator.world import Site

API = r"(?P<site>/(?:sites|teams)/[^/]+)/_api"
LIST = (
    API
    + r"/web/lists(?:/getbytitle\('(?P<title>(?:[^']|'')*)'\)|/getbyid\('(?P<id>[^']+)'\)"
    + r"|\(guid'(?P<guid>[^']+)'\)|\('(?P<plain>[^']+)'\))"
)
INVALID = "-1, Microsoft.SharePoint.Client.InvalidClientQueryException"
_DENIED = "-2147024891, System.UnauthorizedAccessException"
_LONGEST_QUERY = 2_048
_SHAREPOINT = "00000003-0000-0ff1-ce00-000000000000"
_SAYS: dict[Why, tuple[str, str]] = {
    "empty": ("Access denied.", '3000000;reason="No access token."'),
    "audience": (
        "Exception of type 'Microsoft.IdentityModel.Tokens.AudienceUriValidationFailedException' was thrown.",
        '3000003;reason="Invalid audience Uri."',
    ),
    "signature": ("Invalid issuer or signature.", '3000006;reason="Token contains invalid signature."'),
    "issuer": ("Invalid issuer or signature.", '3001002;reason="The issuer of the token is not a trusted issuer."'),
    "expired": ("Invalid JWT token. The token is expired.", '3000008;reason="The token is expired."'),
}


def rest_route(method: str, pattern: str, handler: Callable[[Call], Reply]) -> Route:
    """Failures are answered in SharePoint's shape."""

    def answered(call: Call) -> Reply:
        try:
            _short_enough(call)
            return handler(call)
        except Failure as error:
            return rest_json.failure(call, error)

    return route(method, pattern, answered)


def _short_enough(call: Call) -> None:
    """IIS, on which SharePoint runs, finds nothing at an address with a longer query (404.15, maxQueryString)."""
    if call.query_length > _LONGEST_QUERY:
        raise Failure(404, INVALID, "The request filtering module is configured to deny so long a query string.")


def person_or_certificate(call: Call) -> Principal:
    """Who asks. An app alone must have signed in by a certificate. Raises Failure(401)."""
    try:
        who = principal(call, (call.world.origin,))
    except BadToken as error:
        raise _unauthorized(call, *_SAYS[error.why]) from error
    if not who.by_person and not who.by_certificate:
        raise _unauthorized(call, "Unsupported app only token.", '3001000;reason="Unsupported app only token."')
    return who


def site_of(call: Call, role: str, units: float, *, list_alone: bool = True) -> Site:
    """The site, its use charged and allowed. Raises Failure."""
    who = person_or_certificate(call)
    limits.charge_sharepoint(call, who, units)
    site = call.world.sites.get(call.groups["site"].lower())
    if site is None:
        raise Failure(404, "-1, System.IO.FileNotFoundException", "The site was not found.")
    if site.tenant_id != who.tenant.id:
        raise _unauthorized(call, *_SAYS["issuer"])
    access.require(who, site, role, _DENIED, list_alone=list_alone)
    return site


def list_of(call: Call, role: str, units: float) -> SharePointList:
    site = site_of(call, role, units)
    title = call.groups.get("title")
    if title is not None:
        wanted = title.replace("''", "'")
        found = next((known for known in site.lists.values() if known.title.lower() == wanted.lower()), None)
    else:
        wanted = call.groups["id"] or call.groups["guid"] or call.groups["plain"]
        found = site.lists.get(wanted.strip("{}").lower())
    if found is None:
        message = f"List '{wanted}' does not exist at site with URL '{call.world.origin}{site.path}'."
        raise Failure(404, "-1, System.ArgumentException", message)
    return found


def _unauthorized(call: Call, message: str, diagnosis: str) -> Failure:
    """The challenge names the site's tenant."""
    site = call.world.sites.get(call.groups["site"].lower())
    realm = site.tenant_id if site is not None else ""
    headers = {
        "www-authenticate": f'Bearer realm="{realm}", client_id="{_SHAREPOINT}"',
        "x-ms-diagnostics": f'{diagnosis};category="invalid_client"',
    }
    return Failure(401, _DENIED, message, headers)
