"""A reproducible contact centre: tenants, people, and an Agent list with the mistakes that people make, each known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from sync_agent.simulator import in_doubt, mistakes, pasted, slips
from sync_agent.simulator.list_builder import Builder, Kind
from sync_agent.simulator.lists import SharePointList, agent_list
from sync_agent.simulator.mistakes import UNCONFIGURED
from sync_agent.simulator.staff import Staff, guid
from sync_agent.simulator.world import AppRegistration, Site, Tenant, World

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
_FEWEST_FOR_ALL = 400
FINER = (*slips.KINDS, *pasted.KINDS, *in_doubt.KINDS)
"""Kinds of mistake that lists of 400 rows and more have too."""


def build(rows: int = 1_000, tenants: int = 3, seed: int = 1, today: datetime | None = None) -> World:
    """``rows`` rows over ``tenants`` configured tenants, most of them right; from 200 rows on, every anomaly appears
    that can be found before anything was ever written (so not user_renamed).

    The same arguments make the same world; ``today`` is what deletions and edits are dated back from.
    """
    chance = random.Random(seed)
    world = World(seed=seed, random=random.Random(seed))
    for index in range(tenants):
        _add_tenant(world, chance, index)
    stranger = Tenant(guid(chance), "Woodgrove Bank", [UNCONFIGURED, "woodgrovebank.onmicrosoft.com"])
    world.tenants[stranger.id] = stranger
    agents = _add_list(world, chance)
    now = (today or datetime.now(UTC)).replace(hour=8, minute=0, second=0, microsecond=0)
    staff = Staff(world, chance)
    staff.hire(int(rows * 1.3) + _FEWEST_ROWS)
    _fill(Builder(world, chance, agents, now, staff), rows)
    return world


def _add_list(world: World, chance: random.Random) -> SharePointList:
    home = world.accounts[0][1]
    agents = agent_list(LIST_TITLE, guid(chance))
    site = Site(guid(chance), SITE_PATH, home.id, "Unified Contact Centre", {agents.id: agents})
    site.grants = {app.client_id: "manage" for _, tenant, app in world.accounts if tenant is home}
    world.sites[SITE_PATH] = site
    return agents


def _add_tenant(world: World, chance: random.Random, index: int) -> None:
    round_, at = divmod(index, len(_DOMAINS))
    label, _, top = _DOMAINS[at].partition(".")
    label += str(round_ + 1) if round_ else ""
    domain = f"{label}.{top}"
    tenant = Tenant(guid(chance), label.capitalize(), [domain, f"{label}.onmicrosoft.com"])
    app = AppRegistration(guid(chance), {f"secret-of-{label}-{index}": _FAR_AHEAD})
    tenant.apps[app.client_id] = app
    world.tenants[tenant.id] = tenant
    world.accounts.append((domain, tenant, app))


def _fill(builder: Builder, rows: int) -> None:
    """Peculiar rows first, so that a small list has them too, then plain ones; the dates of all are past."""
    now, builder.agents.clock = builder.agents.clock, lambda: builder.today - timedelta(days=40)
    _add_each(builder, mistakes.KINDS, 1 if rows < 400 else rows // 250, rows)
    _add_each(builder, FINER, ceil(rows / 1_000) if rows >= _FEWEST_FOR_ALL else 0, rows)
    while len(builder.agents.items) < rows:
        mistakes.plain(builder)
    builder.agents.clock = now


def _add_each(builder: Builder, kinds: Sequence[Kind], times: int, rows: int) -> None:
    for kind in kinds:
        for _ in range(times if kind.tenants <= len(builder.staff.tenants) else 0):
            if len(builder.agents.items) + kind.rows <= rows:
                kind.add(builder)
