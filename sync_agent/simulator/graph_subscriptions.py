"""/subscriptions as Graph has it, for presence alone: by a person's token only, one for each app and person."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sync_agent.simulator import notifying
from sync_agent.simulator.graph_presence import MOST_IDS
from sync_agent.simulator.subscriptions import LIFETIME, Subscription
from sync_agent.simulator.tokens import Principal, graph_principal
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply, route

_GUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_ONE = re.compile(rf"/?communications/presences/({_GUID})", re.IGNORECASE)
_MANY = re.compile(r"/?communications/presences\?\$filter=id in \(('[^']*'(?:, ?'[^']*')*)\)", re.IGNORECASE)
_SLACK = 60.0
"""Seconds that clocks may differ by."""


def routes() -> list[Route]:
    one = rf"/v1\.0/subscriptions/(?P<id>{_GUID})"
    return [
        route("POST", r"/v1\.0/subscriptions", _create),
        route("GET", r"/v1\.0/subscriptions", _list),
        route("GET", one, lambda call: json_reply(_told(_mine(call, _person(call))))),
        route("PATCH", one, _renew),
        route("DELETE", one, _delete),
        route("POST", rf"{one}/reauthorize", _reauthorize),
    ]


def asks_elsewhere(call: Call) -> bool:
    """Whether the answer waits for somebody else's."""
    return call.method == "POST" and call.path == "/v1.0/subscriptions"


def _person(call: Call) -> Principal:
    who = graph_principal(call)
    call.world.requests["subscriptions"] += 1
    if not who.by_person or who.user is None or "Presence.Read.All" not in who.granted:
        text = "Operation: Create; Exception: [Status Code: Forbidden; Reason: No access to presence.]"
        raise Failure(403, "ExtensionError", text)
    call.world.subscriptions.expire(call.world.clock())
    return who


def _create(call: Call) -> Reply:
    who, asked, world = _person(call), call.json(), call.world
    assert who.user is not None
    if asked.get("changeType") != "updated":
        raise _bad("Presence supports changeType 'updated' only.")
    ids = _ids(asked.get("resource"))
    url, lifecycle = _url(asked, "notificationUrl"), asked.get("lifecycleNotificationUrl")
    if url is None:
        raise _bad("notificationUrl is required.")
    if lifecycle is not None:
        lifecycle = _url(asked, "lifecycleNotificationUrl")
    if asked.get("includeResourceData") is not True:
        raise _bad("Presence is told with its data alone: includeResourceData must be true.")
    state = asked.get("clientState")
    if state is not None and (not isinstance(state, str) or len(state) > 128):
        raise _bad("clientState must have at most 128 characters.")
    certificate, expires = _certificate(asked), _expires(call, asked)
    for address in (url, lifecycle):
        if address is not None and (why := notifying.validate(world, address)) is not None:
            raise Failure(400, "ValidationError", why)
    if list(world.subscriptions.of(who.tenant.id, who.app_id, who.user.id)):
        reason = "A subscripton already exists. It must be deleted before a another can be made."
        raise Failure(409, "ExtensionError", f"Operation: Create; Exception: [Status Code: Conflict; Reason: {reason}]")
    made = Subscription(
        id=str(uuid.uuid4()),
        tenant_id=who.tenant.id,
        app_id=who.app_id,
        creator_id=who.user.id,
        resource=asked["resource"],
        ids=ids,
        notification_url=url,
        lifecycle_url=lifecycle,
        client_state=state,
        certificate=certificate,
        certificate_id=asked["encryptionCertificateId"],
        expires=expires,
        authorized_until=who.expires,
    )
    made.told = notifying.presences(world, made)
    world.subscriptions.alive[made.id] = made
    notifying.start(world)
    return json_reply({**_told(made), "clientState": state}, 201)


def _list(call: Call) -> Reply:
    who = _person(call)
    assert who.user is not None
    mine = call.world.subscriptions.of(who.tenant.id, who.app_id, who.user.id)
    return json_reply({"@odata.context": "#subscriptions", "value": [_told(one) for one in mine]})


def _renew(call: Call) -> Reply:
    who, asked = _person(call), call.json()
    one = _mine(call, who)
    if unknown := asked.keys() - {"expirationDateTime", "encryptionCertificate", "encryptionCertificateId"}:
        raise _bad(f"{min(unknown)} cannot be changed.")
    expires = _expires(call, asked)
    if "encryptionCertificate" in asked or "encryptionCertificateId" in asked:
        one.certificate, one.certificate_id = _certificate(asked), asked["encryptionCertificateId"]
    one.expires, one.authorized_until, one.challenged = expires, who.expires, False
    return json_reply(_told(one))


def _reauthorize(call: Call) -> Reply:
    who = _person(call)
    one = _mine(call, who)
    one.authorized_until, one.challenged = who.expires, False
    return Reply(204)


def _delete(call: Call) -> Reply:
    del call.world.subscriptions.alive[_mine(call, _person(call)).id]
    return Reply(204)


def _mine(call: Call, who: Principal) -> Subscription:
    assert who.user is not None
    mine = {one.id: one for one in call.world.subscriptions.of(who.tenant.id, who.app_id, who.user.id)}
    one = mine.get(call.groups["id"].lower())
    if one is None:
        raise Failure(404, "ResourceNotFound", "The object was not found.")
    return one


def _ids(resource: Any) -> tuple[str, ...]:
    text = resource if isinstance(resource, str) else ""
    one, many = _ONE.fullmatch(text), _MANY.fullmatch(text)
    ids = [one[1]] if one else [id_.strip(" '") for id_ in many[1].split(",")] if many else []
    if not ids or any(re.fullmatch(_GUID, id_, re.IGNORECASE) is None for id_ in ids):
        raise _bad("The resource is not a collection of presences that can be subscribed to.")
    if len(set(ids)) > MOST_IDS:
        raise _bad(f"A subscription is for {MOST_IDS} users at most.")
    return tuple(dict.fromkeys(id_.lower() for id_ in ids))


def _url(asked: dict[str, Any], name: str) -> str | None:
    url = asked.get(name)
    if url is not None and (not isinstance(url, str) or urlsplit(url).scheme != "https"):
        raise _bad(f"{name} must be an address that begins with https.")
    return url


def _certificate(asked: dict[str, Any]) -> x509.Certificate:
    id_ = asked.get("encryptionCertificateId")
    if not isinstance(id_, str) or not 1 <= len(id_) <= 128:
        raise _bad("encryptionCertificateId is required, with at most 128 characters.")
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(asked["encryptionCertificate"], validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise _bad("encryptionCertificate must be an X.509 certificate in Base64.") from error
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or not 2_048 <= key.key_size <= 4_096:
        raise _bad("encryptionCertificate must have an RSA key of 2048 to 4096 bits.")
    return certificate


def _expires(call: Call, asked: dict[str, Any]) -> float:
    try:
        until = datetime.fromisoformat(str(asked["expirationDateTime"]))
    except (KeyError, ValueError) as error:
        raise _bad("expirationDateTime is required.") from error
    expires, now = until.replace(tzinfo=until.tzinfo or UTC).timestamp(), call.world.clock()
    if not now < expires <= now + LIFETIME + _SLACK:
        raise _bad("Subscription expiration can only be 60 minutes in the future.")
    return expires


def _told(one: Subscription) -> dict[str, Any]:
    return {
        "id": one.id,
        "resource": one.resource,
        "applicationId": one.app_id,
        "creatorId": one.creator_id,
        "changeType": "updated",
        "clientState": None,
        "notificationUrl": one.notification_url,
        "lifecycleNotificationUrl": one.lifecycle_url,
        "expirationDateTime": notifying.moment(one.expires),
        "includeResourceData": True,
        "encryptionCertificateId": one.certificate_id,
    }


def _bad(text: str) -> Failure:
    return Failure(400, "InvalidRequest", text)
