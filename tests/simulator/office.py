"""Contoso and fabrikam on the embedded Microsoft 365, asked over HTTPS as any client would ask."""

from __future__ import annotations

import atexit
import random
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import requests

from sync_agent.simulator.certificates import SelfSigned
from sync_agent.simulator.devices import Devices
from sync_agent.simulator.lists import SharePointList, agent_list
from sync_agent.simulator.meter import Meter
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.subscriptions import Subscriptions
from sync_agent.simulator.world import AppRegistration, SimUser, Site, Tenant, World
from tests.virtual_time import Seconds

TENANT = "11111111-0000-4000-8000-000000000001"
OTHER_TENANT = "22222222-0000-4000-8000-000000000002"
CLIENT = "33333333-0000-4000-8000-000000000003"
SECRET = "s3cret~value"
ELSEWHERE = "https://elsewhere.example"
"""Another resource that tokens may be asked for."""
SITE = "/sites/ucc"
FAR_AHEAD = 4e9
ALL = frozenset({"User.Read.All", "Presence.Read.All", "Sites.Selected"})


@dataclass(frozen=True, slots=True)
class Office:
    """``agents`` is contoso's list; the app has a secret and a certificate and may manage the site."""

    world: World
    http: httpx.Client
    app: AppRegistration
    agents: SharePointList
    clock: Seconds

    @property
    def tenant(self) -> Tenant:
        return self.world.tenants[TENANT]

    @property
    def site(self) -> Site:
        return self.world.sites[SITE]

    def user(self, upn: str, **more: Any) -> SimUser:
        number = len(self.tenant.users) + 1
        return self.tenant.add(SimUser(f"44444444-0000-4000-8000-{number:012}", upn, upn.partition("@")[0], **more))

    def token(
        self,
        *permissions: str,
        resource: str | None = None,
        tenant: Tenant | None = None,
        person: SimUser | None = None,
        by_certificate: bool = True,
    ) -> str:
        """An access token with these permissions, all of the app's where none is named."""
        app = AppRegistration(CLIENT, permissions=set(permissions)) if permissions else self.app
        mint, wanted = self.world.mint, tenant or self.tenant
        how: dict[str, Any] = {"user": person, "by_certificate": by_certificate}
        return mint.access_token(self.world, wanted, app, resource or self.world.origin, **how)[0]

    def graph(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        return self._ask(method, f"/v1.0{path}", token, **more)

    def rest(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Accept": "application/json;odata=nometadata", **more.pop("headers", {})}
        return self._ask(method, f"{SITE}/_api{path}", token, headers=headers, **more)

    def _ask(self, method: str, path: str, token: str | None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token()}", **more.pop("headers", {})}
        return self.http.request(method, self.world.origin + path, headers=headers, **more)

    def batch(self, parts: Iterable[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """Answers of a Graph batch by id."""
        answer = self.graph("POST", "/$batch", json={"requests": list(parts)}, **more)
        assert answer.status_code == 200, answer.text
        return {part["id"]: part for part in answer.json()["responses"]}

    def followed(self, first: str) -> list[dict[str, Any]]:
        """All values of a collection, by its next links as they are."""
        page = self.graph("GET", first).json()
        values: list[dict[str, Any]] = page["value"]
        while link := page.get("@odata.nextLink"):
            page = self._ask("GET", link.removeprefix(self.world.origin), None).json()
            values += page["value"]
        return values


def fresh_office() -> Office:
    """The one server of the process, its world as on the first day: starting one takes longer than most tests."""
    simulator, clock = _running(), Seconds(1_790_000_000.0)
    world = simulator.world
    world.clock, world.limited, world.meter, world.devices = clock, False, Meter(clock), Devices()
    world.random = random.Random(1)
    world.token_lifetime, world.moving, world.other_origins = (3_600, 5_400), False, [ELSEWHERE]
    world.faults.clear()
    world.subscriptions = Subscriptions()
    world.requests.clear()
    app = AppRegistration(CLIENT, {SECRET: FAR_AHEAD}, [certificate().certificate], set(ALL))
    contoso = Tenant(TENANT, "Contoso", ["contoso.com", "contoso.onmicrosoft.com"], apps={CLIENT: app})
    world.tenants = {TENANT: contoso, OTHER_TENANT: Tenant(OTHER_TENANT, "Fabrikam", ["fabrikam.com"])}
    agents = agent_list("Agents")
    site = Site("55555555-0000-4000-8000-000000000005", SITE, TENANT, "Contact centre", {agents.id: agents})
    site.grants[CLIENT] = "manage"
    world.sites = {SITE: site}
    return Office(world, _client(), app, agents, clock)


@cache
def certificate() -> SelfSigned:
    return SelfSigned("sync-agent", days=10_000)


@cache
def _running() -> Simulator:
    simulator = Simulator(World()).start()
    atexit.register(simulator.stop)
    return simulator


@cache
def _client() -> httpx.Client:
    return httpx.Client(verify=trusting(_running()), timeout=20)


def trusting(simulator: Simulator) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(simulator.ca_bundle))


def trusting_session() -> requests.Session:
    """For msal and the Office365 library; the machine's own CA bundle must not get in between."""
    session = requests.Session()
    session.trust_env, session.verify = False, str(_running().ca_bundle)
    return session


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of Graph's refusals."""
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def item_path(office: Office, row_id: int | None = None) -> str:
    """Of the list's items, or one of them, in Graph."""
    site = office.graph("GET", f"/sites/127.0.0.1:{SITE}").json()["id"]
    return f"/sites/{site}/lists/{office.agents.id}/items" + (f"/{row_id}" if row_id else "")
