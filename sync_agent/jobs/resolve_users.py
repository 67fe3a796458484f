"""Ask the tenants who the UPNs in the list are: each name in the tenant that has its domain, all tenants at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import structlog

from sync_agent.jobs.ask_people import ask_people
from sync_agent.jobs.canaries import canaries_of, vouched
from sync_agent.jobs.context import Context, Tenant
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.tenant_domains import TenantDomains, tenant_domains, without_tenant
from sync_agent.jobs.witnesses import as_news, witnesses
from sync_agent.model import Absent, CouldNotAsk, Found, Match, NoTenant, Row
from sync_agent.upn import examine

_log = structlog.get_logger()

_UNEXPLAINED = "whether names that nobody has are deleted users, or somebody's addresses, could not be asked"


@dataclass(frozen=True, slots=True)
class Routes:
    """Which tenants to ask for each name; ``homeless`` are names by domain that no tenant is known to have."""

    by_tenant: Mapping[str, frozenset[str]]
    homeless: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where the answers came from, for whoever explains them: ``answers`` by tenant id, then by name, before they were
    put together.
    """

    domains: TenantDomains
    answers: Mapping[str, Mapping[str, Match]]


async def resolve_users(
    context: Context, names: Collection[str] | None = None, *, about: Collection[int] | None = None
) -> Resolved:
    """Ask for ``names`` (None: every name in the list) and put the answers into what is observed. ``about``: ids of the
    rows that people are then asked about, None: all.

    Never raises for a tenant's failure: the names that depended on it become CouldNotAsk, with the reason.
    """
    observed = context.observed
    vouching = frozenset[str]() if names is None else _vouching(context, names)
    asked = observed.names() if names is None else frozenset(names) | vouching
    stage = context.progress.stage("Asking the tenants", len(asked))
    known = await tenant_domains(context, {_domain(name) for name in asked})
    await context.quarantines.refresh()
    routes = route(asked, known.told)
    matched = await asyncio.to_thread(_matched_before, list(observed.rows.values()), asked)
    answers = await asyncio.gather(
        *(
            _ask(context, context.edges.tenants[id_], part, part & matched, stage.advance)
            for id_, part in routes.by_tenant.items()
        )
    )
    homeless = {
        name: without_tenant(context, domain, known) for domain, part in routes.homeless.items() for name in part
    }
    stage.advance(len(homeless))
    matches = await asyncio.to_thread(combine, [*answers, homeless])
    for tenant_id, domains in known.told.items():
        observed.domains[tenant_id] = observed.domains.get(tenant_id, frozenset()) | domains
    for tenant_id, answered in zip(routes.by_tenant, answers, strict=True):
        _note_belief(observed, tenant_id, answered)
    await observed.take_matches(as_news(matches, vouching))
    _note_troubles(context, routes, known, matches)
    found = sum(isinstance(match, Found) for match in matches.values())
    stage.done(f"{found:,} of {len(asked):,} names found")
    await ask_people(context, anew=names is None, about=about)
    return Resolved(known, dict(zip(routes.by_tenant, answers, strict=True)))


def _note_belief(observed: Observed, tenant_id: str, answers: Mapping[str, Match]) -> None:
    doubts = (answer for answer in answers.values() if isinstance(answer, CouldNotAsk) and answer.not_believed)
    doubt = next(doubts, None)
    if doubt is None:
        observed.not_believed.pop(tenant_id, None)
    else:
        observed.not_believed[tenant_id] = doubt.reason


def _vouching(context: Context, names: Collection[str]) -> frozenset[str]:
    observed = context.observed
    return witnesses(names, observed.matches, observed.domains, observed.tenant_of)


async def resolve_news(context: Context) -> Resolved | None:
    """Ask about names that nobody was asked about yet, or whose last question failed, and then about people. None where
    there are no such names.
    """
    observed = context.observed
    unknown = (observed.names() - observed.matches.keys()) | observed.unanswered.keys()
    if unknown:
        return await resolve_users(context, unknown)
    await ask_people(context)
    return None


def route(names: Collection[str], domains: Mapping[str, frozenset[str]]) -> Routes:
    """Give each name to every tenant that has its domain (two may, by their settings)."""
    tenants_of: defaultdict[str, list[str]] = defaultdict(list)
    for tenant_id, known in domains.items():
        for domain in known:
            tenants_of[domain].append(tenant_id)
    by_tenant: defaultdict[str, set[str]] = defaultdict(set)
    homeless: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        domain = _domain(name)
        for tenant_id in tenants_of.get(domain, ()):
            by_tenant[tenant_id].add(name)
        if domain not in tenants_of:
            homeless[domain].add(name)
    return Routes(_frozen(by_tenant), _frozen(homeless))


def _domain(name: str) -> str:
    return name.rpartition("@")[2]


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
            return 5
        case CouldNotAsk():
            return 4
        case Absent(explained=True):
            return 3
        case Absent(unexplained=unexplained):
            return 2 if unexplained else 1
        case NoTenant():
            return 0


def _matched_before(rows: Collection[Row], names: Collection[str]) -> frozenset[str]:
    """Of the names, those whose rows show a user."""
    shown = (examine(row.upn).name for row in rows if row.shown.object_id)
    return frozenset(name for name in shown if name is not None and name in names)


async def _ask(
    context: Context, tenant: Tenant, names: frozenset[str], known: frozenset[str], advance: Callable[[int], None]
) -> Mapping[str, Match]:
    """``known``: names that matched in an earlier pass."""
    quarantines, directory = context.quarantines, tenant.directory
    released = quarantines.is_released(tenant.id)
    asked = names | canaries_of(tenant)
    answers = await directory.resolve(asked, advance, known=known, believed=released)
    believable = await vouched(tenant, answers, context.clock())
    told = {name: answer for name, answer in believable.items() if name in names}
    return await quarantines.weigh(context.observed, directory, tenant.id, tenant.accounts[0], told)


def _note_troubles(context: Context, routes: Routes, known: TenantDomains, matches: Mapping[str, Match]) -> None:
    """Who was not asked keeps what was said before. ``matches``: the answers, put together."""
    unexplained = context.observed.unexplained.values()
    owners = [owner for domain in sorted(routes.homeless) if isinstance(owner := known.owners[domain], CouldNotAsk)]
    for tenant in context.edges.tenants.values():
        # Where a tenant's domains are known by the public look-up alone, its silence is the tenant's.
        looked_up = owners if tenant.id in known.looked_up else []
        if tenant.id not in routes.by_tenant and tenant.id not in known.silent and not looked_up:
            continue
        asked = (matches[name] for name in routes.by_tenant.get(tenant.id, ()))
        if any(not isinstance(matches[name], CouldNotAsk) for name in routes.by_tenant.get(tenant.id, ())):
            context.observed.put_answered(tenant.id, context.clock())
        silent = filter(None, [known.silent.get(tenant.id)])
        failures = [*silent, *(match for match in asked if isinstance(match, CouldNotAsk)), *looked_up]
        open_ = [absent.unexplained for absent in unexplained if absent.account in tenant.accounts]
        if failures:
            note_trouble(context, tenant, failures[0].reason)
        else:
            note_trouble(context, tenant, f"{_UNEXPLAINED}: {min(open_)}" if open_ else None)


def note_trouble(context: Context, tenant: Tenant, reason: str | None) -> None:
    """Keep, and log once per change, why a tenant could not be asked; None: it could."""
    if reason is None:
        context.observed.trouble.pop(tenant.id, None)
    elif context.observed.trouble.get(tenant.id) != reason:
        context.observed.trouble[tenant.id] = reason
        _log.warning("tenant_could_not_be_asked", tenant=tenant.id, accounts=tenant.accounts, reason=reason)
