"""The configured accounts: tokens for every service from one sign-in each, and the budgets that go with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from sync_agent.microsoft365.device_code import DeviceSignIn, Flow
from sync_agent.microsoft365.errors import ServiceError, SignInFailed, SignInPending
from sync_agent.microsoft365.msal_bridge import MsalHttp
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.sign_in import (
    ConfidentialSignIn,
    ManagedIdentitySignIn,
    Party,
    SignIn,
    Token,
    certificate_credential,
)
from sync_agent.microsoft365.token_cache import open_cache
from sync_agent.microsoft365.transport import TokenSource, Transport
from sync_agent.settings import AccountSettings, Endpoints, Settings

_log = structlog.get_logger()

_EARLY = 300.0
"""Seconds before its end at which a token is renewed; msal has the same margin."""
_AFTER_FAILURE = 60.0
"""Seconds for which a failed sign-in is not repeated: five jobs with a wrong secret must not hammer Entra."""

PRESENCE_LIMIT = (1_500.0, 30.0)
"""Requests per seconds, app and tenant (getPresencesByUserId)."""
DIRECTORY_LIMIT = (3_500.0, 10.0)
"""Resource units per seconds, app and tenant: the smallest tier, since the tenant's size is not known beforehand."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person needs to sign in by device code."""

    account: str
    tenant: str
    address: str
    code: str
    expires_at: datetime


Announce = Callable[[Prompt], None]


class Account:
    """One app registration in one tenant."""

    def __init__(
        self,
        party: Party,
        way: SignIn,
        share: float,
        announce: Announce | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = party.account.id
        self.tenant_id = party.account.tenant_id
        self.endpoints: Endpoints = party.endpoints
        self.presence_budget = Budget(f"presence of {self.id}", *PRESENCE_LIMIT, share=share)
        self.directory_budget = Budget(f"directory of {self.id}", *DIRECTORY_LIMIT, share=share)
        self.trouble: str | None = None
        """Why the last token could not be had; None while all is well."""
        self._way = way
        self._announce = announce
        self._clock = clock
        self._tokens: dict[str, _Tokens] = {}
        self._asking = asyncio.Lock()  # msal has no single flight of its own
        self._failed: tuple[SignInFailed, float] | None = None
        self._signing_in: asyncio.Task[None] | None = None

    def tokens(self, resource: str) -> TokenSource:
        """Tokens for a service, named by its origin, as in "https://graph.microsoft.com"."""
        if resource not in self._tokens:
            self._tokens[resource] = _Tokens(self, resource, self._clock)
        return self._tokens[resource]

    async def sign_in(self) -> None:
        """Get the first token for Graph. Raises SignInFailed, SignInPending, Unreachable."""
        await self.tokens(self.endpoints.graph).token()

    async def sign_in_person(self, announce: Announce) -> None:
        """Sign in, by a person's hand where needed. Raises SignInFailed when the sign-in was refused or declined."""
        try:
            await self.sign_in()
        except SignInPending:
            await self._offer_codes(announce)

    async def aclose(self) -> None:
        if self._signing_in is not None:
            self._signing_in.cancel()
            await asyncio.gather(self._signing_in, return_exceptions=True)

    async def acquire(self, resource: str) -> Token:
        """Ask msal, one question at a time."""
        async with self._asking:
            if self._failed is not None and self._clock() < self._failed[1]:
                raise self._failed[0]
            try:
                token = await asyncio.to_thread(self._way.acquire, resource)
            except SignInFailed as failure:
                self._failed = (failure, self._clock() + _AFTER_FAILURE)
                self._note(failure.reason)
                raise
            except ServiceError as failure:
                self._note(failure.reason)
                raise
            if token is None:
                raise self._pending()
            self._failed = None
            self._note(None)
            return token

    async def forget(self, resource: str) -> None:
        await asyncio.to_thread(self._way.forget, resource)

    def _note(self, trouble: str | None) -> None:
        if trouble != self.trouble and trouble is not None:
            _log.warning("sign_in_failed", account=self.id, reason=trouble)
        elif trouble != self.trouble:
            _log.info("signed_in", account=self.id)
        self.trouble = trouble

    def _pending(self) -> SignInPending:
        if self._announce is not None and (self._signing_in is None or self._signing_in.done()):
            self._signing_in = asyncio.create_task(self._keep_offering(self._announce))
        self.trouble = f"account {self.id} waits for a person to sign in: run `sync-agent login {self.id}`"
        return SignInPending(self.trouble)

    async def _keep_offering(self, announce: Announce) -> None:
        """Until a person of the right tenant has signed in; what is refused is said, and offered again."""
        while True:
            try:
                await self._offer_codes(announce)
            except ServiceError as failure:
                self._note(failure.reason)
                await asyncio.sleep(_AFTER_FAILURE if isinstance(failure, SignInFailed) and failure.aadsts else 5)
            else:
                self._note(None)
                return

    async def _offer_codes(self, announce: Announce) -> None:
        """Code after code, each announced once, until one is entered."""
        way = self._way
        assert isinstance(way, DeviceSignIn)
        while True:
            flow = await asyncio.to_thread(way.start)
            announce(self._prompt(flow))
            if await self._entered(way, flow):
                return

    async def _entered(self, way: DeviceSignIn, flow: Flow) -> bool:
        ends = self._clock() + flow.lasts
        while self._clock() < ends:
            await asyncio.sleep(flow.interval)
            answer = await asyncio.to_thread(way.poll, flow)
            if answer is not False:
                return answer is True
        return False

    def _prompt(self, flow: Flow) -> Prompt:
        expires_at = datetime.now(UTC) + timedelta(seconds=flow.lasts)
        return Prompt(self.id, self.tenant_id, flow.address, flow.code, expires_at)


class _Tokens:
    """A TokenSource: the token in hand until shortly before its end, so that a sweep pays nothing for it."""

    def __init__(self, account: Account, resource: str, clock: Callable[[], float]) -> None:
        self._account = account
        self._resource = resource
        self._clock = clock
        self._value = ""
        self._good_until = 0.0
        self._asking = asyncio.Lock()

    async def token(self) -> str:
        if self._clock() < self._good_until:
            return self._value
        async with self._asking:
            if self._clock() >= self._good_until:
                token = await self._account.acquire(self._resource)
                self._value = token.value
                # A token of a few minutes is used to its half, rather than never.
                self._good_until = self._clock() + max(token.expires_in - _EARLY, token.expires_in / 2)
        return self._value

    async def renew(self, rejected: str) -> None:
        async with self._asking:
            if self._value == rejected:
                self._good_until = 0.0
                await self._account.forget(self._resource)


def open_accounts(settings: Settings, transport: Transport, announce: Announce | None) -> dict[str, Account]:
    """The accounts by id; nobody is asked anything yet. Without ``announce`` no device sign-in is started."""
    http = MsalHttp(transport)
    accounts = {}
    for configured in settings.accounts:
        cache = open_cache(settings.state.tokens, configured.id)
        party = Party(configured, settings.endpoints(configured), http, cache)
        accounts[configured.id] = Account(party, _way(party, configured), settings.pacing.share, announce)
    return accounts


def _way(party: Party, account: AccountSettings) -> SignIn:
    match account.auth:
        case "client_secret":
            secret = account.client_secret
            assert secret is not None
            return ConfidentialSignIn(party, secret.reveal)
        case "certificate":
            return ConfidentialSignIn(party, lambda: certificate_credential(account))
        case "device_code":
            return DeviceSignIn(party)
        case _:
            return ManagedIdentitySignIn(party)
