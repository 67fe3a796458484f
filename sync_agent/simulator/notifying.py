"""The embedded Graph tells subscribers of presence that changed: sealed for them alone, signed, over HTTPS.

The scheme is Microsoft's (Graph: change notifications with resource data). It reaches this machine alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import ssl
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from sync_agent.simulator.graph_presence import presence_of
from sync_agent.simulator.subscriptions import CHALLENGED_BEFORE, Delivery, Subscription, about

if TYPE_CHECKING:
    from sync_agent.simulator.world import World

_TICK = 0.05
_VALIDATION_PATIENCE = 10.0
_PATIENCE = 3.0
"""Seconds that an endpoint gets to take a notification (Graph: delivery by webhooks)."""
_FIRST_PAUSE, _LONGEST_PAUSE, _MOST_TRIES = 0.5, 8.0, 12
"""Stands for the four hours in which Graph tries again."""
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def validate(world: World, url: str) -> str | None:
    """Why an address cannot be told of anything; None where it answers as it must."""
    token = f"Validation: Testing client application reachability for subscription Request-Id: {os.urandom(8).hex()}"
    separator = "&" if urlsplit(url).query else "?"
    target = f"{url}{separator}validationToken={quote(token, safe='')}"
    try:
        status, headers, body = _post(world, target, b"", "text/plain; charset=utf-8", _VALIDATION_PATIENCE)
    except OSError as error:
        return f"Subscription validation request failed. The endpoint cannot be reached: {error}."
    if status != 200:
        return f"Subscription validation request failed. HTTP status code is '{status}'."
    if headers.get("content-type", "").partition(";")[0].strip() != "text/plain" or body != token.encode():
        return "Subscription validation request failed. Response must contain the validation token as plain text."
    return None


def start(world: World) -> None:
    """See to it that somebody carries out what subscribers are to be told, as long as there are any."""
    subscriptions = world.subscriptions
    with subscriptions.lock:
        if subscriptions.courier is None:
            subscriptions.courier = threading.Thread(target=_run, args=(world,), name="courier", daemon=True)
            subscriptions.courier.start()


def _run(world: World) -> None:
    subscriptions = world.subscriptions
    while True:
        subscriptions.expire(world.clock())
        with subscriptions.lock:
            if world.subscriptions is not subscriptions or not (subscriptions.alive or subscriptions.outbox):
                subscriptions.courier = None
                return
        for one in list(subscriptions.alive.values()):
            _look_at(world, one)
        _carry_out(world)
        time.sleep(_TICK)


def _look_at(world: World, one: Subscription) -> None:
    now = world.clock()
    if not one.challenged and now >= min(one.authorized_until, one.expires) - CHALLENGED_BEFORE:
        one.challenged = True
        world.subscriptions.tell(one, "reauthorizationRequired", moment(one.expires))
    if now >= one.authorized_until:
        return
    changed = {id_: is_ for id_, is_ in presences(world, one).items() if one.told.get(id_) != is_}
    if changed:
        one.told.update(changed)
        world.subscriptions.outbox.append(Delivery(one.notification_url, collection(world, one, changed)))


def presences(world: World, one: Subscription) -> dict[str, tuple[str, str]]:
    """Of those of its users that have one."""
    users = world.tenants[one.tenant_id].users
    return {id_: presence_of(world, user) for id_ in one.ids if (user := users.get(id_)) and user.has_presence}


def collection(world: World, one: Subscription, changed: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """A changeNotificationCollection about these users."""
    tokens = [world.mint.validation_token(world, one.tenant_id, one.app_id, world.subscriptions.token_version)]
    return {"value": [_notification(world, one, id_, is_) for id_, is_ in changed.items()], "validationTokens": tokens}


def _notification(world: World, one: Subscription, user_id: str, presence: tuple[str, str]) -> dict[str, Any]:
    told = {"@odata.id": f"users/{user_id}/presence", "@odata.type": "#microsoft.graph.presence", "id": user_id}
    resource = {**told, "availability": presence[0], "activity": presence[1]}
    versions = world.subscriptions.versions
    versions[user_id] = versions.get(user_id, 0) + 1
    if world.subscriptions.sequenced:
        resource["sequenceNumber"] = f"A{versions[user_id]:07}"
    return {
        **about(one, moment(one.expires)),
        "changeType": "updated",
        "resource": f"communications/presences/{user_id}",
        "resourceData": told,
        "organizationId": one.tenant_id,
        "encryptedContent": {
            **seal(orjson.dumps(resource), one.certificate),
            "encryptionCertificateId": one.certificate_id,
            "encryptionCertificateThumbprint": one.certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303
        },
    }


def seal(content: bytes, certificate: x509.Certificate) -> dict[str, str]:
    """As only the owner of the certificate's key can read it: a key of its own for each content."""
    key = os.urandom(32)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    data = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 -- as Graph does
    parts = {
        "data": data,
        "dataSignature": hmac.digest(key, data, hashlib.sha256),
        "dataKey": public.encrypt(key, oaep),
    }
    return {name: base64.b64encode(part).decode() for name, part in parts.items()}


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _carry_out(world: World) -> None:
    """An endpoint that does not take a notification gets it again later, after newer ones if need be."""
    waiting, world.subscriptions.outbox = world.subscriptions.outbox, []
    for delivery in waiting:
        if delivery.due > time.monotonic():
            world.subscriptions.outbox.append(delivery)
            continue
        try:
            status, _, _ = _post(world, delivery.url, orjson.dumps(delivery.body), "application/json", _PATIENCE)
        except OSError:
            status = 0
        world.requests[f"notified {status}"] += 1
        if not 200 <= status < 300 and delivery.tried < _MOST_TRIES:
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**delivery.tried)
            again = Delivery(delivery.url, delivery.body, time.monotonic() + pause, delivery.tried + 1)
            world.subscriptions.outbox.append(again)


def _post(world: World, url: str, body: bytes, content_type: str, patience: float) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body. Raises OSError."""
    parts = urlsplit(url)
    if parts.hostname not in _HERE:
        raise OSError(f"{parts.hostname} is not on this machine")
    trusted = ssl.create_default_context(cafile=None if world.trusted is None else str(world.trusted))
    connection = http.client.HTTPSConnection(parts.hostname, parts.port or 443, timeout=patience, context=trusted)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request("POST", target, body, {"Content-Type": content_type})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"no answer: {error!r}") from error
    finally:
        connection.close()
