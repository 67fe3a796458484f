"""Device codes offered to people, one after the other, until somebody of the right tenant has signed in.

Runs beside everything else: whoever needs a token meanwhile is told at once that it waits for a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from sync_agent.microsoft365.device_code import DeviceSignIn, Flow, NotThisPerson, Poll
from sync_agent.microsoft365.errors import ServiceError, SignInFailed, SignInPending, Unreachable
from sync_agent.microsoft365.sign_in import PersonNeeded, Token

_log = structlog.get_logger()

_AFTER_OUTAGE = 15.0
_AFTER_FAILURE = 60.0
_AT_MOST = 900.0
"""Seconds until the next code after Entra refused to give one, doubling: the registration has to be mended first."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person needs to sign in by device code."""

    account: str
    tenant: str
    address: str
    code: str
    expires_at: datetime

    @property
    def what_to_do(self) -> str:
        return f"open {self.address}, enter {self.code}, sign in with a user of tenant {self.tenant}"


Announce = Callable[[Prompt], None]


class CodeOffers:
    """Of one account. Without ``announce`` nobody would see a code, so none is asked for."""

    def __init__(
        self,
        account_id: str,
        tenant_id: str,
        way: DeviceSignIn,
        announce: Announce | None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.prompt: Prompt | None = None
        """The code that can be entered now."""
        self._account_id = account_id
        self._tenant_id = tenant_id
        self._way = way
        self._announce = announce
        self._clock = clock
        self._sleep = sleep
        self._waiting: dict[str, PersonNeeded] = {}
        self._refused: SignInFailed | None = None
        self._task: asyncio.Task[None] | None = None

    def waiting(self, resource: str) -> SignInFailed | None:
        """Why there is no token for a resource while codes are offered for it; None when it is worth asking Entra."""
        if resource not in self._waiting or self._task is None or self._task.done():
            return None
        if self._refused is not None:
            return SignInFailed(self._refused.reason, aadsts=self._refused.aadsts)
        return self._pending(self._waiting[resource])

    def ask_for(self, need: PersonNeeded) -> SignInPending:
        """Offer codes from now on, if that is not being done already."""
        self._waiting[need.resource] = need
        if self._announce is not None and (self._task is None or self._task.done()):
            self._refused = None
            self._task = asyncio.create_task(self._keep_offering(need, self._announce))
        return self._pending(need)

    async def until_signed_in(self, need: PersonNeeded, announce: Announce) -> None:
        """Code after code, each announced once. Who is of another tenant, or declines, is told so and gets another.

        Raises SignInFailed where Entra gives no code, Unreachable.
        """
        entered = False
        while not entered:
            flow = await asyncio.to_thread(self._way.start, need)
            self.prompt = self._prompt(flow)
            self._refused = None
            announce(self.prompt)
            try:
                entered = await self._entered(flow, need)
            except NotThisPerson as refused:
                _log.warning("sign_in_refused", account=self._account_id, reason=refused.reason)
            finally:
                self.prompt = None
        _log.info("signed_in", account=self._account_id)

    def need(self, resource: str) -> PersonNeeded:
        """What was found to be missing when a token for the resource was last asked for."""
        return self._waiting.get(resource) or PersonNeeded(resource)

    async def wait(self) -> None:
        """Until no code is offered any more."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_offering(self, need: PersonNeeded, announce: Announce) -> None:
        pause = _AFTER_FAILURE
        while True:
            try:
                await self.until_signed_in(need, announce)
            except SignInFailed as refused:
                self._refused = refused
                await self._sleep(pause)
                pause = min(2 * pause, _AT_MOST)
            except ServiceError:
                await self._sleep(_AFTER_OUTAGE)
            else:
                self._waiting.clear()
                return

    async def _entered(self, flow: Flow, need: PersonNeeded) -> bool:
        """Poll until somebody entered the code (True) or it lapsed."""
        ends = self._clock() + flow.lasts
        poll = Poll.WAITING
        while poll is Poll.WAITING:
            await self._sleep(flow.interval)
            if self._clock() >= ends:
                return False
            try:
                poll = await asyncio.to_thread(self._way.poll, flow)
                if poll is Poll.WAITING and await self._signed_in_elsewhere(need):
                    return True
            except Unreachable:
                continue  # the code stays good while the network is away
        return poll is Poll.ENTERED

    async def _signed_in_elsewhere(self, need: PersonNeeded) -> bool:
        """`sync-agent login` in another terminal puts its tokens into the same cache."""
        try:
            return isinstance(await asyncio.to_thread(self._way.acquire, need.resource), Token)
        except SignInFailed:
            return False

    def _prompt(self, flow: Flow) -> Prompt:
        expires_at = datetime.now(UTC) + timedelta(seconds=flow.lasts)
        return Prompt(self._account_id, self._tenant_id, flow.address, flow.code, expires_at)

    def _pending(self, need: PersonNeeded) -> SignInPending:
        """Without the code: this reason gets into cells and reports, and whoever enters a code signs the service in."""
        because = f" ({need.why})" if need.why else ""
        todo = f"enter the code in the service's log, or run `sync-agent login {self._account_id}`"
        return SignInPending(f"account {self._account_id} waits for a person to sign in{because}: {todo}")
