"""A reproducible contact centre: tenants, people, and an Agent list with the mistakes that people make, each known."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from sync_agent.simulator.lists import SharePointList, agent_list
from sync_agent.simulator.people import FIRST_NAMES, LAST_NAMES, upn_part
from sync_agent.simulator.world import AppRegistration, SimUser, Site, Tenant, Truth, World

_DOMAINS = ("contoso.com", "fabrikam.com", "northwindtraders.com", "adventure-works.com", "tailspintoys.com")
_UNCONFIGURED = "woodgrovebank.com"
_UNOWNED = "contoso-callcentre.example"
_FAR_AHEAD = 4_000_000_000.0
SITE_PATH = "/sites/ucc"
LIST_TITLE = "Agents"
_FEWEST_ROWS = 40


@dataclass(slots=True)
class _Builder:
    """``spare``: users who have no row yet, by tenant."""

    world: World
    random: random.Random
    agents: SharePointList
    spare: list[tuple[Tenant, SimUser]] = field(default_factory=list)

    def row(self, upn: str | None, name: str, truth: Truth) -> int:
        fields = {"Title": name, "Team": self.random.choice(("Sales", "Service", "Billing", "Retention"))}
        fields["Extension"] = str(self.random.randint(2_000, 9_999))
        if upn is not None:
            fields["UPN"] = upn
        row_id = self.agents.add(fields)
        self.world.truth[row_id] = truth
        return row_id

    def someone(self) -> tuple[Tenant, SimUser]:
        return self.spare.pop()

    def wrong(self, upn: str | None, name: str, code: str, suggestion: str | None = None) -> int:
        return self.row(upn, name, Truth(frozenset({code}), suggestion))


def build(rows: int = 1_000, tenants: int = 3, seed: int = 1) -> World:
    """``rows`` rows over ``tenants`` configured tenants, most of them right; from 200 rows on every anomaly appears."""
    chance = random.Random(seed)
    world = World(seed=seed, random=random.Random(seed))
    for index in range(tenants):
        _add_tenant(world, chance, _DOMAINS[index % len(_DOMAINS)], index)
    stranger = Tenant(_guid(chance), "Woodgrove Bank", [_UNCONFIGURED, "woodgrovebank.onmicrosoft.com"])
    world.tenants[stranger.id] = stranger
    home = world.accounts[0][1]
    agents = agent_list(LIST_TITLE)
    site = Site(_guid(chance), SITE_PATH, home.id, "Unified Contact Centre", {agents.id: agents})
    site.grants = {app.client_id: "manage" for _, tenant, app in world.accounts if tenant is home}
    world.sites[SITE_PATH] = site
    builder = _Builder(world, chance, agents)
    _hire(builder, int(rows * 1.3) + _FEWEST_ROWS)
    _fill(builder, rows)
    return world


def _add_tenant(world: World, chance: random.Random, domain: str, index: int) -> None:
    label = domain.partition(".")[0]
    tenant = Tenant(_guid(chance), label.capitalize(), [domain, f"{label}.onmicrosoft.com"])
    app = AppRegistration(_guid(chance), {f"secret-of-{label}-{index}": _FAR_AHEAD})
    tenant.apps[app.client_id] = app
    world.tenants[tenant.id] = tenant
    world.accounts.append((domain, tenant, app))


def _hire(builder: _Builder, count: int) -> None:
    """People in all tenants, every seventh with an alias; names may be shared, UPNs not."""
    tenants = [tenant for _, tenant, _ in builder.world.accounts]
    for _ in range(count):
        tenant = builder.random.choice(tenants)
        user = _person(builder.random, tenant)
        if builder.random.random() < 0.15:
            alias = f"{user.upn.partition('@')[0]}.alias@{tenant.domains[0]}"
            user.proxy_addresses = (f"SMTP:{user.mail}", f"smtp:{alias}")
        tenant.add(user)
        builder.spare.append((tenant, user))
    builder.random.shuffle(builder.spare)


def _person(chance: random.Random, tenant: Tenant) -> SimUser:
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    local = f"{upn_part(first)}.{upn_part(last)}"
    domain = tenant.domains[0]
    number = 1
    while tenant.by_upn(f"{local}@{domain}") is not None:
        number += 1
        local = f"{upn_part(first)}.{upn_part(last)}{number}"
    upn = f"{local}@{domain}"
    return SimUser(_guid(chance), upn, f"{first} {last}", mail=upn, proxy_addresses=(f"SMTP:{upn}",))


def _fill(builder: _Builder, rows: int) -> None:
    """Mistakes first, so that a small list has them too, then right rows; shuffled by id afterwards is not needed."""
    share = 1 if rows < 400 else rows // 250
    for mistake in _MISTAKES:
        for _ in range(share):
            if len(builder.agents.items) >= rows:
                return
            mistake(builder)
    while len(builder.agents.items) < rows:
        _right(builder)


def _right(builder: _Builder) -> None:
    tenant, user = builder.someone()
    upn = user.upn.upper() if builder.random.random() < 0.03 else user.upn
    builder.row(upn, user.display_name, Truth(object_id=user.id, tenant_id=tenant.id))


def _matched(builder: _Builder, code: str, change: Callable[[SimUser], None]) -> None:
    tenant, user = builder.someone()
    change(user)
    builder.row(user.upn, user.display_name, Truth(frozenset({code}), None, user.id, tenant.id))


def _missing(builder: _Builder) -> None:
    _, user = builder.someone()
    blank = builder.random.choice((None, "", " ", "\u00a0", "\u200b", "   "))
    builder.wrong(blank, user.display_name, "upn_missing")


def _whitespace(builder: _Builder) -> None:
    _, user = builder.someone()
    local, _, domain = user.upn.partition("@")
    cell = builder.random.choice(
        (f" {user.upn}", f"{user.upn} ", f"{local} @{domain}", f"\u200b{user.upn}", f"{user.upn}\u00a0")
    )
    builder.wrong(cell, user.display_name, "upn_whitespace", user.upn)


def _format(builder: _Builder) -> None:
    tenant, user = builder.someone()
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


def _character(builder: _Builder) -> None:
    _, user = builder.someone()
    local, _, domain = user.upn.partition("@")
    cell = builder.random.choice(
        (f"{local}&co@{domain}", f"{local}é@{domain}", f"{local}+x@{domain}", f"{local}/1@{domain}")
    )
    builder.wrong(cell, user.display_name, "upn_character")


def _length(builder: _Builder) -> None:
    _, user = builder.someone()
    builder.wrong(f"{'x' * 60}.{user.upn}", user.display_name, "upn_length")


def _duplicate(builder: _Builder) -> None:
    tenant, user = builder.someone()
    truth = Truth(frozenset({"upn_duplicate"}), None, user.id, tenant.id)
    builder.row(user.upn, user.display_name, truth)
    builder.row(user.upn.upper(), user.display_name, truth)


def _foreign_domain(builder: _Builder) -> None:
    _, user = builder.someone()
    domain = builder.random.choice((_UNCONFIGURED, _UNOWNED))
    builder.wrong(f"{user.upn.partition('@')[0]}@{domain}", user.display_name, "domain_not_configured")


def _not_found(builder: _Builder) -> None:
    tenant, user = builder.someone()
    tenant.remove(user)
    builder.wrong(user.upn, user.display_name, "user_not_found")


def _deleted(builder: _Builder) -> None:
    tenant, user = builder.someone()
    tenant.remove(user, f"2026-02-{builder.random.randint(1, 28):02}T10:00:00Z")
    builder.wrong(user.upn, user.display_name, "user_deleted")


def _disabled(builder: _Builder) -> None:
    def disable(user: SimUser) -> None:
        user.enabled, user.availability, user.activity = False, "Offline", "Offline"

    _matched(builder, "user_disabled", disable)


def _alias(builder: _Builder) -> None:
    tenant, user = builder.someone()
    alias = f"{user.upn.partition('@')[0]}.desk@{tenant.domains[0]}"
    user.proxy_addresses = (*user.proxy_addresses, f"smtp:{alias}")
    builder.wrong(alias, user.display_name, "upn_is_alias", user.upn)


def _two_names(builder: _Builder) -> None:
    tenant, user = builder.someone()
    alias = f"{user.upn.partition('@')[0]}.second@{tenant.domains[0]}"
    user.proxy_addresses = (*user.proxy_addresses, f"smtp:{alias}")
    builder.row(user.upn, user.display_name, Truth(frozenset({"user_duplicate"}), None, user.id, tenant.id))
    builder.row(alias, user.display_name, Truth(frozenset({"upn_is_alias", "user_duplicate"}), user.upn))


def _guest(builder: _Builder) -> None:
    tenant, user = builder.someone()
    user.guest = True
    home = user.upn.replace("@", "_")
    tenant.rename(user, f"{home}#EXT#@{tenant.domains[-1]}")
    builder.row(user.upn, user.display_name, Truth(frozenset({"user_guest"}), None, user.id, tenant.id))


def _unlicensed(builder: _Builder) -> None:
    def unlicense(user: SimUser) -> None:
        user.licensed = False

    _matched(builder, "presence_unavailable", unlicense)


_MISTAKES = (
    _missing,
    _whitespace,
    _format,
    _character,
    _length,
    _duplicate,
    _foreign_domain,
    _not_found,
    _deleted,
    _disabled,
    _alias,
    _two_names,
    _guest,
    _unlicensed,
)


def _guid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
