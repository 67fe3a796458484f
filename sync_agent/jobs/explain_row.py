"""Find out live why one row has its verdict: by the jobs of a pass, about what bears on that row, writing nothing.

What comes out is the verdict that a pass would reach: the same reading of the list, the same questions, the same
decision over the whole list. Only names and people that cannot matter to the row are left out (see `bearing`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from sync_agent.bearing import company, led_to, names_of, rivals_of, rows_of, rows_with
from sync_agent.detective import candidates, clearly_best
from sync_agent.duplicates import find_duplicates, user_of
from sync_agent.explanation.choosing import choose
from sync_agent.explanation.facts import Approval, Duplicates, Facts, KnownBy, PeopleFacts, PresenceFacts, TenantFacts
from sync_agent.fixes import approved_in
from sync_agent.jobs.apply_fixes import fixes_now
from sync_agent.jobs.ask_people import ask_people
from sync_agent.jobs.context import Context, Tenant
from sync_agent.jobs.plan_rows import verdict_of
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import Resolved, resolve_users
from sync_agent.leads import lead, questions
from sync_agent.microsoft365.recording import RequestRecord, recording
from sync_agent.model import CouldNotAsk, Found, Match, Row, User
from sync_agent.plan import plan
from sync_agent.progress import Silent
from sync_agent.reconcile import first_seen, names_to_ask
from sync_agent.upn import examine


async def explain_row(context: Context, wanted: str, opening: Sequence[RequestRecord] = ()) -> Facts:
    """``wanted``: a row id, or what stands in a UPN cell; ``opening``: the requests by which the list was opened.

    Raises NoSuchRow, ListProblem, and ServiceError where the list cannot be read; a tenant that is silent is told in
    the facts.
    """
    observed = context.observed
    with recording() as listed:
        await read_list(context)
    rows = len(observed.rows)
    chosen = choose(wanted, observed.rows)
    row = chosen.row
    if chosen.assumed:
        observed.put_rows([*observed.rows.values(), row], context.clock())
    inquiry = _Inquiry(replace(context, progress=Silent()), row)
    await inquiry.ask_names()
    await inquiry.ask_people()
    duplicates = await inquiry.ask_about_others()
    presence = await inquiry.ask_presence()
    verdict = verdict_of(context, row)
    planned = plan([row], {row.id: verdict}, observed.presences, context.clock()).changes
    return Facts(
        asked=wanted,
        at=context.clock(),
        list_title=context.edges.agent_list.title,
        rows=rows,
        row=row,
        assumed=chosen.assumed,
        also=chosen.also,
        matches={name: match for name in names_of(row) if (match := observed.matches.get(name)) is not None},
        tenants=tuple(map(inquiry.tenant, context.edges.tenants.values())),
        owners={domain: owner for resolved in inquiry.resolved for domain, owner in resolved.domains.owners.items()},
        people=inquiry.people(),
        duplicates=duplicates,
        presence=presence,
        verdict=verdict,
        change=planned[0] if planned and not chosen.assumed else None,
        approval=inquiry.approval(),
        list_requests=(*opening, *listed.requests),
        look_ups=tuple(filter(_is_look_up, inquiry.asked_names)),
    )


@dataclass(slots=True)
class _Inquiry:
    """What is asked about one row, and what came of it so far."""

    context: Context
    row: Row
    resolved: list[Resolved] = field(default_factory=list)
    asked_names: list[RequestRecord] = field(default_factory=list)
    asked_people: list[RequestRecord] = field(default_factory=list)

    async def ask_names(self) -> None:
        """The row's own, in company; all of the list's where the tenant is not believed otherwise."""
        observed, names = self.context.observed, frozenset(names_of(self.row))
        await self._resolve(names | company(self.row, observed.rows.values()))
        answers = [said[name] for said in self.resolved[0].answers.values() for name in names & said.keys()]
        if any(isinstance(answer, CouldNotAsk) and answer.not_believed for answer in answers):
            observed.forget_names(frozenset())
            await self._resolve(None)

    async def ask_people(self, others: Collection[int] = ()) -> None:
        with recording() as made:
            await ask_people(self.context, about=[self.row.id, *others])
        self.asked_people += made.requests

    async def ask_about_others(self) -> Duplicates:
        """About the rows that may have the same user, or somebody who may be meant."""
        observed = self.context.observed
        with recording() as made:
            unsure = await self._ask_about_others(led_to(self.row, observed.matches, observed.clues.people.by_id))
        users = {row.id: user for row in observed.rows.values() if (user := self._leads_to(row)) is not None}
        found = find_duplicates({row.id: examine(row.upn) for row in observed.rows.values()}, users)
        same_upn = tuple(id_ for id_ in found.same_upn.get(self.row.id, ()) if id_ != self.row.id)
        return Duplicates(same_upn, found.same_user.get(self.row.id, ()), unsure, tuple(made.requests))

    async def ask_presence(self) -> PresenceFacts:
        context, verdict = self.context, self.context.observed.verdicts[self.row.id]
        user = verdict.user
        if user is None:
            return PresenceFacts(None, None, context.unavailable_after)
        with recording() as made:
            sweep = await context.edges.presence.sweep({context.observed.tenant_of[verdict.account]: (user.id,)})
        context.observed.put_presences(sweep.parts, sweep.read_at)
        read = sweep.failed.get(user.id) or context.observed.presences[user.id]
        since = None if isinstance(read, CouldNotAsk) else first_seen(read, user, self.row.shown)
        return PresenceFacts(read, since, context.unavailable_after, tuple(made.requests))

    def tenant(self, tenant: Tenant) -> TenantFacts:
        """What it said about the row's names."""
        said: dict[str, Match] = {}
        for resolved in self.resolved:
            said.update(resolved.answers.get(tenant.id, {}))
        domains = [resolved.domains for resolved in self.resolved]
        silent = next((known.silent[tenant.id] for known in domains if tenant.id in known.silent), None)
        if tenant.configured_domains is not None:
            known_by = KnownBy.SETTINGS
        elif silent is not None:
            known_by = KnownBy.NOT_KNOWN
        elif any(tenant.id in known.looked_up for known in domains):
            known_by = KnownBy.PUBLIC_LOOKUP
        else:
            known_by = KnownBy.VERIFIED_DOMAINS
        return TenantFacts(
            id=tenant.id,
            name=tenant.directory.display_name,
            accounts=tenant.accounts,
            domains=frozenset().union(*(known.told.get(tenant.id, frozenset()) for known in domains)),
            known_by=known_by,
            answers={name: said[name] for name in names_of(self.row) if name in said},
            silent=silent,
            requests=tuple(request for request in self.asked_names if _is_of(request, tenant)),
        )

    def people(self) -> PeopleFacts:
        observed, row = self.context.observed, self.row
        asked, told = questions([row], observed.matches), lead(row.upn, row.name)
        taken = {match.user.id.lower() for other in observed.rows.values() if (match := self._found(other))}
        ordered = candidates(told, observed.clues, taken, examine(row.upn).name) if asked else []
        return PeopleFacts(
            lead=told,
            asked=asked,
            unanswered=asked - observed.clues.asked,
            candidates=tuple(ordered),
            best=clearly_best(ordered),
            silent=observed.clues.silent if asked else "",
            requests=tuple(self.asked_people),
        )

    def approval(self) -> Approval | None:
        """What becomes of what a person approved in the row, if anybody did."""
        approved = approved_in(self.row)
        if not approved:
            return None
        planned = fixes_now(self.context)
        fix = next((fix for fix in planned.fixes if fix.row.id == self.row.id), None)
        reason = next((each.reason for each in planned.unfollowed if each.row_id == self.row.id), "")
        return Approval(approved, None if fix is None else fix.code, reason)

    async def _resolve(self, names: Collection[str] | None) -> None:
        """People are asked about apart from it, so that it can be told by which requests."""
        with recording() as made:
            self.resolved.append(await resolve_users(self.context, names, about=()))
        self.asked_names += made.requests
        if names is None:
            await ask_people(self.context, anew=True)

    async def _ask_about_others(self, led: Collection[Found]) -> str:
        """Returns why some could not be asked about, "" where all could."""
        observed = self.context.observed
        rows, people = observed.rows.values(), observed.clues.people.by_id.values()
        addresses, unsure = await self._addresses(led)
        same = [*rows_with([found.user for found in led], addresses, rows), *rivals_of(self.row, rows)]
        names = names_to_ask([*same, *rows_of(people, rows)])
        if new := names - observed.matches.keys():
            await resolve_users(self.context, new, about=())
        await self.ask_people([other.id for other in same])
        silent = [match.reason for name in names if isinstance(match := observed.matches.get(name), CouldNotAsk)]
        return unsure or next(iter(silent), "")

    async def _addresses(self, led: Collection[Found]) -> tuple[set[str], str]:
        """The mail addresses of those whom the row leads to, and why some may be missing."""
        addresses, unsure = set[str](), ""
        for found in led:
            tenant = self.context.edges.tenants[self.context.observed.tenant_of[found.account]]
            told = await tenant.directory.addresses(found.user.id)
            if isinstance(told, CouldNotAsk):
                unsure = told.reason
            else:
                addresses |= told
        return addresses, unsure

    def _found(self, row: Row) -> Found | None:
        match = self.context.observed.matches.get(examine(row.upn).name or "")
        return match if isinstance(match, Found) else None

    def _leads_to(self, row: Row) -> User | None:
        observed = self.context.observed
        return observed.verdicts[row.id].former or user_of(observed.matches.get(examine(row.upn).name or ""))


def _is_of(request: RequestRecord, tenant: Tenant) -> bool:
    if request.account:
        return request.account in tenant.accounts
    return request.kind == "sign-in" and f"/{tenant.id}/" in request.path


def _is_look_up(request: RequestRecord) -> bool:
    return request.kind == "directory" and not request.account
