"""The life of one account's subscription to presence: made, renewed, made anew when it is gone, ended at the end."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from sync_agent.microsoft365.errors import NotFound, ServiceError
from sync_agent.microsoft365.notification_keys import KeyRing
from sync_agent.microsoft365.notification_proof import Proof
from sync_agent.microsoft365.subscriptions import Subscription, Subscriptions
from sync_agent.pushing import LIFETIME, Standing, Step, step

_log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 900.0
"""Seconds after a failure, doubled with each further one."""


@dataclass(slots=True, eq=False)
class KeepSubscription:
    """``tenant_id`` as the settings name it. ``missed``: whether Graph says that some changes were not told."""

    account: str
    tenant_id: str
    subscriptions: Subscriptions
    proof: Proof
    keys: KeyRing
    clock: Callable[[], datetime]
    standing: Standing | None = None
    missed: bool = False
    trouble: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _id: str = ""
    _client_state: str = field(default="", repr=False)
    _key_id: str = ""
    _challenged: bool = False
    _pause: float = FIRST_PAUSE

    @property
    def users(self) -> frozenset[str]:
        """Of whom Graph is to tell."""
        return frozenset() if self.standing is None else self.standing.users

    def knows(self, subscription_id: str) -> bool:
        return self.standing is not None and subscription_id.lower() == self._id

    def is_ours(self, client_state: str | None) -> bool:
        """Whether that is the secret which only Graph was told with the subscription."""
        return bool(self._client_state) and hmac.compare_digest(
            (client_state or "").encode(), self._client_state.encode()
        )

    def hear(self, event: str) -> None:
        """What Graph tells of the subscription itself."""
        _log.info("push_event", account=self.account, what=event[:40])
        match event:
            case "subscriptionRemoved":
                self._forget()
            case "reauthorizationRequired":
                self._challenged = True
            case "missed":
                self.missed = True
            case _:
                return
        self.wake.set()

    async def look(self, wanted: frozenset[str]) -> bool:
        """Do what is to be done now. Whether a new subscription begins, whose users must be read once. Raises
        ServiceError.
        """
        match step(self.standing, wanted, self.clock(), challenged=self._challenged):
            case Step.NONE:
                return False
            case Step.END:
                await self.end()
                return False
            case Step.RENEW:
                return await self._renew(wanted)
            case Step.REPLACE:
                await self.end()
                await self._make(wanted)
                return True
            case Step.MAKE:
                await self._make(wanted)
                return True

    async def end(self) -> None:
        """Raises ServiceError; it is forgotten nevertheless, and ends by itself within the hour."""
        id_, there = self._id, self.standing is not None
        self._forget()
        if there:
            await self.subscriptions.end(id_)

    def failed(self, failure: ServiceError) -> float:
        """Tell it, once per reason. The seconds until it is worth another try."""
        if failure.reason != self.trouble:
            self.trouble = failure.reason
            effect = "presence is read by asking alone; tried again"
            _log.error("push_failed", account=self.account, reason=failure.told, effect=effect)
        pause, self._pause = self._pause, min(LONGEST_PAUSE, self._pause * 2)
        return pause

    def went_well(self) -> None:
        self._pause = FIRST_PAUSE
        if self.trouble:
            self.trouble = ""
            _log.info("push_works_again", account=self.account)

    async def _make(self, wanted: frozenset[str]) -> None:
        now, state = self.clock(), secrets.token_urlsafe(32)
        key = await asyncio.to_thread(self.keys.current, now)
        made = await self.subscriptions.make(sorted(wanted), state, key, now + LIFETIME)
        self._client_state, self._key_id, self._challenged = state, key.id, False
        self._stands(made, Standing(wanted, now, now, made.expires))
        _log.info(
            "push_begins", account=self.account, users=len(wanted), until=made.expires.isoformat(timespec="seconds")
        )

    async def _renew(self, wanted: frozenset[str]) -> bool:
        now, before = self.clock(), self.standing
        assert before is not None
        key = await asyncio.to_thread(self.keys.current, now)
        try:
            other = key if key.id != self._key_id else None
            renewed = await self.subscriptions.renew(self._id, other, now + LIFETIME)
        except NotFound:
            _log.warning("push_subscription_gone", account=self.account, effect="made anew")
            self._forget()
            await self._make(wanted)
            return True
        self._challenged = False
        self._key_id = key.id
        if self.standing is before:  # no event said meanwhile that it is gone
            self._stands(renewed, Standing(before.users, before.made_at, now, renewed.expires))
        return False

    def _stands(self, subscription: Subscription, standing: Standing) -> None:
        self._id, self.standing = subscription.id.lower(), standing

    def _forget(self) -> None:
        self._id, self._client_state, self.standing, self._challenged = "", "", None, False


async def ended(all_: list[KeepSubscription], within: float) -> None:
    """End them all at once; what cannot be in time ends by itself within the hour."""

    async def end(each: KeepSubscription) -> None:
        try:
            await each.end()
        except ServiceError as failure:
            _log.warning("push_not_ended", account=each.account, reason=failure.told, effect="Graph ends it in an hour")

    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*map(end, all_)), within)
