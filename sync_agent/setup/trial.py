"""Trying answers live, by the very ways that the service and `sync-agent check` take; what is wrong is a finding of
theirs. Only what is asked for is asked, nothing is written anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from sync_agent.check.finding import Area, Finding, Level
from sync_agent.check.judge import judge
from sync_agent.check.observed import DomainsSeen, ListSeen, Seen, SettingsSeen
from sync_agent.microsoft365.accounts import Account, Announce
from sync_agent.microsoft365.checking.access import see_access
from sync_agent.microsoft365.checking.browsing import Browsed, browse, list_titles
from sync_agent.microsoft365.checking.graph_list import not_there
from sync_agent.microsoft365.checking.hosts import host_of
from sync_agent.microsoft365.checking.signing_in import see_sign_in
from sync_agent.microsoft365.columns import ColumnNames
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.graph import Graph, Page
from sync_agent.microsoft365.graph_structure import find_site
from sync_agent.microsoft365.list_answers import ListProblem
from sync_agent.microsoft365.list_place import Place
from sync_agent.microsoft365.msal_bridge import MsalHttp
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.sign_in import Party
from sync_agent.microsoft365.tenant_names import TenantNames
from sync_agent.microsoft365.tenant_of_domain import owner_of
from sync_agent.microsoft365.token_cache import TokenCache
from sync_agent.microsoft365.transport import Bounds, Transport
from sync_agent.model import CouldNotAsk
from sync_agent.settings import AccountSettings, Endpoints

_BOUNDS = Bounds(connect=5.0, read=10.0, pool=10.0, whole=15.0)
_RETRYING = Retrying(attempts=2, base=0.2, patience=5.0)
_AREAS = (Area.NETWORK, Area.SIGN_IN, Area.PERMISSIONS, Area.LIST)


class _Organization(msgspec.Struct):
    name: str | None = msgspec.field(default=None, name="displayName")


@dataclass(frozen=True, slots=True)
class AccountTried:
    """``tenant_name``, ``domains``: of its tenant, "" and None where the app may not ask for them."""

    findings: Sequence[Finding]
    signed_in: bool = False
    tenant_name: str = ""
    domains: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SiteTried:
    """``titles``: of its lists, None where they may not be listed."""

    findings: Sequence[Finding] = ()
    site_id: str = ""
    titles: Sequence[str] | None = None


class Trial:
    """Made and used inside one event loop. ``announce``: shows a person's device code."""

    def __init__(self, endpoints: Endpoints, announce: Announce) -> None:
        """Raises Unreachable where the cloud's CA certificates cannot be used."""
        bundles: list[Path] = [] if endpoints.ca_bundle is None else [endpoints.ca_bundle]
        self.endpoints = endpoints
        self._transport = Transport(ca_bundles=bundles, retrying=_RETRYING, bounds=_BOUNDS)
        self._announce = announce
        self._accounts: dict[str, Account] = {}

    async def owner(self, domain: str) -> str | CouldNotAsk | None:
        """As tenant_of_domain.owner_of."""
        return await owner_of(domain, self._transport, self.endpoints.authority, lambda: datetime.now(UTC))

    async def account(self, configured: AccountSettings, cache: TokenCache, *, by_person: bool) -> AccountTried:
        """``by_person``: whether there is somebody to sign in by a device code. Raises SecretUnavailable."""
        account = Account(Party(configured, self.endpoints, MsalHttp(self._transport), cache))
        await self._forget(configured.id)
        self._accounts[configured.id] = account
        if configured.auth == "device_code" and by_person:
            with suppress(ServiceError):  # told by what follows, which fails alike
                await account.sign_in_person(self._announce)
        sign_in = await see_sign_in(account, configured, self.endpoints.graph)
        if sign_in.outcome != "signed_in":
            return AccountTried(_judged(sign_ins=[sign_in]))
        access = await see_access(account, self._transport, _RETRYING, domains=True)
        findings = _judged(sign_ins=[sign_in], access=access.seen, domains=DomainsSeen({}))
        return AccountTried(findings, True, await self._tenant_name(account), access.domains)

    async def names(self, account_id: str, tenant_ids: Sequence[str]) -> dict[str, str]:
        """What other tenants are called, where the account may ask."""
        names = TenantNames({account_id: self._graph(account_id)}, lambda: datetime.now(UTC))
        return await names.of(tenant_ids)

    async def site(self, account_id: str, site_url: str) -> SiteTried:
        try:
            graph = self._graph(account_id)
            site_id = await find_site(graph, _place(account_id, site_url, ""))
            return SiteTried((), site_id, await list_titles(graph, site_id))
        except (ServiceError, ListProblem) as problem:
            return SiteTried(self._list_finding(account_id, site_url, "", "site", problem))

    async def agent_list(self, account_id: str, site_url: str, site_id: str, title: str) -> Browsed | Sequence[Finding]:
        try:
            return await browse(self._graph(account_id), site_id, _place(account_id, site_url, title))
        except (ServiceError, ListProblem) as problem:
            return self._list_finding(account_id, site_url, title, "list", problem)

    async def aclose(self) -> None:
        for id_ in list(self._accounts):
            await self._forget(id_)
        await self._transport.aclose()

    async def _forget(self, account_id: str) -> None:
        if (account := self._accounts.pop(account_id, None)) is not None:
            await account.aclose()

    async def _tenant_name(self, account: Account) -> str:
        graph = self._graph(account.id)
        try:
            page = await graph.get("/organization?$select=displayName", Page[_Organization])
        except ServiceError:
            return ""
        return next((each.name for each in page.value if each.name), "")

    def _graph(self, account_id: str) -> Graph:
        account, origin = self._accounts[account_id], self.endpoints.graph
        tokens, budget = account.tokens(origin), account.directory_budget
        return Graph(self._transport, tokens, origin, budget, "init", retrying=_RETRYING)

    def _list_finding(
        self, account_id: str, site_url: str, title: str, stage: str, problem: ServiceError | ListProblem
    ) -> list[Finding]:
        seen = ListSeen(account_id, host_of(self.endpoints.graph), "graph", site_url, title)
        return _judged(agent_list=not_there(seen, stage, problem))


def wrong(findings: Sequence[Finding]) -> bool:
    return any(each.level is Level.ERROR for each in findings)


def _judged(**seen: Any) -> list[Finding]:
    """``seen``: parts of Seen. What is judged of parts that were not looked at is left out."""
    findings = judge(Seen(datetime.now(UTC), SettingsSeen("", 0), **seen))
    return [each for each in findings if each.area in _AREAS]


def _place(account_id: str, site_url: str, title: str) -> Place:
    return Place(site_url, title, ColumnNames("", "", {}), account_id)
