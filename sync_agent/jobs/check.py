"""`sync-agent check`: asks everything that can be asked at once, and has it judged.

It only reads, takes no lease, keeps nothing, and works beside a running service. A part that another one rests on is
asked first; whatever takes longer than the whole may is given up and told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from sync_agent.check import domains as judged_domains
from sync_agent.check.finding import Finding
from sync_agent.check.judge import judge
from sync_agent.check.observed import DomainsSeen, HostSeen, ListSeen, Seen, SignInSeen, Slow
from sync_agent.jobs.check_limits import see_day, see_limits
from sync_agent.jobs.check_list import ListAnswer, see_agent_list
from sync_agent.jobs.check_machine import see_database, see_folder, see_notify, see_ports, see_settings
from sync_agent.microsoft365.accounts import Account, open_accounts
from sync_agent.microsoft365.agent_list import sharepoint_budget
from sync_agent.microsoft365.checking.access import Access, see_access
from sync_agent.microsoft365.checking.hosts import bundles, places, see_host
from sync_agent.microsoft365.checking.signing_in import see_sign_in
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.tenant_of_domain import owner_of
from sync_agent.microsoft365.token_cache import CopiedTokenCache
from sync_agent.microsoft365.transport import Bounds, Transport
from sync_agent.model import CouldNotAsk
from sync_agent.settings import Settings

T = TypeVar("T")

WHOLE = 9.0
"""Seconds for everything."""
_BOUNDS = Bounds(connect=3.0, read=3.5, pool=3.5, whole=4.0)
_RETRYING = Retrying(attempts=2, base=0.2, patience=2.0)


async def check(path: Path, settings: Settings) -> list[Finding]:
    """Everything that is right or wrong with the settings at ``path`` and what they lead to."""
    usable, unusable = bundles(settings)
    seen = Seen(datetime.now(UTC), see_settings(path, settings), unusable)
    try:
        transport = Transport(ca_bundles=usable, proxy=settings.proxy, retrying=_RETRYING, bounds=_BOUNDS)
    except ServiceError:
        return judge(replace(seen, no_proxy=True))
    accounts = open_accounts(settings, transport, None, caches=CopiedTokenCache)
    try:
        return judge(await _Check(settings, transport, accounts, time.monotonic() + WHOLE, WHOLE).everything(seen))
    finally:
        for account in accounts.values():
            await account.aclose()
        await transport.aclose()


@dataclass(slots=True)
class _Check:
    settings: Settings
    transport: Transport
    accounts: Mapping[str, Account]
    ends: float
    seconds: float
    slow: list[Slow] = field(default_factory=list)

    async def everything(self, seen: Seen) -> Seen:
        here, hosts, seen = await asyncio.gather(self._machine(seen), self._hosts(), self._services(seen))
        return replace(
            seen,
            hosts=hosts,
            tokens=here.tokens,
            reports=here.reports,
            database=here.database,
            ports=here.ports,
            notify=here.notify,
            slow=self.slow,
        )

    async def _machine(self, seen: Seen) -> Seen:
        kept, proxy = self.settings.state, self.settings.proxy
        tokens, reports, database, ports = await asyncio.gather(
            asyncio.to_thread(see_folder, kept.tokens),
            asyncio.to_thread(see_folder, kept.reports),
            self._in_time(asyncio.to_thread(see_database, kept.database), "the database"),
            self._in_time(see_ports(self.settings), "web.listen"),
        )
        notify = await asyncio.gather(*(see_notify(url, proxy, self.seconds - 1) for url in self.settings.notify.urls))
        return replace(seen, tokens=tokens, reports=reports, database=database, ports=ports or (), notify=notify)

    async def _hosts(self) -> list[HostSeen]:
        wanted = places(self.settings)
        found = await asyncio.gather(
            *(self._in_time(see_host(self.transport, place), place.host, place.host) for place in wanted)
        )
        return [each for each in found if each is not None]

    async def _services(self, seen: Seen) -> Seen:
        """The accounts, the list, and what the two have to do with each other."""
        without = {account for _, account, _ in seen.settings.unavailable}
        able = [id_ for id_ in self.accounts if id_ not in without]
        budget = sharepoint_budget(self.settings)
        asked, listed = await asyncio.gather(asyncio.gather(*map(self._account, able)), self._list(able, budget))
        sign_ins = [sign_in for sign_in, _ in asked]
        access = [each for _, accesses in asked for each in accesses.seen]
        seen = replace(seen, sign_ins=sign_ins, access=access, no_presence=self._without_presence())
        known = self._domains({sign_in.account: access.domains for sign_in, access in asked}, sign_ins)
        seen = replace(seen, domains=known)
        if listed is None:
            return seen
        seen = replace(seen, site_sign_in=listed.sign_in, site_permissions=listed.permissions)
        if listed.agents is None:
            return seen
        known = await self._with_owners(known, listed.agents)
        day = await self._in_time(asyncio.to_thread(see_day, self.settings, budget.key), "what was spent of the day")
        limits = see_limits(self.settings, listed.agents, known, budget.snapshot().stated, day)
        return replace(seen, agent_list=listed.agents, own_lists=listed.beside, domains=known, limits=limits)

    async def _account(self, id_: str) -> tuple[SignInSeen, Access]:
        account, configured = self.accounts[id_], self.settings.account(id_)
        empty = SignInSeen(id_, configured.auth, "", configured.tenant_id)
        seen = await self._in_time(
            see_sign_in(account, configured, account.endpoints.graph), f"the sign-in of account {id_}", id_
        )
        if seen is None or seen.outcome != "signed_in":
            return seen or empty, Access()
        asking = see_access(account, self.transport, _RETRYING, domains=not configured.domains)
        access = await self._in_time(asking, f"the permissions of account {id_}", id_) or Access()
        return replace(seen, ends=access.ends), access

    async def _list(self, able: Sequence[str], budget: Budget) -> ListAnswer | None:
        id_ = self.settings.sharepoint.account
        if id_ not in able:
            return None
        looking = see_agent_list(self.settings, self.accounts, self.transport, budget, _RETRYING)
        return await self._in_time(looking, "the Agent list", id_)

    def _domains(self, told: Mapping[str, frozenset[str] | None], sign_ins: Sequence[SignInSeen]) -> DomainsSeen:
        given = {account.id: account.domains for account in self.settings.accounts}
        of_accounts = {id_: frozenset(named) if (named := given[id_]) else told.get(id_) for id_ in given}
        # A tenant may be written by a domain of it; its token has the id.
        tenants = {account.id: account.tenant_id for account in self.settings.accounts}
        tenants |= {each.account: each.got_tenant for each in sign_ins if each.got_tenant}
        return DomainsSeen(of_accounts, tenants, looked_up=self.settings.validation.domain_lookup)

    async def _with_owners(self, known: DomainsSeen, agents: ListSeen) -> DomainsSeen:
        """Whose the domains are that no account is known to have, where they may be looked up."""
        if agents.rows is None or not known.looked_up:
            return known
        strange = judged_domains.to_look_up(agents.rows, known.of_accounts)
        authority = self.accounts[self.settings.sharepoint.account].endpoints.authority
        look_up = partial(owner_of, transport=self.transport, authority=authority, clock=lambda: datetime.now(UTC))
        asking = asyncio.gather(*map(look_up, strange))
        owners = await self._in_time(asking, "whose the domains are") or []
        told = {
            domain: owner or ""
            for domain, owner in zip(strange, owners, strict=False)
            if not isinstance(owner, CouldNotAsk)
        }
        return replace(known, owners=told)

    def _without_presence(self) -> list[tuple[str, str]]:
        return [
            (account.id, account.cloud)
            for account in self.settings.accounts
            if not self.settings.endpoints(account).presence
        ]

    async def _in_time(self, asking: Awaitable[T], what: str, *about: str) -> T | None:
        """None where it took too long: that is noted."""
        try:
            async with asyncio.timeout(max(0.0, self.ends - time.monotonic())):
                return await asking
        except TimeoutError:
            self.slow.append(Slow(what, self.seconds, about))
            return None
