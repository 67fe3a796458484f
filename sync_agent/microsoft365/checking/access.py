"""Trying each permission: one cheap question of its kind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from sync_agent.check.observed import AccessSeen
from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.checking.hosts import host_of
from sync_agent.microsoft365.checking.trouble import trouble_of
from sync_agent.microsoft365.credential_ends import credential_ends
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.graph import Graph, Page
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Transport

_SOMEBODY = "11111111-1111-4111-8111-111111111111"
"""Well-formed and nobody's: of such Graph says PresenceUnknown, or nothing."""
_NOBODY = frozenset({400, 404})
"""How it may say so as well: it was allowed to ask."""


class _Domain(msgspec.Struct):
    name: str


class _Organization(msgspec.Struct):
    domains: list[_Domain] = msgspec.field(default_factory=list, name="verifiedDomains")


@dataclass(frozen=True, slots=True)
class Access:
    """``domains``: the tenant's, None where it did not tell. ``ends``: of credentials, as far as they are told."""

    seen: Sequence[AccessSeen] = ()
    domains: frozenset[str] | None = None
    ends: Sequence[tuple[str, datetime]] = ()


async def see_access(account: Account, transport: Transport, retrying: Retrying, *, domains: bool) -> Access:
    """Ask for a user, a presence, when credentials end, and, with ``domains``, for the tenant's domains."""
    origin = account.endpoints.graph
    tokens, host = account.tokens(origin), host_of(origin)
    directory = Graph(transport, tokens, origin, account.directory_budget, "check", retrying=retrying)
    presence = Graph(transport, tokens, origin, account.presence_budget, "check", retrying=retrying)
    told: frozenset[str] | None = None

    async def users() -> None:
        await directory.get("/users?$top=1&$select=id", Page[Any])

    async def presences() -> None:
        await presence.post("/communications/getPresencesByUserId", {"ids": [_SOMEBODY]}, Page[Any], repeatable=True)

    async def verified_domains() -> None:
        nonlocal told
        page = await directory.get("/organization?$select=id,verifiedDomains", Page[_Organization])
        told = frozenset(domain.name.lower() for each in page.value for domain in each.domains)

    async def tried(what: str, asking: Callable[[], Awaitable[None]]) -> AccessSeen:
        seen = AccessSeen(account.id, what, host)
        try:
            await asking()
        except ServiceError as failure:
            trouble = trouble_of(failure)
            return seen if what == "presence" and trouble.status in _NOBODY else replace(seen, trouble=trouble)
        return seen

    asked = [("users", users)]
    if account.endpoints.presence:
        asked.append(("presence", presences))
    if domains:
        asked.append(("domains", verified_domains))
    ends, seen = await asyncio.gather(
        credential_ends(account, directory), asyncio.gather(*(tried(what, asking) for what, asking in asked))
    )
    return Access(seen, told, [(end.setting, end.ends) for end in ends])
