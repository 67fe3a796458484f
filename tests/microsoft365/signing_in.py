"""What the tests of signing in share: the embedded Entra with two tenants, settings, and a clock that a test moves."""

from __future__ import annotations

import atexit
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sync_agent.microsoft365.accounts import Account, Announce, Prompt, open_accounts
from sync_agent.microsoft365.errors import SignInFailed
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Transport
from sync_agent.settings import Settings
from sync_agent.simulator.devices import Devices
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.world import DAY, AppRegistration, SimUser, Tenant, World
from tests.virtual_time import SleptBy

TENANT = "11111111-0000-4000-8000-000000000001"
OTHER_TENANT = "22222222-0000-4000-8000-000000000002"
CLIENT = "33333333-0000-4000-8000-000000000003"
SECRET = "s3cret~value.of-the_app"
OLD_SECRET = "0ld-s3cret"
SHAREPOINT = "https://contoso.sharepoint.example"
JANE, BOB, STRANGER = "jane@contoso.com", "bob@contoso.com", "jane@fabrikam.com"

DISCOVERY = "openid-configuration"
TOKEN = "/oauth2/v2.0/token"
DEVICE_CODE = "/oauth2/v2.0/devicecode"


@dataclass(slots=True)
class Announced:
    """Every prompt so far."""

    prompts: list[Prompt] = field(default_factory=list)

    def __call__(self, prompt: Prompt) -> None:
        self.prompts.append(prompt)

    @property
    def codes(self) -> list[str]:
        return [prompt.code for prompt in self.prompts]


@dataclass(frozen=True, slots=True)
class Entra:
    """The embedded Entra, with the tenants contoso and fabrikam, and contoso's app; its time is ``clock``'s."""

    world: World
    ca_bundle: Path
    app: AppRegistration
    clock: SleptBy

    @property
    def url(self) -> str:
        return self.world.origin

    def tokens_live(self, seconds: int) -> None:
        self.world.token_lifetime = (seconds, seconds)

    def enter(self, code: str, upn: str) -> None:
        assert self.world.devices.enter(self.world, code, upn).startswith("You have signed in.")

    def revoke_sign_ins(self) -> None:
        self.world.tenants[TENANT].revoked_before = self.world.clock() + 1

    def spoil(self, pattern: str, body: bytes = b"<html>Sign in", status: int = 200, **more: Any) -> None:
        self.world.faults.add(pattern, status=status, body=body, **more)

    def refuse(
        self,
        pattern: str,
        error: str,
        number: int,
        text: str = "Odd.",
        status: int = 400,
        times: int | None = None,
        **more: Any,
    ) -> None:
        """Answer as Entra does when it refuses; ``more`` are further members of the answer."""
        description = f"AADSTS{number}: {text} Trace ID: 11-22 Correlation ID: 33-44 Timestamp: 2026-11-24 12:00:00Z"
        body = {"error": error, "error_description": description, "error_codes": [number], **more}
        json_ = {"content-type": "application/json"}
        self.spoil(pattern, json.dumps(body).encode(), status, headers=json_, times=times)

    def mend(self) -> None:
        self.world.faults.clear()


def fresh_entra() -> Entra:
    """The one server of the process, its world as on the first day: starting one takes longer than most tests."""
    simulator, clock = _running(), SleptBy()
    world, began = simulator.world, time.time() - clock()
    world.clock = lambda: began + clock()
    world.faults.clear()
    world.devices = Devices()
    world.token_lifetime, world.lenient_device_login = (3_600, 3_600), False
    world.other_origins, world.machine, world.issuers = [SHAREPOINT], None, {}
    secrets = {SECRET: began + 1_000 * DAY, OLD_SECRET: began - DAY}
    app = AppRegistration(CLIENT, secrets)
    world.tenants = {
        TENANT: Tenant(TENANT, "Contoso", ["contoso.com"], apps={CLIENT: app}),
        OTHER_TENANT: Tenant(OTHER_TENANT, "Fabrikam", ["fabrikam.com"]),
    }
    for upn, tenant in ((JANE, TENANT), (BOB, TENANT), (STRANGER, OTHER_TENANT)):
        world.tenants[tenant].add(SimUser(f"id-of-{upn}", upn, upn))
    return Entra(world, simulator.ca_bundle, app, clock)


@cache
def _running() -> Simulator:
    simulator = Simulator(World()).start()
    atexit.register(simulator.stop)
    return simulator


def settings_for(folder: Path, entra: Entra, *accounts: dict[str, Any], authority: str | None = None) -> Settings:
    sharepoint = {"site_url": f"{SHAREPOINT}/sites/ucc", "agent_list": "Agents", "account": accounts[0]["id"]}
    lab = {"authority": authority or entra.url, "graph": entra.url}
    return Settings.model_validate(
        {
            "sharepoint": sharepoint,
            "clouds": {"lab": lab},
            "accounts": [{"tenant_id": TENANT, "client_id": CLIENT, "cloud": "lab", **account} for account in accounts],
            "state": {"tokens": str(folder / "state" / "tokens")},
        }
    )


def by_secret(id_: str = "contoso", **more: Any) -> dict[str, Any]:
    return {"id": id_, "auth": "client_secret", "client_secret": SECRET, **more}


def by_device_code(id_: str = "contoso") -> dict[str, Any]:
    return {"id": id_, "auth": "device_code"}


@dataclass(frozen=True, slots=True)
class Opened:
    accounts: dict[str, Account]
    transport: Transport

    @property
    def contoso(self) -> Account:
        return self.accounts["contoso"]

    @property
    def requests(self) -> int:
        """Requests to Entra so far; the first of each account is for discovery."""
        return self.transport.requests["sign-in"]


@asynccontextmanager
async def opened(settings: Settings, entra: Entra, announce: Announce | None = None) -> AsyncIterator[Opened]:
    transport = Transport(ca_bundles=[entra.ca_bundle], retrying=Retrying(attempts=2, base=0.001))
    accounts = open_accounts(settings, transport, announce, clock=entra.clock, sleep=entra.clock.sleep)
    try:
        yield Opened(accounts, transport)
    finally:
        for account in accounts.values():
            await account.aclose()
        await transport.aclose()


async def refusal(account: Account, resource: str | None = None) -> SignInFailed:
    with pytest.raises(SignInFailed) as caught:
        await account.tokens(resource or account.endpoints.graph).token()
    assert "\n" not in caught.value.reason
    return caught.value


def kept_in(folder: Path) -> str:
    """Everything that the token caches hold on disk."""
    return "".join(path.read_text() for path in (folder / "state" / "tokens").glob("*.bin"))
