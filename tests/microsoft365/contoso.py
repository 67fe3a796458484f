"""Contoso, a tenant of the embedded Microsoft 365, asked over HTTPS in a time that passes by sleeping only."""

from __future__ import annotations

import atexit
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid5

import jwt

from sync_agent.microsoft365.accounts import open_accounts
from sync_agent.microsoft365.directory import Directory
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.presence import PresenceReader
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import TokenSource, Transport
from sync_agent.settings import Settings
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.meter import Meter
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import GRAPH_PERMISSIONS, AppRegistration, SimUser, Tenant, World

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
SECRET = "s3cret~value"
DAY = 86_400
_NAMES = UUID("5b0f0a4e-0000-4000-8000-000000000000")

COUNT = r"/users/\$count"
BATCH = r"POST /v1\.0/\$batch"
BY_NAME = r"GET /v1\.0/users\?.*userPrincipalName in"

SignIn = Callable[[Transport], TokenSource]
Instead = Callable[[Call, Truly], Reply]


class Ticking:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Signed:
    """Signed in by a token that the embedded Entra has made already: asking it takes longer than most tests."""

    def __init__(self, token: str, account: str) -> None:
        self.account = account
        self._token = token

    async def token(self) -> str:
        return self._token

    async def renew(self, rejected: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Contoso:
    """Microsoft's limits hold, in the time of ``clock``."""

    world: World
    ca_bundle: Path
    tenant: Tenant
    clock: Ticking

    def add(self, *upns: str) -> None:
        for upn in upns:
            self.add_user(upn)

    def add_user(self, upn: str, **more: Any) -> SimUser:
        return self.tenant.add(SimUser(id_of(upn.lower()), upn, upn.partition("@")[0], **more))

    def delete(self, upn: str, at: str) -> None:
        """Somebody of that name, into the recycle bin; there may be several."""
        user = SimUser(id_of(upn + at), upn, upn, deleted_at=at)
        self.tenant.deleted[user.id] = user

    def app(self, account: str, *, without: str = "", more: str = "") -> AppRegistration:
        """The app of an account, with the permissions that the product needs, one less or one more."""
        permissions = set(GRAPH_PERMISSIONS) - {without} | ({more} if more else set())
        app = AppRegistration(id_of(account), {SECRET: 4e9}, permissions=permissions)
        self.tenant.apps[app.client_id] = app
        return app

    def signed(self, account: str, *, without: str = "", more: str = "") -> SignIn:
        app = self.app(account, without=without, more=more)
        token, _ = self.world.mint.access_token(self.world, self.tenant, app, self.world.origin)
        return lambda transport: Signed(token, account)

    def signing_in(self, account: str, folder: Path, secret: str = SECRET) -> SignIn:
        """By the whole way through Entra, whatever comes of it."""
        signing = {"auth": "client_secret", "client_id": self.app(account).client_id, "client_secret": secret}
        site = {"site_url": "https://contoso.sharepoint.example/sites/ucc", "agent_list": "A", "account": account}
        lab = {"authority": self.world.origin, "graph": self.world.origin}
        settings = Settings.model_validate(
            {
                "sharepoint": site,
                "accounts": [{"id": account, "tenant_id": TENANT, "cloud": "lab", **signing}],
                "clouds": {"lab": lab},
                "state": {"tokens": str(folder / account)},
            }
        )
        return lambda transport: open_accounts(settings, transport, None)[account].tokens(self.world.origin)

    def spoil(self, pattern: str, **how: Any) -> None:
        self.world.faults.add(pattern, **how)

    def mend(self) -> None:
        self.world.faults.clear()

    def heard(self, pattern: str = "/v1.0/") -> list[Call]:
        """The requests so far whose path holds ``pattern``; Graph's, if nothing is said."""
        return [call for call in self.world.heard if pattern in call.path]

    def paths(self) -> list[str]:
        """Of Graph's requests so far, without the version."""
        return [call.path.removeprefix("/v1.0") for call in self.heard()]

    def askers(self) -> list[str]:
        """The client id behind each of Graph's requests so far."""
        return [claims_of(call)["appid"] for call in self.heard()]


def id_of(name: str) -> str:
    return str(uuid5(_NAMES, name))


def saying(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A fault that answers with this."""
    sent = {"content-type": "application/json", **(headers or {})}
    return {"status": status, "headers": sent, "body": json.dumps(value).encode()}


def refusing(status: int, code: str = "Refused", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    return saying({"error": {"code": code, "message": f"told {status}"}}, status, headers)


def changing(change: Callable[[Any], object]) -> Instead:
    """The true answer, its JSON changed in place."""

    def instead(call: Call, truly: Truly) -> Reply:
        reply = truly(call)
        value = json.loads(reply.body)
        change(value)
        return Reply(reply.status, json.dumps(value).encode(), reply.headers)

    return instead


def members(change: Callable[[list[Any]], Sequence[Any]]) -> Instead:
    """The true answer with other members."""

    def changed(page: dict[str, Any]) -> None:
        page["value"] = change(page["value"])

    return changing(changed)


def in_pages_of(size: int) -> Instead:
    """Pages smaller than they were asked for, which Graph may give at any time."""

    def instead(call: Call, truly: Truly) -> Reply:
        call.query["$top"] = str(size)
        return truly(call)

    return instead


def an_empty_page_first(call: Call, truly: Truly) -> Reply:
    """No users and a link to the next page, as OData and Graph allow at any time: there the same is asked once more."""
    page = json.loads(truly(call).body)
    again = urlencode({**call.query, "$top": "999"}, quote_via=quote)
    link = f"{call.world.origin}{call.path}?{again}"
    return Reply(
        200, json.dumps({**page, "value": [], "@odata.nextLink": link}).encode(), {"content-type": "application/json"}
    )


def fresh_contoso() -> Contoso:
    """The one server of the process, its world as on the first day: starting one takes longer than most tests."""
    simulator, clock = _running(), Ticking()
    world = simulator.world
    new = World(mint=world.mint, meter=Meter(clock), heard=deque(maxlen=5_000), origin=world.origin)
    new.clock, new.token_lifetime = lambda: NOW.timestamp() + clock(), (DAY, DAY)
    for field in fields(World):
        setattr(world, field.name, getattr(new, field.name))
    tenant = Tenant(TENANT, "Contoso", ["contoso.com", "contoso.onmicrosoft.com"])
    world.tenants[TENANT] = tenant
    return Contoso(world, simulator.ca_bundle, tenant, clock)


@cache
def _running() -> Simulator:
    simulator = Simulator(World()).start()
    atexit.register(simulator.stop)
    return simulator


def claims_of(call: Call) -> dict[str, Any]:
    token = call.headers["authorization"].removeprefix("Bearer ")
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@dataclass(frozen=True, slots=True)
class Opened:
    """Contoso, being asked."""

    contoso: Contoso
    sessions: Mapping[str, Graph]
    directory: Directory
    reader: PresenceReader

    @property
    def graph(self) -> Graph:
        """The session of the first account."""
        return next(iter(self.sessions.values()))


@asynccontextmanager
async def opened(
    contoso: Contoso,
    sign_ins: Mapping[str, SignIn] | None = None,
    *,
    units: float = 1_500,
    window: float = 30,
    patience: float = 30.0,
) -> AsyncIterator[Opened]:
    """Ask Contoso through accounts, by id; through one that may do all it needs, if nothing is said."""
    clock, retrying = contoso.clock, Retrying(attempts=3)
    transport = Transport(ca_bundles=[contoso.ca_bundle], retrying=retrying, sleep=clock.sleep)

    def now() -> datetime:
        return datetime.fromtimestamp(NOW.timestamp() + clock.now, UTC)

    def session(account: str, sign_in: SignIn) -> Graph:
        budget = Budget(account, units, window, clock=clock, sleep=clock.sleep)
        tokens, url = sign_in(transport), contoso.world.origin
        return Graph(transport, tokens, url, budget, "directory", retrying=retrying, sleep=clock.sleep)

    accounts = sign_ins or {"a0": contoso.signed("a0")}
    sessions = {account: session(account, sign_in) for account, sign_in in accounts.items()}
    reader = PresenceReader({TENANT: sessions}, now, patience=patience)
    try:
        yield Opened(contoso, sessions, Directory(TENANT, sessions, now), reader)
    finally:
        await reader.aclose()
        await transport.aclose()
