"""What an access token says of itself. Microsoft promises no form for it, so what cannot be read says nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec


def claims_in(token: str) -> Mapping[str, Any]:
    """The claims, unverified, of a token that is a JWT; else none. For hints only: it is the service that decides."""
    body = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, msgspec.DecodeError):
        return {}
    return claims if isinstance(claims, dict) else {}


def permissions_in(token: str) -> frozenset[str]:
    """Application permissions of an app's token, delegated ones of a person's."""
    claims = claims_in(token)
    roles, scopes = claims.get("roles"), claims.get("scp")
    named = [str(role) for role in roles] if isinstance(roles, list) else []
    return frozenset([*named, *str(scopes or "").split()])
