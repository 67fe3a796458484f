"""What Graph sends to those who subscribed, as it comes: nothing of it is to be trusted before it was verified.

The shape is Graph's changeNotificationCollection (learn.microsoft.com: changenotification resource types).
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from sync_agent.microsoft365.errors import UNREADABLE

T = TypeVar("T")

MOST_BYTES = 2 * 2**20
"""Of one request: 650 changes, sealed, take 1 MiB."""
_Id = Annotated[str, Meta(max_length=200)]
_Sealed = Annotated[str, Meta(max_length=65_536)]
_Token = Annotated[str, Meta(max_length=8_192)]


class NotTrusted(Exception):
    """``why``: in few words of ours, the same for the same reason."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class SealedContent(msgspec.Struct, rename="camel"):
    """Base64 each; see `notification_keys`."""

    data: _Sealed
    data_signature: _Id
    data_key: Annotated[str, Meta(max_length=1_024)]
    encryption_certificate_id: _Id


class Notification(msgspec.Struct, rename="camel"):
    """Of a change, with ``encrypted_content``; or of the subscription itself, with ``lifecycle_event``."""

    subscription_id: _Id
    client_state: _Id | None = None
    tenant_id: _Id | None = None
    lifecycle_event: _Id | None = None
    encrypted_content: SealedContent | None = None


class Notifications(msgspec.Struct, rename="camel"):
    """``validation_tokens``: one for each app and tenant that ``value`` is for; none for life-cycle events."""

    value: Annotated[list[Notification], Meta(max_length=1_000)]
    validation_tokens: Annotated[list[_Token], Meta(max_length=32)] | None = None


class TellsPresence(msgspec.Struct, rename="camel"):
    """What the sealed content of a presence is (Graph: presence resource). ``sequence_number`` grows, as text."""

    id: str
    availability: str
    activity: str
    sequence_number: str | None = None


def notifications_in(body: bytes) -> Notifications:
    """Raises NotTrusted where it has another shape, or is too large."""
    return _decoded(body, Notifications, "it is no notification")


def presence_in(content: bytes) -> TellsPresence:
    """Raises NotTrusted."""
    return _decoded(content, TellsPresence, "it tells no presence")


def _decoded(body: bytes, type_: type[T], why: str) -> T:
    try:
        return msgspec.json.decode(body, type=type_)
    except UNREADABLE:
        raise NotTrusted(why) from None
