"""The subscriptions to presence that the embedded Graph keeps, and what waits to be told of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cryptography import x509

LIFETIME = 3_600.0
"""Seconds that a subscription to presence may last (Graph: subscription resource)."""
CHALLENGED_BEFORE = 900.0
"""Seconds before its authorization or itself ends in which Graph asks for a new one."""

LifecycleEvent = Literal["reauthorizationRequired", "subscriptionRemoved", "missed"]


@dataclass(slots=True, eq=False)
class Subscription:
    """``expires`` and ``authorized_until``: seconds of the world's clock; beyond the latter nothing is told."""

    id: str
    tenant_id: str
    app_id: str
    creator_id: str
    resource: str
    ids: tuple[str, ...]
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    certificate: x509.Certificate
    certificate_id: str
    expires: float
    authorized_until: float
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By user id, the presence that the subscriber knows."""
    challenged: bool = False


@dataclass(slots=True)
class Delivery:
    """One POST; ``due``: seconds of the machine's own clock, before which it is not tried again."""

    url: str
    body: dict[str, Any]
    due: float = 0.0
    tried: int = 0


@dataclass(slots=True)
class Subscriptions:
    """``token_version``: 1 or 2, the form of the tokens that prove who tells; ``sequenced``: whether presence carries
    its sequenceNumber.
    """

    alive: dict[str, Subscription] = field(default_factory=dict)
    outbox: list[Delivery] = field(default_factory=list)
    token_version: int = 1
    sequenced: bool = True
    versions: dict[str, int] = field(default_factory=dict)
    """By user id: how often his presence has changed."""
    courier: threading.Thread | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, tenant_id: str, app_id: str, creator_id: str) -> Iterable[Subscription]:
        mine = (tenant_id, app_id, creator_id)
        return [one for one in list(self.alive.values()) if (one.tenant_id, one.app_id, one.creator_id) == mine]

    def expire(self, now: float) -> None:
        for id_ in [id_ for id_, one in list(self.alive.items()) if one.expires <= now]:
            self.alive.pop(id_, None)

    def tell(self, subscription: Subscription, event: LifecycleEvent, until: str) -> None:
        """Of what becomes of the subscription itself; nothing where its owner named no address for that."""
        if subscription.lifecycle_url is not None:
            told = {**about(subscription, until), "lifecycleEvent": event}
            self.outbox.append(Delivery(subscription.lifecycle_url, {"value": [told]}))


def about(subscription: Subscription, until: str) -> Mapping[str, Any]:
    """What every notification says of its subscription."""
    return {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": until,
        "tenantId": subscription.tenant_id,
        "clientState": subscription.client_state,
    }
