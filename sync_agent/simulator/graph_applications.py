"""Graph's app registrations: when their secrets and certificates end (application: get)."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1

from sync_agent.simulator import limits
from sync_agent.simulator.odata import selected
from sync_agent.simulator.tokens import graph_principal
from sync_agent.simulator.wire import Call, Failure, Reply, Route, json_reply, route
from sync_agent.simulator.world import DAY, AppRegistration

_READERS = ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")
_DEFAULTS = ("id", "appId", "displayName", "passwordCredentials", "keyCredentials", "requiredResourceAccess")


def routes() -> list[Route]:
    return [route("GET", r"/v1\.0/applications\(appId='(?P<app>[^']+)'\)", _application)]


def _application(call: Call) -> Reply:
    who = graph_principal(call)
    limits.charge_directory(call, who, 1)
    who.require(*_READERS)
    app = who.tenant.apps.get(call.groups["app"].lower())
    if app is None:
        message = f"Resource '{call.groups['app']}' does not exist or one of its queried reference-property objects"
        raise Failure(404, "Request_ResourceNotFound", f"{message} are not present.")
    return json_reply(selected(_as_json(app), call.query.get("$select"), _DEFAULTS))


def _as_json(app: AppRegistration) -> dict[str, Any]:
    return {
        "id": _id_of(app.client_id),
        "appId": app.client_id,
        "displayName": "sync-agent",
        "passwordCredentials": [_password(value, ends) for value, ends in app.secrets.items()],
        "keyCredentials": [
            {
                "customKeyIdentifier": each.fingerprint(SHA1()).hex().upper(),  # noqa: S303 -- Graph's own definition
                "displayName": each.subject.rfc4514_string(),
                "endDateTime": _moment(each.not_valid_after_utc.timestamp()),
                "key": None,
                "keyId": _id_of(str(each.serial_number)),
                "startDateTime": _moment(each.not_valid_before_utc.timestamp()),
                "type": "AsymmetricX509Cert",
                "usage": "Verify",
            }
            for each in app.certificates
        ],
        "requiredResourceAccess": [],
    }


def _password(value: str, ends: float) -> dict[str, Any]:
    """The value is told once, when it is made; afterwards its first three characters, as a hint."""
    return {
        "customKeyIdentifier": None,
        "displayName": None,
        "endDateTime": _moment(ends),
        "hint": value[:3],
        "keyId": _id_of(value),
        "secretText": None,
        "startDateTime": _moment(ends - 180 * DAY),
    }


def _id_of(text: str) -> str:
    return str(uuid.UUID(hashlib.sha256(text.encode()).hexdigest()[:32]))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
