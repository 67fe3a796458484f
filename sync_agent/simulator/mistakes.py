"""Rows of a messy list, each made with what is true of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync_agent.simulator.lists import SharePointList
from sync_agent.simulator.world import SimUser, Tenant, Truth, World

UNCONFIGURED = "woodgrovebank.com"
"""A domain of a tenant that no account is configured for."""
_UNOWNED = "contoso-callcentre.example"


@dataclass(slots=True)
class Builder:
    """``spare``: users who have no row yet. ``named``: display names that wrong cells were made of, so that no two
    wrong cells come out alike."""

    world: World
    random: random.Random
    agents: SharePointList
    today: datetime
    spare: list[tuple[Tenant, SimUser]] = field(default_factory=list)
    named: set[str] = field(default_factory=set)

    def row(self, upn: str | None, title: str, truth: Truth) -> None:
        fields = {"Title": title, "Team": self.random.choice(("Sales", "Service", "Billing", "Retention"))}
        fields["Extension"] = str(self.random.randint(2_000, 9_999))
        if upn is not None:
            fields["UPN"] = upn
        self.world.truth[self.agents.add(fields)] = truth

    def wrong(self, upn: str | None, name: str, code: str, suggestion: str | None = None) -> None:
        self.row(upn, name, Truth(frozenset({code}), suggestion))

    def someone(self) -> tuple[Tenant, SimUser]:
        return self.spare.pop()

    def with_own_name(self) -> tuple[Tenant, SimUser]:
        """Somebody whose name no wrong cell has yet."""
        while True:
            tenant, user = self.someone()
            if user.display_name not in self.named:
                self.named.add(user.display_name)
                return tenant, user

    def with_apostrophe(self) -> tuple[Tenant, SimUser]:
        """Somebody with an apostrophe in the UPN, where anybody is left."""
        at = next((at for at, (_, user) in enumerate(self.spare) if "'" in user.upn), -1)
        return self.spare.pop(at)


def plain(builder: Builder) -> None:
    tenant, user = builder.someone()
    upn = user.upn.upper() if builder.random.random() < 0.03 else user.upn
    builder.row(upn, user.display_name, Truth(object_id=user.id, tenant_id=tenant.id))


def _apostrophe(builder: Builder) -> None:
    tenant, user = builder.with_apostrophe()
    builder.row(user.upn, user.display_name, Truth(object_id=user.id, tenant_id=tenant.id))


def _odd_title(builder: Builder) -> None:
    """Right, but with a title that has to be written with care wherever it is shown."""
    tenant, user = builder.someone()
    name = user.display_name
    title = builder.random.choice(
        (f'{name} "the boss"', f"<script>alert('{name}')</script>", f"=HYPERLINK({name})", f"{name} & co 🎧")
    )
    builder.row(user.upn, title, Truth(object_id=user.id, tenant_id=tenant.id))


def _matched(builder: Builder, code: str, change: Callable[[SimUser], None]) -> None:
    tenant, user = builder.someone()
    change(user)
    builder.row(user.upn, user.display_name, Truth(frozenset({code}), None, user.id, tenant.id))


def _missing(builder: Builder) -> None:
    _, user = builder.someone()
    blank = builder.random.choice((None, "", " ", "\u00a0", "\u200b", "   "))
    builder.wrong(blank, user.display_name, "upn_missing")


def _whitespace(builder: Builder) -> None:
    _, user = builder.someone()
    local, _, domain = user.upn.partition("@")
    cell = builder.random.choice(
        (f" {user.upn}", f"{user.upn} ", f"{local} @{domain}", f"\u200b{user.upn}", f"{user.upn}\u00a0")
    )
    builder.wrong(cell, user.display_name, "upn_whitespace", user.upn)


def _format(builder: Builder) -> None:
    tenant, user = builder.with_own_name()
    local, _, domain = user.upn.partition("@")
    first, _, last = user.display_name.partition(" ")
    short = tenant.name.upper()
    cell = builder.random.choice(
        (
            user.display_name,
            f"{last}, {first}",
            f"{short}\\{local}",
            f"{local}@{tenant.name.lower()}",
            f"{local}@@{domain}",
            local,
        )
    )
    builder.wrong(cell, user.display_name, "upn_format")


def _character(builder: Builder) -> None:
    _, user = builder.someone()
    local, _, domain = user.upn.partition("@")
    cell = builder.random.choice(
        (f"{local}&co@{domain}", f"{local}é@{domain}", f"{local}+x@{domain}", f"{local}/1@{domain}")
    )
    builder.wrong(cell, user.display_name, "upn_character")


def _length(builder: Builder) -> None:
    _, user = builder.someone()
    builder.wrong(f"{'x' * 60}.{user.upn}", user.display_name, "upn_length")


def _duplicate(builder: Builder) -> None:
    tenant, user = builder.someone()
    truth = Truth(frozenset({"upn_duplicate"}), None, user.id, tenant.id)
    builder.row(user.upn, user.display_name, truth)
    builder.row(user.upn.upper(), user.display_name, truth)


def _foreign_domain(builder: Builder) -> None:
    _, user = builder.with_own_name()
    domain = builder.random.choice((UNCONFIGURED, _UNOWNED))
    builder.wrong(f"{user.upn.partition('@')[0]}@{domain}", user.display_name, "domain_not_configured")


def _not_found(builder: Builder) -> None:
    tenant, user = builder.someone()
    tenant.remove(user)
    builder.wrong(user.upn, user.display_name, "user_not_found")


def _deleted(builder: Builder) -> None:
    tenant, user = builder.someone()
    deleted = builder.today - timedelta(days=builder.random.randint(1, 28))
    tenant.remove(user, deleted.strftime("%Y-%m-%dT%H:%M:%SZ"))
    builder.wrong(user.upn, user.display_name, "user_deleted")


def _disabled(builder: Builder) -> None:
    def disable(user: SimUser) -> None:
        user.enabled, user.availability, user.activity = False, "Offline", "Offline"

    _matched(builder, "user_disabled", disable)


def _alias(builder: Builder) -> None:
    tenant, user = builder.someone()
    alias = f"{user.upn.partition('@')[0]}.desk@{tenant.domains[0]}"
    user.proxy_addresses = (*user.proxy_addresses, f"smtp:{alias}")
    builder.wrong(alias, user.display_name, "upn_is_alias", user.upn)


def _two_names(builder: Builder) -> None:
    tenant, user = builder.someone()
    alias = f"{user.upn.partition('@')[0]}.second@{tenant.domains[0]}"
    user.proxy_addresses = (*user.proxy_addresses, f"smtp:{alias}")
    builder.row(user.upn, user.display_name, Truth(frozenset({"user_duplicate"}), None, user.id, tenant.id))
    builder.row(alias, user.display_name, Truth(frozenset({"upn_is_alias", "user_duplicate"}), user.upn))


def _guest(builder: Builder) -> None:
    tenant, user = builder.someone()
    user.guest = True
    home = user.upn.replace("@", "_")
    tenant.rename(user, f"{home}#EXT#@{tenant.domains[-1]}")
    builder.row(user.upn, user.display_name, Truth(frozenset({"user_guest"}), None, user.id, tenant.id))


def _unlicensed(builder: Builder) -> None:
    def unlicense(user: SimUser) -> None:
        user.licensed = False

    _matched(builder, "presence_unavailable", unlicense)


PECULIAR = (
    (_missing, 1),
    (_whitespace, 1),
    (_format, 1),
    (_character, 1),
    (_length, 1),
    (_duplicate, 2),
    (_foreign_domain, 1),
    (_not_found, 1),
    (_deleted, 1),
    (_disabled, 1),
    (_alias, 1),
    (_two_names, 2),
    (_guest, 1),
    (_unlicensed, 1),
    (_apostrophe, 1),
    (_odd_title, 1),
)
"""What makes them, and how many rows each makes."""
