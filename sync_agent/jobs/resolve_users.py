"""Ask the tenants who the UPNs in the list are: each name in the tenant that has its domain, all tenants at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog

from sync_agent.jobs.context import Context, Tenant
from sync_agent.model import Absent, CouldNotAsk, Found, Match, NoTenant
from sync_agent.upn import examine

_log = structlog.get_logger()

_MOST_LOOKUPS = 100
"""Public domain look-ups a pass. A list that names more unknown domains than this has another problem."""


@dataclass(frozen=True, slots=True)
class Routes:
    """Which tenants to ask for each name; ``homeless`` are names by domain that no asked tenant is known to have."""

    by_tenant: Mapping[str, frozenset[str]]
    homeless: Mapping[str, frozenset[str]]


async def resolve_users(context: Context, names: Collection[str] | None = None) -> None:
    """Ask for ``names`` (None: every name in the list) and put the answers into what is observed.

    Never raises for a tenant's failure: the names that depended on it become CouldNotAsk, with the reason.
    """
    asked = context.observed.names() if names is None else frozenset(names)
    stage = context.progress.stage("Asking the tenants", len(asked))
    domains = await _domains(context)
    routes = route(asked, domains)
    answers = await asyncio.gather(
        *(_ask(context, context.edges.tenants[id_], part, stage.advance) for id_, part in routes.by_tenant.items()),
        _place(context, routes.homeless, domains),
    )
    matches = combine(answers)
    context.observed.put_matches(matches)
    _note_trouble(context, routes, domains, matches)
    found = sum(isinstance(match, Found) for match in matches.values())
    stage.done(f"{found:,} of {len(asked):,} names found")


def route(names: Collection[str], domains: Mapping[str, frozenset[str] | CouldNotAsk]) -> Routes:
    """Give each name to every tenant that has its domain (two may, by their settings)."""
    tenants_of: defaultdict[str, list[str]] = defaultdict(list)
    for tenant_id, known in domains.items():
        for domain in () if isinstance(known, CouldNotAsk) else known:
            tenants_of[domain].append(tenant_id)
    by_tenant: defaultdict[str, set[str]] = defaultdict(set)
    homeless: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        domain = name.rpartition("@")[2]
        for tenant_id in tenants_of.get(domain, ()):
            by_tenant[tenant_id].add(name)
        if domain not in tenants_of:
            homeless[domain].add(name)
    return Routes(_frozen(by_tenant), _frozen(homeless))


def _frozen(sets: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in sets.items()}


def combine(answers: Collection[Mapping[str, Match]]) -> dict[str, Match]:
    """One answer a name: found anywhere is found; else not known where any tenant could not say; else absent."""
    combined: dict[str, Match] = {}
    for answer in answers:
        for name, match in answer.items():
            known = combined.get(name)
            if known is None or _rank(match) > _rank(known):
                combined[name] = match
    return combined


def _rank(match: Match) -> int:
    match match:
        case Found():
            return 4
        case CouldNotAsk():
            return 3
        case Absent(deleted_at=None, alias_of=None):
            return 1
        case Absent():
            return 2
        case NoTenant():
            return 0


async def _domains(context: Context) -> dict[str, frozenset[str] | CouldNotAsk]:
    tenants = context.edges.tenants.values()
    known = await asyncio.gather(*(_domains_of(tenant) for tenant in tenants))
    return {tenant.id: domains for tenant, domains in zip(tenants, known, strict=True)}


async def _domains_of(tenant: Tenant) -> frozenset[str] | CouldNotAsk:
    if tenant.configured_domains is not None:
        return tenant.configured_domains
    return await tenant.directory.domains()


async def _ask(
    context: Context, tenant: Tenant, names: frozenset[str], advance: Callable[[int], None]
) -> Mapping[str, Match]:
    known = {
        name
        for row in context.observed.rows.values()
        if row.shown.object_id and (name := examine(row.upn).name) in names
    }
    return await tenant.directory.resolve(names, advance, known=known)


async def _place(
    context: Context, homeless: Mapping[str, frozenset[str]], domains: Mapping[str, frozenset[str] | CouldNotAsk]
) -> dict[str, Match]:
    """Answer for names whose domain no tenant claims: nobody's here, or perhaps of a tenant that could not be asked."""
    silent = {id_: known for id_, known in domains.items() if isinstance(known, CouldNotAsk)}
    looked_up = sorted(homeless)[:_MOST_LOOKUPS]
    owners = await asyncio.gather(*(_owner(context, domain) for domain in looked_up))
    owner_of = dict(zip(looked_up, owners, strict=True))
    not_looked_up = CouldNotAsk("too many unknown domains to look them all up", context.clock())
    answers: dict[str, Match] = {}
    for domain, names in homeless.items():
        match = _without_tenant(context, domain, owner_of.get(domain, not_looked_up), silent)
        answers.update(dict.fromkeys(names, match))
    return answers


def _without_tenant(
    context: Context, domain: str, owner: str | CouldNotAsk | None, silent: Mapping[str, CouldNotAsk]
) -> Match:
    """NoTenant, unless a tenant that did not tell its domains may be the one that has this domain."""
    if silent and (isinstance(owner, CouldNotAsk) or not all(map(_is_guid, silent))):
        # A tenant written by its name in the settings cannot be told from the id that the look-up gives.
        return next(iter(silent.values()))
    if isinstance(owner, str):
        return silent.get(owner) or NoTenant(domain, _owner_name(context, owner))
    return NoTenant(domain)


def _is_guid(tenant_id: str) -> bool:
    try:
        UUID(tenant_id)
    except ValueError:
        return False
    return True


def _owner_name(context: Context, tenant_id: str) -> str:
    tenant = context.edges.tenants.get(tenant_id)
    if tenant is None:
        return f"tenant {tenant_id}"
    return f"the tenant of account {tenant.accounts[0]}, whose domains: setting leaves it out"


async def _owner(context: Context, domain: str) -> str | CouldNotAsk | None:
    if domain not in context.owners:
        owner = await context.edges.owner_of(domain)
        if isinstance(owner, CouldNotAsk):
            return owner
        context.owners[domain] = owner
    return context.owners[domain]


def _note_trouble(
    context: Context, routes: Routes, domains: Mapping[str, frozenset[str] | CouldNotAsk], matches: Mapping[str, Match]
) -> None:
    """Keep, and log once per change, why a tenant could not be asked."""
    for tenant in context.edges.tenants.values():
        known = domains[tenant.id]
        asked = (matches[name] for name in routes.by_tenant.get(tenant.id, ()))
        failures = [known] if isinstance(known, CouldNotAsk) else [m for m in asked if isinstance(m, CouldNotAsk)]
        reason = failures[0].reason if failures else None
        if reason is None:
            context.observed.trouble.pop(tenant.id, None)
        elif context.observed.trouble.get(tenant.id) != reason:
            context.observed.trouble[tenant.id] = reason
            _log.warning("tenant_could_not_be_asked", tenant=tenant.id, accounts=tenant.accounts, reason=reason)
