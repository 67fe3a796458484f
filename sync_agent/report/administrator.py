"""What an administrator needs beside the cell's own words: what is usually behind an anomaly, and where to look.

The requests are Microsoft Graph's, below /v1.0, for Graph Explorer; `{upn}` and the like stand for values of the row.
An object id stays the same when a user is renamed; the report has it for each row that has or had a user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync_agent.model import Code


@dataclass(frozen=True, slots=True)
class Advice:
    """``request`` is "" where no request tells more."""

    behind: str
    look: str
    request: str = ""


def advice(code: str) -> Advice:
    """Codes of another version, read from an older history, have none."""
    return _BY_CODE[Code(code)] if code in _KNOWN else Advice("", "")


_TYPED = "If many rows have it, look at what fills the list: a form, a flow or an import."
_USERS = "Entra admin centre → Users → All users"
_USER = "/users/{object id}?$select=userPrincipalName,displayName,accountEnabled,userType"

_BY_CODE: Mapping[Code, Advice] = {
    Code.UPN_MISSING: Advice(
        "Nobody typed a UPN, or whatever fills the list left it out.",
        f"SharePoint → the row's version history: who changed it last. {_TYPED}",
    ),
    Code.UPN_WHITESPACE: Advice(
        "It was pasted from a document or a message, with blanks that cannot be seen.",
        f"The report names each invisible character by its number. {_TYPED}",
    ),
    Code.UPN_FORMAT: Advice(
        "A display name, a telephone number or DOMAIN\\user was typed for a UPN.",
        f"{_USERS}: search for the name. {_TYPED}",
        '/users?$search="displayName:{name}" (with the header ConsistencyLevel: eventual)',
    ),
    Code.UPN_CHARACTER: Advice(
        "A letter with an accent, or one of another alphabet that looks the same, was typed.",
        f"{_USERS}: search for the name, and copy the UPN from there.",
    ),
    Code.UPN_LENGTH: Advice(
        "More than one value was put into the cell.",
        f"SharePoint → the row's version history. {_TYPED}",
    ),
    Code.UPN_DUPLICATE: Advice(
        "A row was copied, or an agent was entered a second time.",
        "SharePoint → list settings → the UPN column: “Enforce unique values” refuses the next one.",
    ),
    Code.DOMAIN_NOT_CONFIGURED: Advice(
        "The domain is misspelt, or its tenant has no account here.",
        "settings.yaml → accounts: an app registration in that tenant, or the domain under accounts.domains.",
        "/tenantRelationships/findTenantInformationByDomainName(domainName='{domain}') "
        "(CrossTenantInformation.ReadBasic.All)",
    ),
    Code.USER_NOT_FOUND: Advice(
        "The UPN is misspelt, the user is gone for over 30 days, or not yet synchronised from Active Directory.",
        f"{_USERS}: search for the name; → Deleted users; Entra Connect for an account made today.",
        "/users?$filter=userPrincipalName eq '{upn}'",
    ),
    Code.USER_DELETED: Advice(
        "The user was deleted and can be restored until 30 days after that.",
        "Entra admin centre → Users → Deleted users → Restore user.",
        "/directory/deletedItems/microsoft.graph.user?$select=id,userPrincipalName,deletedDateTime",
    ),
    Code.USER_DISABLED: Advice(
        "Sign-in is blocked: somebody left, or a lifecycle workflow or Active Directory disabled the account.",
        f"{_USERS} → the user → Properties → Account enabled; → Audit logs: who did it.",
        _USER,
    ),
    Code.USER_RENAMED: Advice(
        "The user got another UPN, by marriage or by a change of domains; the row still has the old one.",
        f"{_USERS} → the user → Audit logs. Many at once: a domain was moved.",
        _USER,
    ),
    Code.UPN_IS_ALIAS: Advice(
        "The mail address was typed where the sign-in name belongs; the two differ for this user.",
        f"{_USERS} → the user → Properties → Proxy addresses. Many at once: the tenant signs in by another domain.",
        "/users?$filter=proxyAddresses/any(p:p eq 'smtp:{upn}')",
    ),
    Code.USER_DUPLICATE: Advice(
        "One agent was entered twice, once by UPN and once by alias.",
        f"{_USERS} → the user → Properties → Proxy addresses; the cell names the other rows.",
        _USER,
    ),
    Code.USER_GUEST: Advice(
        "The UPN is that of a guest account; Teams has presence of the user in the home tenant only.",
        f"{_USERS} → the user: the mail address tells the home tenant, which needs an account in settings.yaml.",
        "/users/{object id}?$select=userType,mail,identities",
    ),
    Code.PRESENCE_UNAVAILABLE: Advice(
        "No Teams plan, one that is suspended, or a user who never signed in to Teams.",
        f"{_USERS} → the user → Licenses; Teams admin centre → Users.",
        "/users/{object id}/licenseDetails, and /users/{object id}/presence",
    ),
    Code.NAME_MISMATCH: Advice(
        "The UPN of somebody else was typed, or the user goes by another name.",
        f"{_USERS} → the user: display name, manager, department.",
        _USER,
    ),
    Code.ACCOUNT_UNAVAILABLE: Advice(
        "The tenant did not answer, or refused: an expired secret, a missing permission, a sign-in that a person owes.",
        "`sync-agent sync` tells for each account why; Entra admin centre → App registrations → the app.",
    ),
}
_KNOWN = frozenset(map(str, _BY_CODE))
