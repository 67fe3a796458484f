"""A tenant as naive as can be, behind a scripted server. Each of its answers can be spoilt."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID, uuid5

from starlette.responses import Response

from sync_agent.microsoft365.directory import Directory
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.presence import PresenceReader
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Transport
from tests.microsoft365.scripted import Asked, FixedToken, Scripted, Ticking, refused, said, scripted

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_NAMES = UUID("5b0f0a4e-0000-4000-8000-000000000000")

Spoil = Callable[[Asked], Response | None]


def _unspoilt(asked: Asked) -> None:
    return None


def id_of(name: str) -> str:
    return str(uuid5(_NAMES, name))


def user(upn: str, **more: Any) -> dict[str, Any]:
    """A licensed member; ``more`` overrides properties."""
    plans = [{"service": "TeamspaceAPI", "capabilityStatus": "Enabled", "servicePlanId": id_of("teams")}]
    plain = {"displayName": upn.partition("@")[0], "accountEnabled": True, "userType": "Member", "mail": None}
    return {
        "id": id_of(upn.lower()),
        "userPrincipalName": upn,
        **plain,
        "proxyAddresses": [],
        "assignedPlans": plans,
        **more,
    }


class BrokenSignIn(FixedToken):
    def __init__(self, failure: ServiceError) -> None:
        super().__init__()
        self.failure = failure

    async def token(self) -> str:
        raise self.failure


@dataclass(slots=True)
class SmallTenant:
    """``spoil`` sees each question, parts of batches included, and may answer it otherwise."""

    users: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[dict[str, Any]] = field(default_factory=list)
    presences: dict[str, tuple[str, str]] = field(default_factory=dict)
    malformed: set[str] = field(default_factory=set)
    """Ids that make a presence request fail."""
    spoil: Spoil = field(default=_unspoilt)
    page: int = 999
    url: str = ""
    parts: Counter[str] = field(default_factory=Counter)
    clock: Ticking = field(default_factory=Ticking)

    def add(self, *upns: str) -> None:
        self.users += [user(upn) for upn in upns]

    def delete(self, upn: str, at: str) -> None:
        id_ = id_of(upn + at)
        name = id_.replace("-", "") + upn
        self.deleted.append({"id": id_, "userPrincipalName": name, "deletedDateTime": at})

    def answering(self, asked: Asked) -> Response:
        self.parts[asked.path] += 1
        spoilt = self.spoil(asked)
        return spoilt if spoilt is not None else self._answers(asked)

    def _answers(self, asked: Asked) -> Response:
        match asked.path:
            case "/$batch":
                return said({"responses": [self._part(asked, part) for part in reversed(asked.json()["requests"])]})
            case "/users/$count":
                return Response(f"\ufeff{len(self.users)}", media_type="text/plain")
            case "/users":
                return self._users(asked)
            case "/directory/deletedItems/microsoft.graph.user":
                return said({"value": [_selected(asked, record) for record in self.deleted]})
            case "/organization":
                domains = [{"name": "Contoso.com", "isDefault": True}, {"name": "contoso.onmicrosoft.com"}]
                return said({"value": [{"id": TENANT, "displayName": "Contoso", "verifiedDomains": domains}]})
            case "/communications/getPresencesByUserId":
                return self._presences(asked)
            case _:
                return refused(404)

    def _part(self, batch: Asked, part: dict[str, Any]) -> dict[str, Any]:
        url = urlsplit(part["url"])
        headers = {"authorization": batch.headers["authorization"]}
        headers |= {name.lower(): value for name, value in part.get("headers", {}).items()}
        answer = self.answering(Asked(part["method"], url.path, dict(parse_qsl(url.query)), headers, b""))
        return {
            "id": part["id"],
            "status": answer.status_code,
            "headers": dict(answer.headers),
            "body": json.loads(bytes(answer.body)),
        }

    def _users(self, asked: Asked) -> Response:
        wanted = asked.query.get("$filter", "")
        values = [value.replace("''", "'").lower() for value in _LITERAL.findall(wanted)]
        if " in (" in wanted:
            return self._named(asked, values)
        if wanted:
            return self._by_address(asked, values)
        start, top = int(asked.query.get("$skiptoken", "0")), min(int(asked.query.get("$top", "100")), self.page)
        page: dict[str, Any] = {"value": [_selected(asked, record) for record in self.users[start : start + top]]}
        if start + top < len(self.users):
            rest = f"$top={top}&$select={asked.query['$select']}&$skiptoken={start + top}"
            page["@odata.nextLink"] = f"{self.url}/v1.0/users?{rest}"
        return said(page)

    def _named(self, asked: Asked, values: list[str]) -> Response:
        if len(values) > 15:
            return refused(400, "Request_UnsupportedQuery")
        return said({"value": [_selected(asked, u) for u in self.users if u["userPrincipalName"].lower() in values]})

    def _by_address(self, asked: Asked, values: list[str]) -> Response:
        if asked.headers.get("consistencylevel") != "eventual" or asked.query.get("$count") != "true":
            return refused(400, "Request_UnsupportedQuery")
        mail = values[0]
        found = [u for u in self.users if mail == (u["mail"] or "").lower() or f"smtp:{mail}" in _proxies(u)]
        return said({"value": [_selected(asked, record) for record in found]})

    def _presences(self, asked: Asked) -> Response:
        ids = asked.json()["ids"]
        if len(ids) > 650 or self.malformed & set(ids):
            return refused(400, "BadRequest")
        known = [(id_, self.presences[id_]) for id_ in reversed(ids) if id_ in self.presences]
        return said({"value": [{"id": id_, "availability": a, "activity": b, "x": None} for id_, (a, b) in known]})


def _selected(asked: Asked, record: dict[str, Any]) -> dict[str, Any]:
    names = asked.query["$select"].split(",")
    return {name: value for name, value in record.items() if name in names}


def _proxies(record: dict[str, Any]) -> list[str]:
    return [address.lower() for address in record["proxyAddresses"]]


@dataclass(slots=True)
class Opened:
    """A tenant that is being asked; ``service.asked`` are the requests."""

    service: Scripted
    directory: Directory
    reader: PresenceReader
    told: list[int]

    @property
    def requests(self) -> list[str]:
        return [asked.path for asked in self.service.asked]

    def tokens_used(self) -> set[str]:
        return {asked.headers["authorization"].removeprefix("Bearer ") for asked in self.service.asked}


@asynccontextmanager
async def opened(
    tenant: SmallTenant, accounts: Sequence[FixedToken] = (FixedToken(),), patience: float = 30.0
) -> AsyncIterator[Opened]:
    """Ask the tenant through accounts named a0, a1, … over HTTPS, in a time that passes by sleeping only."""
    with scripted(tenant.answering) as service:
        tenant.url = service.url
        clock, retrying = tenant.clock, Retrying(attempts=3)
        transport = Transport(ca_bundles=[service.ca_bundle], retrying=retrying, sleep=clock.sleep)
        sessions = {}
        for number, tokens in enumerate(accounts):
            budget = Budget(f"a{number}", 1_500, 30, clock=clock, sleep=clock.sleep)
            sessions[f"a{number}"] = Graph(
                transport, tokens, service.url, budget, "directory", retrying=retrying, sleep=clock.sleep
            )

        def now() -> datetime:
            return datetime.fromtimestamp(NOW.timestamp() + clock.now, UTC)

        reader = PresenceReader({TENANT: sessions}, now, patience=patience)
        try:
            yield Opened(service, Directory(TENANT, sessions, now), reader, [])
        finally:
            await reader.aclose()
            await transport.aclose()
