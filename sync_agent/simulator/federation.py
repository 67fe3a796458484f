"""Workload identity federation: another issuer's token, that of a Kubernetes service account say, as an app's proof.

By issuer, audience and subject, each compared to the letter (learn.microsoft.com: workload identity federation).
"""

from __future__ import annotations

from typing import Any

import jwt
from jwt.types import Options

from sync_agent.simulator.entra_refusal import Refusal
from sync_agent.simulator.wire import Call
from sync_agent.simulator.world import AppRegistration

_LENIENT: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
"""Its times are the world's to judge, whose clock may differ."""
_NO_MATCH = "No matching federated identity record found for presented assertion"


def check_federated(call: Call, assertion: str, app: AppRegistration) -> None:
    """Raises Refusal unless a federated credential of the app takes this assertion."""
    claims = _unverified(assertion)
    issuer, subject, audience = (str(claims.get(name) or "") for name in ("iss", "sub", "aud"))
    if not app.federated:
        text = f"The client '{app.client_id}' has no configured federated identity credentials."
        raise Refusal("invalid_client", 70025, text, 401)
    of_issuer = [each for each in app.federated if each.issuer == issuer]
    if not of_issuer:
        raise Refusal("invalid_client", 700211, f"{_NO_MATCH} issuer '{issuer}'.", 401)
    for_audience = [each for each in of_issuer if each.audience == audience]
    if not for_audience:
        raise Refusal("invalid_client", 700212, f"{_NO_MATCH} audience '{audience}'.", 401)
    if all(each.subject != subject for each in for_audience):
        raise Refusal("invalid_client", 700213, f"{_NO_MATCH} subject '{subject}'.", 401)
    _check_signature(call, assertion, issuer)
    if not claims.get("nbf", 0) - 300 <= call.world.clock() < claims.get("exp", 0):
        raise Refusal("invalid_client", 700024, "Client assertion is not within its valid time range.", 401)


def _unverified(assertion: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise Refusal("invalid_client", 50027, "JWT token is invalid or malformed.", 401) from error
    audience = claims.get("aud")
    return claims | {"aud": audience[0] if isinstance(audience, list) and len(audience) == 1 else audience}


def _check_signature(call: Call, assertion: str, issuer: str) -> None:
    key = call.world.issuers.get(issuer)
    try:
        if key is None:
            raise jwt.InvalidKeyError(issuer)
        jwt.decode(assertion, key, algorithms=["RS256"], options=_LENIENT)
    except jwt.PyJWTError as error:
        raise Refusal("invalid_client", 50027, "JWT token is invalid or malformed.", 401) from error
