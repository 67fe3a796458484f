"""Which tenant has which domain: as the settings say, as the tenant tells, or as the public look-up has it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sync_agent.jobs.context import Context, Tenant
from sync_agent.jobs.domain_owners import Owner
from sync_agent.model import CouldNotAsk, Match, NoTenant


@dataclass(frozen=True, slots=True)
class TenantDomains:
    """``told`` and ``silent`` by tenant id: the domains, or why they are not known. ``owners``: by domain, of those
    that no tenant told of. ``looked_up``: tenants of which no more is known than what the public look-up says.
    """

    told: Mapping[str, frozenset[str]]
    silent: Mapping[str, CouldNotAsk]
    owners: Mapping[str, Owner]
    looked_up: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    """Of owners that are not configured, by tenant id, where an app may ask for them."""


_NOT_LOOKED_UP = (
    "its domains are not known: give its app the permission Organization.Read.All with admin consent, or name them in "
    "domains:, for validation.domain_lookup is off"
)


async def tenant_domains(context: Context, wanted: Collection[str]) -> TenantDomains:
    """For all tenants, as far as the ``wanted`` domains go. Does not raise ServiceError."""
    tenants = context.edges.tenants
    answers = dict(zip(tenants, await asyncio.gather(*map(_asked, tenants.values())), strict=True))
    told = {id_: known for id_, known in answers.items() if isinstance(known, frozenset)}
    silent = {id_: known for id_, known in answers.items() if isinstance(known, CouldNotAsk)}
    owners = await context.owners.of(set(wanted).difference(*told.values()))
    looked_up = frozenset(answers.keys() - told.keys() - silent.keys())
    if not context.owners.asked:
        silent |= dict.fromkeys(looked_up, CouldNotAsk(_NOT_LOOKED_UP, context.clock()))
        return TenantDomains(told, silent, owners)
    for id_, guid in (await _guids(context, looked_up)).items():
        if isinstance(guid, CouldNotAsk):
            silent[id_] = guid
        else:
            told[id_] = frozenset(domain for domain, owner in owners.items() if owner is not None and owner == guid)
    homeless = set(owners).difference(*told.values())
    foreign = {owner for domain in homeless if isinstance(owner := owners[domain], str) and owner not in tenants}
    return TenantDomains(told, silent, owners, looked_up, await context.edges.tenant_names.of(foreign))


def without_tenant(context: Context, domain: str, known: TenantDomains) -> Match:
    """The answer for names in a domain that no tenant is known to have: NoTenant, unless it may be one's even so."""
    owner = known.owners[domain]
    for mistyped in known.silent.values():
        if mistyped.nobody_there:
            return mistyped
    if isinstance(owner, CouldNotAsk) and known.looked_up:
        return owner
    # A tenant written by its name in the settings cannot be told from the id that the look-up gives.
    if known.silent and (isinstance(owner, CouldNotAsk) or not all(map(_is_guid, known.silent))):
        return next(iter(known.silent.values()))
    if isinstance(owner, str):
        return known.silent.get(owner) or NoTenant(domain, _owner_name(context, owner, known.names))
    return NoTenant(domain, nobodys=owner is None)


async def _asked(tenant: Tenant) -> frozenset[str] | CouldNotAsk | None:
    return tenant.configured_domains or await tenant.directory.domains()


async def _guids(context: Context, tenant_ids: Collection[str]) -> dict[str, Owner]:
    """By tenant id as the settings have it, which may be one of the tenant's domains."""
    named = await context.owners.of([id_ for id_ in tenant_ids if not _is_guid(id_)])
    return {id_: named.get(id_, id_.lower()) for id_ in tenant_ids}


def _is_guid(tenant_id: str) -> bool:
    try:
        UUID(tenant_id)
    except ValueError:
        return False
    return True


def _owner_name(context: Context, tenant_id: str, names: Mapping[str, str]) -> str:
    tenant = context.edges.tenants.get(tenant_id)
    if tenant is None:
        return names.get(tenant_id) or f"tenant {tenant_id}"
    return f"the tenant of account {tenant.accounts[0]}, whose domains: setting leaves it out"
