"""What other tenants are called, by Graph's cross-tenant look-up, where an app may use it.

That takes CrossTenantInformation.ReadBasic.All (tenantRelationship: findTenantInformationByTenantId), which nothing
else here needs: without it a tenant is named by its id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.graph import Graph

_REMEMBERED = timedelta(days=1)
_REFUSED = timedelta(hours=1)
"""How long an app that may not ask is not asked by again."""


_NOT_ALLOWED = frozenset({401, 403})
_FIND = "/tenantRelationships/findTenantInformationByTenantId"


class _Tenant(msgspec.Struct, rename="camel"):
    tenant_id: str  # must be there, or it is no tenant
    display_name: str | None = None
    default_domain_name: str | None = None

    @property
    def name(self) -> str:
        return " ".join((self.display_name or self.default_domain_name or "").split())

    @property
    def named(self) -> str:
        """With the domain, which is often better known; "" where it is called nothing."""
        domain = self.default_domain_name
        return f"{self.name} ({domain})" if domain and domain != self.name else self.name


class TenantNames:
    """``sessions``: by account id. Each is as good as any other that may ask."""

    def __init__(self, sessions: Mapping[str, Graph], clock: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._known: dict[str, tuple[str, datetime]] = {}
        self._refused: dict[str, datetime] = {}

    async def of(self, tenant_ids: Iterable[str]) -> dict[str, str]:
        """What each tenant is called, as in "Contoso Ltd (contoso.com)", as far as that can be told.

        Does not raise ServiceError: a name that was known stays while it cannot be asked for again.
        """
        wanted, now = sorted(set(tenant_ids)), self._clock()
        unknown = [id_ for id_ in wanted if not self._is_fresh(id_, now)]
        for part in (unknown[:1], unknown[1:]):  # whoever may not ask finds out by one request
            await asyncio.gather(*(self._ask(id_, now) for id_ in part))
        known = {id_: self._known[id_][0] for id_ in wanted if id_ in self._known}
        return {id_: name for id_, name in known.items() if name}

    def _is_fresh(self, tenant_id: str, now: datetime) -> bool:
        known = self._known.get(tenant_id)
        return known is not None and now - known[1] < _REMEMBERED

    async def _ask(self, tenant_id: str, now: datetime) -> None:
        for account, graph in self._sessions.items():
            if account in self._refused and now - self._refused[account] < _REFUSED:
                continue
            try:
                told = await graph.get(f"{_FIND}(tenantId='{tenant_id}')", _Tenant)
            except Refused as failure:
                if failure.status not in _NOT_ALLOWED:
                    self._known[tenant_id] = ("", now)
                    return
                self._refused[account] = now
            except ServiceError:
                continue
            else:
                self._known[tenant_id] = (told.named, now)
                return
