"""The token of one account for one service, held until it is time for another: a sweep pays nothing for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from sync_agent.microsoft365.code_offers import CodeOffers
from sync_agent.microsoft365.errors import ServiceError, SignInFailed, SignInPending
from sync_agent.microsoft365.sign_in import PersonNeeded, SignIn, Token

_log = structlog.get_logger()

_EARLY = 300.0
"""Seconds before its end at which a token is renewed; msal has the same margin."""
_LAST = 30.0
"""Seconds before its end until which a token is still handed out when no other can be had."""
_AFTER_FAILURE = 60.0
"""Seconds for which a refused sign-in is not repeated: five jobs with a wrong secret must not hammer Entra, and msal
does not remember a 401.
"""


class HeldToken:
    """A TokenSource."""

    def __init__(
        self, account_id: str, resource: str, way: SignIn, offers: CodeOffers | None, clock: Callable[[], float]
    ) -> None:
        self.trouble: str | None = None
        """Why the last token could not be had; None while all is well."""
        self.account = account_id
        self._resource = resource
        self._way = way
        self._offers = offers
        self._clock = clock
        self._value = ""
        self._fresh_until = self._good_until = float("-inf")
        self._refused: SignInFailed | None = None
        self._refused_until = float("-inf")
        self._asking = asyncio.Lock()  # msal has no single flight of its own

    async def token(self) -> str:
        """Raises SignInFailed, SignInPending, Unreachable."""
        if self._clock() < self._fresh_until:
            return self._value
        async with self._asking:
            if self._clock() >= self._fresh_until:
                await self._renew_or_keep()
        return self._value

    async def renew(self, rejected: str) -> None:
        """A service answered 401 to this token: the next question goes to Entra."""
        async with self._asking:
            if self._value == rejected:
                self._fresh_until = self._good_until = float("-inf")
                await asyncio.to_thread(self._way.forget, self._resource)

    async def _renew_or_keep(self) -> None:
        try:
            self._hold(await self._ask())
            self._note(None)
        except ServiceError as failure:
            self._note(failure)
            if self._clock() >= self._good_until - _LAST:
                raise
            self._fresh_until = min(self._clock() + _AFTER_FAILURE, self._good_until - _LAST)

    async def _ask(self) -> Token:
        if self._refused is not None and self._clock() < self._refused_until:
            raise SignInFailed(self._refused.reason, aadsts=self._refused.aadsts, request_id=self._refused.request_id)
        waiting = None if self._offers is None else self._offers.waiting(self._resource)
        if waiting is not None:
            raise waiting
        try:
            answer = await asyncio.to_thread(self._way.acquire, self._resource)
        except SignInFailed as failure:
            self._refused, self._refused_until = failure, self._clock() + _AFTER_FAILURE
            raise
        self._refused = None
        return self._without_person(answer)

    def _without_person(self, answer: Token | PersonNeeded) -> Token:
        if isinstance(answer, Token):
            return answer
        assert self._offers is not None
        raise self._offers.ask_for(answer)

    def _hold(self, token: Token) -> None:
        now = self._clock()
        self._value = token.value
        self._good_until = now + token.lasts
        # A token of a few minutes is used to its half, rather than never.
        until = now + max(token.lasts - _EARLY, token.lasts / 2)
        if token.fresh_for is not None:
            # The past, when msal could not renew early and gave the old one: then not at each question again.
            until = min(until, now + max(token.fresh_for, _AFTER_FAILURE))
        self._fresh_until = until

    def _note(self, failure: ServiceError | None) -> None:
        before, self.trouble = self.trouble, None if failure is None else failure.reason
        if failure is None and before is not None:
            _log.info("signed_in_again", account=self.account, resource=self._resource)
        elif failure is not None and before != failure.reason and not isinstance(failure, SignInPending):
            _log.warning("sign_in_failed", account=self.account, resource=self._resource, reason=failure.reason)
