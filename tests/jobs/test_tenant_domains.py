"""Whose a domain is that no configured tenant has: looked up and named, or left alone where the settings say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.model import CouldNotAsk, Found, Match, NoTenant
from sync_agent.progress import Silent
from sync_agent.service import open_service
from sync_agent.settings import load
from sync_agent.simulator.messy import build
from tests.lab import Lab, lab

pytestmark = pytest.mark.anyio

OWN_DOMAINS = "Organization.Read.All"
OTHERS_NAMES = "CrossTenantInformation.ReadBasic.All"
OFF = "validation: {domain_lookup: false}\n"
FOREIGN = "woodgrovebank.com"


@dataclass(frozen=True, slots=True)
class Resolved:
    """``lookups``: how often the public look-up was asked about a domain."""

    served: Lab
    matches: Mapping[str, Match]
    trouble: Mapping[str, str]
    lookups: int

    def kinds(self, domain: str) -> set[type]:
        return {type(match) for name, match in self.matches.items() if name.endswith(f"@{domain}")}

    def of(self, domain: str) -> set[Match]:
        return {match for name, match in self.matches.items() if name.endswith(f"@{domain}")}


async def resolved(folder: Path, *permissions: str, settings: str = "", domains: str = "") -> Resolved:
    """What is known after one pass with apps that may do this besides; ``domains``: of the second account."""
    world = build(60, 2)
    for _, _, app in world.accounts:
        app.permissions |= set(permissions)
    with lab(folder, world=world) as served:
        served.agents.add({"UPN": f"jane.doe@{FOREIGN}", "Title": "Jane Doe"})
        served.settings.write_text(served.settings.read_text() + settings)
        if domains:
            served.replace("id: fabrikam.com", f"id: fabrikam.com\n    domains: [{domains}]")
        looked_up = world.faults.add(
            r"GET /[^/]+\.[^/]+/v2\.0/\.well-known", instead=lambda call, truly: truly(call)
        )  # of a sign-in it is a tenant's id that is asked about
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            await read_list(service.context)
            await resolve_users(service.context)
            observed = service.context.observed
            return Resolved(served, observed.matches, observed.trouble, looked_up.seen)


async def test_the_owner_is_named_where_an_app_may_ask(tmp_path: Path) -> None:
    known = await resolved(tmp_path, OTHERS_NAMES)
    assert known.of(FOREIGN) == {NoTenant(FOREIGN, f"Woodgrove Bank ({FOREIGN})")}


async def test_else_the_owner_has_an_id(tmp_path: Path) -> None:
    known = await resolved(tmp_path)
    owner = known.served.world.tenant_of(FOREIGN)
    assert owner is not None
    assert known.of(FOREIGN) == {NoTenant(FOREIGN, f"tenant {owner.id}")}
    assert known.lookups > 0


async def test_what_no_tenant_has_is_told_apart_from_what_is_not_known(tmp_path: Path) -> None:
    known = await resolved(tmp_path)
    mistyped = {match for match in known.matches.values() if isinstance(match, NoTenant) and match.nobodys}
    assert mistyped
    assert all(match.owner is None for match in mistyped)
    assert {known.served.world.tenant_of(match.domain) for match in mistyped} == {None}


async def test_switched_off_nothing_is_looked_up_and_the_owner_is_not_named(tmp_path: Path) -> None:
    known = await resolved(tmp_path, OWN_DOMAINS, OTHERS_NAMES, settings=OFF)
    assert known.of(FOREIGN) == {NoTenant(FOREIGN)}
    assert known.kinds("contoso.com") >= {Found}
    assert CouldNotAsk not in {type(match) for match in known.matches.values()}
    assert known.lookups == 0


async def test_switched_off_a_tenant_whose_domains_are_not_known_accuses_nobody(tmp_path: Path) -> None:
    """Fabrikam's are in the settings; contoso's could be any other, woodgrovebank.com included."""
    known = await resolved(tmp_path, settings=OFF, domains="fabrikam.com")
    assert Found in known.kinds("fabrikam.com")
    assert known.kinds("contoso.com") == known.kinds(FOREIGN) == {CouldNotAsk}
    assert known.lookups == 0
    (why,) = known.trouble.values()
    assert "Organization.Read.All" in why and "domain_lookup" in why
