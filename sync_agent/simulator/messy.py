"""A reproducible contact centre: tenants, people, and an Agent list with the mistakes that people make, each known."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta

from sync_agent.simulator.lists import SharePointList, agent_list
from sync_agent.simulator.mistakes import PECULIAR, UNCONFIGURED, Builder, plain
from sync_agent.simulator.people import FIRST_NAMES, LAST_NAMES, upn_part
from sync_agent.simulator.world import AppRegistration, SimUser, Site, Tenant, World

_DOMAINS = (
    "contoso.com",
    "fabrikam.com",
    "northwindtraders.com",
    "adventure-works.com",
    "tailspintoys.com",
    "wingtiptoys.com",
    "litwareinc.com",
    "proseware.com",
    "alpineskihouse.com",
    "fourthcoffee.com",
    "lucernepublishing.com",
    "wideworldimporters.com",
)
"""When these are used up they come again, numbered."""
_FAR_AHEAD = 4_000_000_000.0
SITE_PATH = "/sites/ucc"
LIST_TITLE = "Agents"
_FEWEST_ROWS = 40


def build(rows: int = 1_000, tenants: int = 3, seed: int = 1, today: datetime | None = None) -> World:
    """``rows`` rows over ``tenants`` configured tenants, most of them right; from 200 rows on, every anomaly appears
    that can be found before anything was ever written (so not user_renamed).

    The same arguments make the same world; ``today`` is what deletions and edits are dated back from.
    """
    chance = random.Random(seed)
    world = World(seed=seed, random=random.Random(seed))
    for index in range(tenants):
        _add_tenant(world, chance, index)
    stranger = Tenant(_guid(chance), "Woodgrove Bank", [UNCONFIGURED, "woodgrovebank.onmicrosoft.com"])
    world.tenants[stranger.id] = stranger
    agents = _add_list(world, chance)
    now = (today or datetime.now(UTC)).replace(hour=8, minute=0, second=0, microsecond=0)
    builder = Builder(world, chance, agents, now)
    _hire(builder, int(rows * 1.3) + _FEWEST_ROWS)
    _fill(builder, rows)
    return world


def _add_list(world: World, chance: random.Random) -> SharePointList:
    home = world.accounts[0][1]
    agents = agent_list(LIST_TITLE, _guid(chance))
    site = Site(_guid(chance), SITE_PATH, home.id, "Unified Contact Centre", {agents.id: agents})
    site.grants = {app.client_id: "manage" for _, tenant, app in world.accounts if tenant is home}
    world.sites[SITE_PATH] = site
    return agents


def _add_tenant(world: World, chance: random.Random, index: int) -> None:
    round_, at = divmod(index, len(_DOMAINS))
    label, _, top = _DOMAINS[at].partition(".")
    label += str(round_ + 1) if round_ else ""
    domain = f"{label}.{top}"
    tenant = Tenant(_guid(chance), label.capitalize(), [domain, f"{label}.onmicrosoft.com"])
    app = AppRegistration(_guid(chance), {f"secret-of-{label}-{index}": _FAR_AHEAD})
    tenant.apps[app.client_id] = app
    world.tenants[tenant.id] = tenant
    world.accounts.append((domain, tenant, app))


def _hire(builder: Builder, count: int) -> None:
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


def _fill(builder: Builder, rows: int) -> None:
    """Peculiar rows first, so that a small list has them too, then plain ones; the dates of all are past."""
    now, builder.agents.clock = builder.agents.clock, lambda: builder.today - timedelta(days=40)
    share = 1 if rows < 400 else rows // 250
    for make, size in PECULIAR:
        for _ in range(share):
            if len(builder.agents.items) + size <= rows:
                make(builder)
    while len(builder.agents.items) < rows:
        plain(builder)
    builder.agents.clock = now


def _guid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))
