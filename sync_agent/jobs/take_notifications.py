"""What came in as a notification, believed only where everything about it is right; what costs little is looked at
first.

Anybody can send something to a public address. That it names a subscription of ours and the secret that belongs to it
keeps strangers from costing more than a look; that each token of it was signed by Entra for Graph's own publisher
proves where it comes from; and that its content was sealed for our key, and is as it was sealed, proves the rest.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sync_agent.jobs.keep_subscription import KeepSubscription
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.notification_keys import KeyRing
from sync_agent.microsoft365.notifications import Notification, Notifications, NotTrusted, TellsPresence, presence_in
from sync_agent.microsoft365.presence import Reading

V = TypeVar("V")

_MOST_REMEMBERED = 20_000
"""Contents and users of whom is kept what came last."""

STRANGER = "it names no subscription of ours"
WRONG_SECRET = "it does not know the subscription's secret"  # noqa: S105 -- a reason
WRONG_TENANT = "it is of another tenant"
KEYS_AWAY = "Entra's keys could not be had to prove it"
OTHER_USER = "it is about somebody whom nobody asked for"
REPEATED = "it came before"
OUTDATED = "a newer one came before"
NO_CONTENT = "it has no content"


@dataclass(slots=True)
class TakeNotifications:
    """``refused``: how many, by reason."""

    subscribers: Sequence[KeepSubscription]
    keys: KeyRing
    refused: Counter[str] = field(default_factory=Counter)
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """Sealed keys: each is used once."""
    _versions: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """By user id: the sequence number of what was last told of him."""

    def ours(self, notifications: Notifications) -> Notifications | None:
        """Without what knows no subscription of ours and its secret; None where nothing is left."""
        known = [each for each in notifications.value if self._owner(each) is not None]
        return Notifications(known, notifications.validation_tokens) if known else None

    async def presences(self, notifications: Notifications) -> dict[str, Reading]:
        """What is proven to be told, by user id. Events of the subscriptions are passed on to them."""
        ours = [(each, owner) for each in notifications.value if (owner := self._owner(each)) is not None]
        for each, owner in ours:
            if each.lifecycle_event is not None:
                owner.hear(each.lifecycle_event)
        changes = [(each, owner) for each, owner in ours if each.lifecycle_event is None]
        if not changes:
            return {}
        try:
            proven = await self._proven(notifications.validation_tokens or [])
        except NotTrusted as why:
            self.refused[why.why] += len(changes)
            return {}
        except ServiceError:
            self.refused[KEYS_AWAY] += len(changes)
            return {}
        return await self._told(changes, proven)

    def _owner(self, each: Notification) -> KeepSubscription | None:
        owner = next((one for one in self.subscribers if one.knows(each.subscription_id)), None)
        if owner is None or not owner.is_ours(each.client_state):
            self.refused[STRANGER if owner is None else WRONG_SECRET] += 1
            return None
        return owner

    async def _proven(self, tokens: Sequence[str]) -> Mapping[str, str]:
        """The tenant's id by the account whose app each token is for. Raises NotTrusted where one is wrong."""
        proven = {}
        for token in tokens:
            meant = [one for one in self.subscribers if one.proof.is_for_us(token)]
            failures: list[NotTrusted] = []
            for one in meant:
                try:
                    proven[one.account] = await one.proof.verified(token)
                except NotTrusted as why:  # an app may stand in several tenants: it is another one's
                    failures.append(why)
            if len(failures) == len(meant):
                raise NotTrusted("it is not proven to be Graph's")
        return proven

    async def _told(
        self, changes: Sequence[tuple[Notification, KeepSubscription]], proven: Mapping[str, str]
    ) -> dict[str, Reading]:
        told: dict[str, Reading] = {}
        for each, owner in changes:
            try:
                if (each.tenant_id or "").lower() != proven.get(owner.account):
                    raise NotTrusted(WRONG_TENANT)
                presence = await self._presence(each)
                user_id = self._user(presence, owner)
            except NotTrusted as why:
                self.refused[why.why] += 1
                continue
            told[user_id] = (presence.availability, presence.activity)
        return told

    async def _presence(self, each: Notification) -> TellsPresence:
        """Raises NotTrusted."""
        content = each.encrypted_content
        if content is None:
            raise NotTrusted(NO_CONTENT)
        if content.data_key in self._seen:
            raise NotTrusted(REPEATED)
        presence = presence_in(await asyncio.to_thread(self.keys.opened, content))
        _remember(self._seen, content.data_key, None)
        return presence

    def _user(self, presence: TellsPresence, owner: KeepSubscription) -> str:
        """Raises NotTrusted."""
        user_id = presence.id if presence.id in owner.users else presence.id.lower()
        if user_id not in owner.users:
            raise NotTrusted(OTHER_USER)
        version = presence.sequence_number
        if version is not None:
            if version <= self._versions.get(user_id, ""):
                raise NotTrusted(OUTDATED)
            _remember(self._versions, user_id, version)
        return user_id


def _remember(known: OrderedDict[str, V], key: str, value: V) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > _MOST_REMEMBERED:
        known.popitem(last=False)
