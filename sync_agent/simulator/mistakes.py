"""The mistakes that every messy list has: at least one for each anomaly, and right rows that look odd."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sync_agent.simulator.list_builder import Builder, Kind
from sync_agent.simulator.staff import also_reached_as, local_part
from sync_agent.simulator.world import SimUser, Tenant

UNCONFIGURED = "woodgrovebank.com"
"""A domain of a tenant that no account is configured for."""
UNOWNED = "contoso-callcentre.example"


def plain(builder: Builder) -> None:
    tenant, user = builder.staff.somebody()
    builder.matched((tenant, user), cell=user.upn.upper() if builder.random.random() < 0.03 else user.upn)


def _apostrophe(builder: Builder) -> None:
    builder.matched(builder.staff.with_apostrophe())


def _odd_title(builder: Builder) -> None:
    """Right, but with a title that has to be written with care wherever it is shown."""
    whose = builder.staff.somebody()
    name = whose[1].display_name
    titles = (f'{name} "the boss"', f"<script>alert('{name}')</script>", f"=HYPERLINK({name})", f"{name} & co 🎧")
    builder.matched(whose, title=builder.random.choice(titles))


def _missing(builder: Builder) -> None:
    _, user = builder.staff.unmistakable()
    blank = builder.random.choice((None, "", " ", "\u00a0", "\u200b", "   "))
    builder.wrong(blank, user.display_name, "upn_missing", meant=user.upn)


def _whitespace(builder: Builder) -> None:
    _, user = builder.staff.somebody()
    local, _, domain = user.upn.partition("@")
    cells = (f" {user.upn}", f"{user.upn} ", f"{local} @{domain}", f"\u200b{user.upn}", f"{user.upn}\u00a0")
    builder.wrong(builder.random.choice(cells), user.display_name, "upn_whitespace", meant=user.upn)


def _format(builder: Builder) -> None:
    tenant, user = builder.staff.unmistakable()
    local, _, domain = user.upn.partition("@")
    first, _, last = user.display_name.partition(" ")
    cells = (
        user.display_name,
        f"{last}, {first}",
        f"{tenant.name.upper()}\\{local}",
        f"{local}@{tenant.name.lower()}",
        f"{local}@@{domain}",
        local,
    )
    builder.wrong(builder.random.choice(cells), user.display_name, "upn_format", meant=user.upn)


def _character(builder: Builder) -> None:
    _, user = builder.staff.unmistakable()
    local, _, domain = user.upn.partition("@")
    cells = (f"{local}&co@{domain}", f"{local}é@{domain}", f"{local}+x@{domain}", f"{local}/1@{domain}")
    builder.wrong(builder.random.choice(cells), user.display_name, "upn_character", meant=user.upn)


def _length(builder: Builder) -> None:
    _, user = builder.staff.unmistakable()
    builder.wrong(f"{'x' * 60}.{user.upn}", user.display_name, "upn_length", meant=user.upn)


def _duplicate(builder: Builder) -> None:
    tenant, user = builder.staff.somebody()
    builder.matched((tenant, user), "upn_duplicate")
    builder.matched((tenant, user), "upn_duplicate", cell=user.upn.upper())


def _works_elsewhere(builder: Builder) -> None:
    """In a tenant that is not configured, or that nobody has."""
    first, last = builder.staff.name()
    (stranger,) = (tenant for tenant in builder.world.tenants.values() if UNCONFIGURED in tenant.domains)
    user = builder.staff.employ(stranger, first, last)
    domain = builder.random.choice((UNCONFIGURED, UNOWNED))
    builder.wrong(f"{local_part(user)}@{domain}", user.display_name, "domain_not_configured")


def _gone(builder: Builder) -> None:
    tenant, user = builder.staff.unmistakable()
    tenant.remove(user)
    builder.wrong(user.upn, user.display_name, "user_not_found")


def _deleted(builder: Builder) -> None:
    tenant, user = builder.staff.somebody()
    deleted = builder.today - timedelta(days=builder.random.randint(1, 28))
    tenant.remove(user, deleted.strftime("%Y-%m-%dT%H:%M:%SZ"))
    builder.wrong(user.upn, user.display_name, "user_deleted")


def disable(user: SimUser) -> None:
    user.enabled, user.availability, user.activity = False, "Offline", "Offline"


def _unlicense(user: SimUser) -> None:
    user.licensed = False


def _changed(code: str, change: Callable[[SimUser], None]) -> Callable[[Builder], None]:
    def make(builder: Builder) -> None:
        whose = builder.staff.somebody()
        change(whose[1])
        builder.matched(whose, code)

    return make


def _alias(builder: Builder) -> None:
    tenant, user = builder.staff.somebody()
    alias = f"{local_part(user)}.desk@{tenant.domains[0]}"
    also_reached_as(user, alias)
    builder.wrong(alias, user.display_name, "upn_is_alias", meant=user.upn)


def _two_names(builder: Builder) -> None:
    tenant, user = builder.staff.somebody()
    alias = f"{local_part(user)}.second@{tenant.domains[0]}"
    also_reached_as(user, alias)
    builder.matched((tenant, user), "user_duplicate")
    builder.wrong(alias, user.display_name, "upn_is_alias", "user_duplicate", meant=user.upn)


def _guest(builder: Builder) -> None:
    """From a tenant that is not configured."""
    tenant, user = builder.staff.somebody()
    invite(tenant, user, f"{local_part(user)}@{UNCONFIGURED}")
    builder.matched((tenant, user), "user_guest")


def invite(tenant: Tenant, user: SimUser, home: str) -> None:
    """Make a user a guest who is known elsewhere as ``home``."""
    user.guest, user.mail, user.proxy_addresses = True, home, (f"SMTP:{home}",)
    tenant.rename(user, f"{home.replace('@', '_')}#EXT#@{tenant.domains[-1]}")


KINDS = (
    Kind("an empty cell", _missing),
    Kind("a blank in it", _whitespace),
    Kind("another form", _format),
    Kind("a character too many", _character),
    Kind("too long", _length),
    Kind("the same UPN twice", _duplicate, rows=2),
    Kind("works in another tenant", _works_elsewhere),
    Kind("gone for good", _gone),
    Kind("in the recycle bin", _deleted),
    Kind("disabled", _changed("user_disabled", disable)),
    Kind("an alias", _alias),
    Kind("a user and their alias", _two_names, rows=2),
    Kind("a guest from elsewhere", _guest),
    Kind("without a licence", _changed("presence_unavailable", _unlicense)),
    Kind("right: an apostrophe", _apostrophe),
    Kind("right: an odd title", _odd_title),
)
