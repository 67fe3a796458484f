"""What the apps may do: what their tokens say, and what came of trying it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_agent.check.faults import found
from sync_agent.check.finding import Finding
from sync_agent.check.hosts import by_itself
from sync_agent.check.needed import LIST_ALONE, PRESENCE, SITE, SITE_BY_REST, USERS
from sync_agent.check.observed import AccessSeen, DomainsSeen, Seen, SignInSeen, SitePermissions

ENOUGH: Mapping[str, frozenset[str]] = {
    what: frozenset({each.permission}) | each.higher for what, each in (("users", USERS), ("presence", PRESENCE))
}
"""Any one of them opens it."""
OPEN_SITES = frozenset({SITE.permission, LIST_ALONE}) | SITE_BY_REST.higher
_TOO_MUCH = frozenset(
    {
        *("Sites.ReadWrite.All", "Sites.Manage.All", "Sites.FullControl.All"),
        *("AllSites.Manage", "AllSites.FullControl"),
        *("Directory.ReadWrite.All", "User.ReadWrite.All", "Group.ReadWrite.All", "Application.ReadWrite.All"),
        *("Presence.ReadWrite.All", "RoleManagement.ReadWrite.Directory", "AppRoleAssignment.ReadWrite.All"),
        *("Files.ReadWrite.All", "Mail.ReadWrite", "Mail.Send"),
    }
)
"""They write where the service never does, or in places that are none of its business."""
_WORDS = {"users": "users", "presence": "presence", "domains": "the tenant's domains"}


def judge(seen: Seen) -> Iterator[Finding]:
    signed_in = {each.account: each for each in seen.sign_ins if each.outcome == "signed_in"}
    for account, sign_in in signed_in.items():
        asked = [each for each in seen.access if each.account == account]
        yield from _of_account(sign_in, asked, seen.domains)
        if too_much := sorted((sign_in.granted or frozenset()) & _TOO_MUCH):
            yield _too_much(account, too_much)
    if seen.site_permissions is not None:
        yield from _of_site(seen.site_permissions)
    for account, cloud in seen.no_presence:
        yield found("no_presence_in_cloud", f"accounts.{account}.cloud", account, account=account, cloud=cloud)


def _of_account(sign_in: SignInSeen, asked: list[AccessSeen], domains: DomainsSeen | None) -> Iterator[Finding]:
    account = sign_in.account
    for each in asked:
        yield from by_itself(each.host, each.trouble)
        if each.trouble is None:
            continue
        if each.what == "domains":
            if each.trouble.status == 403 and domains is not None and not domains.looked_up:
                yield found("domains_not_known", f"accounts.{account}.domains", account, account=account)
        elif each.trouble.kind == "refused":
            yield _refused(sign_in, each)
        elif each.trouble.kind != "absent":
            values = {"account": account, "what": _WORDS[each.what], "why": each.trouble.words}
            yield found("not_answered", f"accounts.{account}", account, each.host, **values)
    may = [_WORDS[each.what] for each in asked if each.trouble is None]
    if may and all(each.trouble is None for each in asked if each.what in ENOUGH):
        yield found("permissions_right", f"accounts.{account}", account, account=account, what=" and ".join(may))


def _refused(sign_in: SignInSeen, asked: AccessSeen) -> Finding:
    """What the token says tells a permission that is missing from one that does not count."""
    assert asked.trouble is not None
    account, granted = sign_in.account, sign_in.granted
    subject, kind = f"accounts.{account}", "delegated" if sign_in.by_person else "application"
    if granted is not None and not granted.isdisjoint(ENOUGH[asked.what]):
        values = {"account": account, "what": _WORDS[asked.what], "why": asked.trouble.words}
        return found("permission_without_effect", subject, account, **values)
    why = asked.trouble.words if granted is None else "its token has no permission for it"
    return found(f"{asked.what}_not_permitted", subject, account, account=account, kind=kind, why=why)


def _of_site(seen: SitePermissions) -> Iterator[Finding]:
    granted = seen.granted
    if granted is not None and granted.isdisjoint(OPEN_SITES):
        kind = "delegated" if seen.by_person else "application"
        values = {"account": seen.account, "kind": kind, "service": seen.service}
        yield found("site_permission_missing", f"accounts.{seen.account}", seen.account, **values)
    if seen.service == "SharePoint" and (too_much := sorted((granted or frozenset()) & _TOO_MUCH)):
        yield _too_much(seen.account, too_much)


def _too_much(account: str, permissions: list[str]) -> Finding:
    enough = f"{USERS.permission}, {PRESENCE.permission} and {SITE.permission}"
    values = {"account": account, "permissions": ", ".join(permissions), "enough": enough}
    return found("too_much_permission", f"accounts.{account}", account, **values)
