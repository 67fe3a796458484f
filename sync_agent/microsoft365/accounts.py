"""The configured accounts: tokens for every service from one sign-in each, and the budgets that go with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from sync_agent.microsoft365.certificate import certificate_credential
from sync_agent.microsoft365.code_offers import Announce, CodeOffers, Prompt
from sync_agent.microsoft365.device_code import DeviceSignIn
from sync_agent.microsoft365.errors import SignInPending
from sync_agent.microsoft365.federated_token import federated_credential
from sync_agent.microsoft365.held_token import HeldToken
from sync_agent.microsoft365.machine_sign_in import ManagedIdentitySignIn
from sync_agent.microsoft365.msal_bridge import MsalHttp
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.secret_sign_in import SecretSignIn
from sync_agent.microsoft365.sign_in import ConfidentialSignIn, Party, SignIn
from sync_agent.microsoft365.token_cache import TokenCache
from sync_agent.microsoft365.transport import TokenSource, Transport
from sync_agent.model import User
from sync_agent.settings import AccountSettings, Endpoints, Settings

__all__ = ["Account", "Announce", "Endpoints", "Prompt", "open_accounts"]

PRESENCE_LIMIT = (1_500.0, 30.0)
"""Requests per seconds, app and tenant (learn.microsoft.com: presence getPresencesByUserId)."""
PRESENCE_CONCURRENCY = 32
"""At the full rate of 50 requests/s enough for answers that take 0.6 s."""
DIRECTORY_LIMIT = (3_500.0, 10.0)
"""Resource units per seconds, app and tenant: the smallest tier until the tenant's users are counted."""
DIRECTORY_CONCURRENCY = 16
"""Requests are batches of up to 20 parts, which Graph works through for seconds."""


class Account:
    """One app registration in one tenant."""

    def __init__(
        self,
        party: Party,
        share: float = 1.0,
        announce: Announce | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = party.account
        self.id = party.account.id
        self.tenant_id = party.account.tenant_id
        self.endpoints: Endpoints = party.endpoints
        budget = partial(Budget, share=share, clock=clock, sleep=sleep)
        self.presence_budget = budget(f"presence of {self.id}", *PRESENCE_LIMIT, concurrency=PRESENCE_CONCURRENCY)
        self.directory_budget = budget(f"directory of {self.id}", *DIRECTORY_LIMIT, concurrency=DIRECTORY_CONCURRENCY)
        app = f"{party.account.client_id} in {self.tenant_id}"
        self.presence_budget.key, self.directory_budget.key = f"presence of {app}", f"directory of {app}"
        self._clock = clock
        self._tokens: dict[str, HeldToken] = {}
        self._way = _way(party)
        self._offers: CodeOffers | None = None
        if isinstance(self._way, DeviceSignIn):
            self._offers = CodeOffers(self.id, self.tenant_id, self._way, announce, clock, sleep)

    @property
    def trouble(self) -> str | None:
        """Why the last token could not be had, in a sentence; None while all is well."""
        return next((held.trouble for held in self._tokens.values() if held.trouble is not None), None)

    @property
    def notice(self) -> str:
        """What is to be said of a sign-in that works all the same, in a sentence; empty while there is nothing."""
        return self._way.notice if isinstance(self._way, SecretSignIn) else ""

    @property
    def prompt(self) -> Prompt | None:
        """The device code that a person can enter now."""
        return None if self._offers is None else self._offers.prompt

    @property
    def person(self) -> User | None:
        """Who has signed in, by object id and UPN; None for an app, and before the first token."""
        return self._way.person if isinstance(self._way, DeviceSignIn) else None

    def tokens(self, resource: str) -> TokenSource:
        """Tokens for a service, named by its origin, as in "https://graph.microsoft.com"."""
        if resource not in self._tokens:
            self._tokens[resource] = HeldToken(self.id, resource, self._way, self._offers, self._clock)
        return self._tokens[resource]

    async def sign_in(self) -> None:
        """Get the first token for Graph. Raises SignInFailed, SignInPending, Unreachable."""
        await self.tokens(self.endpoints.graph).token()

    async def sign_in_person(self, announce: Announce) -> None:
        """Sign in, by a person's hand where needed, however many codes that takes. Raises SignInFailed, Unreachable."""
        try:
            await self.sign_in()
        except SignInPending:
            assert self._offers is not None
            await self._offers.until_signed_in(self._offers.need(self.endpoints.graph), announce)
            await self.sign_in()

    async def wait_signed_in(self) -> None:
        """Until the person that codes are offered to has signed in; at once where nobody is waited for."""
        if self._offers is not None:
            await self._offers.wait()

    async def aclose(self) -> None:
        if self._offers is not None:
            await self._offers.aclose()


def open_accounts(
    settings: Settings,
    transport: Transport,
    announce: Announce | None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    caches: type[TokenCache] = TokenCache,
) -> dict[str, Account]:
    """The accounts by id; nobody is asked anything yet. Without ``announce`` no device sign-in is started."""
    http, key = MsalHttp(transport), settings.secrets.chosen_key()
    accounts: dict[str, Account] = {}
    by_app: dict[tuple[str, str | None], Account] = {}
    for configured in settings.accounts:
        by_person = configured.auth == "device_code"
        cache = caches(settings.state.tokens if by_person else None, configured.id, key)
        party = Party(configured, settings.endpoints(configured), http, cache)
        account = Account(party, settings.pacing.share, announce, clock=clock, sleep=sleep)
        # Microsoft counts by app and tenant, whatever the settings call it.
        first = by_app.setdefault((configured.tenant_id, configured.client_id), account)
        account.presence_budget, account.directory_budget = first.presence_budget, first.directory_budget
        accounts[configured.id] = account
    return accounts


def _way(party: Party) -> SignIn:
    match party.account.auth:
        case "client_secret":
            return SecretSignIn(party)
        case "certificate" | "workload_identity":
            return ConfidentialSignIn(party, _credential(party.account))
        case "device_code":
            return DeviceSignIn(party)
        case "managed_identity":
            return ManagedIdentitySignIn(party)


def _credential(account: AccountSettings) -> Callable[[], object]:
    """What the app proves itself by, as msal takes it."""
    match account.auth:
        case "certificate":
            return partial(certificate_credential, account)
        case "workload_identity":
            return partial(federated_credential, account)
        case other:
            raise ValueError(other)
