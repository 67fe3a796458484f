"""Subscriptions to presence in Graph, one for each app and person: made, renewed, ended.

Source: learn.microsoft.com: subscription resource; change notifications for presence; life-cycle notifications.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from sync_agent.microsoft365.errors import NotFound, Refused, ServiceError
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.notification_keys import KeyPair

_PLACE = "/subscriptions"
_CONFLICT = 409


class _Subscription(msgspec.Struct, rename="camel"):
    id: str
    expiration_date_time: datetime
    resource: str = ""
    notification_url: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    id: str
    expires: datetime


class SubscriptionRefused(ServiceError):
    """Graph does not tell this account; what to do is in the reason."""


class Subscriptions:
    """Those of one account. ``url``: the address that Graph tells; life-cycle events go to ``/lifecycle`` below it."""

    def __init__(self, account: str, graph: Graph, url: str) -> None:
        self._account = account
        self._graph = graph
        self._url = url

    async def make(self, users: Collection[str], client_state: str, key: KeyPair, until: datetime) -> Subscription:
        """Raises SubscriptionRefused, ServiceError. One of ours from before, after which there is none, gives way."""
        body = {
            "changeType": "updated",
            "notificationUrl": self._url,
            "lifecycleNotificationUrl": f"{self._url}/lifecycle",
            "resource": f"/communications/presences?$filter=id in ({','.join(f'{_quoted(id_)}' for id_ in users)})",
            "expirationDateTime": _moment(until),
            "includeResourceData": True,
            **_sealed_by(key),
            "clientState": client_state,
        }
        try:
            return await self._made(body)
        except Refused as refused:
            if refused.status != _CONFLICT:
                raise self._explained(refused) from refused
            await self._end_ours(refused)
        try:
            return await self._made(body)
        except Refused as refused:
            raise self._explained(refused) from refused

    async def renew(self, id_: str, key: KeyPair | None, until: datetime) -> Subscription:
        """That authorizes it anew, too. ``key``: None where it stays. Raises NotFound where Graph dropped it;
        SubscriptionRefused, ServiceError.
        """
        sealed_by = {} if key is None else _sealed_by(key)
        body = {"expirationDateTime": _moment(until), **sealed_by}
        try:
            answer = await self._graph.ask("PATCH", f"{_PLACE}/{id_}", body=body)
        except NotFound:
            raise
        except Refused as refused:
            raise self._explained(refused) from refused
        return _read(answer.json(_Subscription))

    async def end(self, id_: str) -> None:
        """Raises ServiceError."""
        with suppress(NotFound):
            await self._graph.ask("DELETE", f"{_PLACE}/{id_}")

    async def _made(self, body: dict[str, object]) -> Subscription:
        return _read(await self._graph.post(_PLACE, body, _Subscription))

    async def _end_ours(self, refused: Refused) -> None:
        """What a service that was killed left behind. Another program's is left alone."""
        others = []
        async for page in self._graph.pages(_PLACE, _Subscription):
            for each in page:
                if "communications/presences" not in each.resource:
                    continue
                if each.notification_url == self._url:
                    await self.end(each.id)
                else:
                    others.append(each.notification_url or "another address")
        if others:
            raise SubscriptionRefused(
                f"account {self._account}: Graph already tells {others[0]} of presence by this app and person, and "
                "tells one only. End that subscription, or give this account an app of its own",
                request_id=refused.request_id,
            )

    def _explained(self, refused: Refused) -> ServiceError:
        said = f"{refused.message or refused.code or refused.status}"
        if refused.status == 403:
            todo = "Give the app the delegated permission Presence.Read.All of Microsoft Graph, with admin consent"
            reason = f"account {self._account} may not be told of presence: {said}. {todo}"
        elif refused.status == 400 and (refused.code == "ValidationError" or "validation request" in said.lower()):
            reason = (
                f"Graph could not reach presence.push.notification_url {self._url}: {said}. It must be an address "
                "that the internet reaches by HTTPS with a certificate that is trusted there, and lead to "
                "presence.push.listen"
            )
        else:
            reason = f"account {self._account}: {refused.reason}"
        return SubscriptionRefused(reason, request_id=refused.request_id)


def _read(told: _Subscription) -> Subscription:
    """A moment without an offset is taken for UTC; Graph sends Z."""
    expires = told.expiration_date_time
    return Subscription(told.id, expires if expires.tzinfo is not None else expires.replace(tzinfo=UTC))


def _sealed_by(key: KeyPair) -> dict[str, str]:
    return {"encryptionCertificate": key.certificate, "encryptionCertificateId": key.id}


def _quoted(id_: str) -> str:
    return "'" + id_.replace("'", "''") + "'"


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
