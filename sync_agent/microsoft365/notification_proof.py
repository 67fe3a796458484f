"""Whether a notification is Graph's: the tokens that come with it, checked by the keys that Entra publishes.

A token proves that it was made by Entra (its signature), in this tenant (``iss``), for our app (``aud``), at the
request of Graph's own publisher of notifications (``appid``, or ``azp`` in tokens of version 2), and that it is still
good. Source: learn.microsoft.com, change notifications with resource data: how to validate.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
import msgspec

from sync_agent.microsoft365.errors import Garbled, refusal
from sync_agent.microsoft365.notifications import NotTrusted
from sync_agent.microsoft365.transport import Answer, Request, Transport

PUBLISHER = "0bf30f3b-4a52-48df-9a82-234910c4a086"
_SKEW = 300.0
"""Seconds by which clocks may differ."""
_GOOD_FOR = timedelta(hours=24)
_ASKED_AGAIN_AFTER = timedelta(minutes=5)
"""For a key that is not known: whoever makes keys up must not make us ask Entra all the time."""
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Published:
    tenant_id: str
    issuers: frozenset[str]
    keys: Mapping[str, jwt.PyJWK]
    at: datetime


@dataclass(slots=True)
class Proof:
    """For one account: its tenant (id or domain) and its app."""

    transport: Transport
    authority: str
    tenant: str
    client_id: str
    clock: Callable[[], datetime]
    _published: _Published | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_for_us(self, token: str) -> bool:
        """Whether it says that it is for this app: proves nothing."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            return False
        return bool(claims.get("aud") == self.client_id)

    async def verified(self, token: str) -> str:
        """The id of the tenant that it is about. Raises NotTrusted; ServiceError where Entra's keys cannot be had."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise NotTrusted(_WRONG_TOKEN) from None
        published = await self._keys(str(header.get("kid")))
        key = published.keys.get(str(header.get("kid")))
        if key is None:
            raise NotTrusted(_WRONG_TOKEN)
        # Its times are checked by the service's own clock.
        lenient: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["exp", "aud", "iss"]}
        try:
            claims = jwt.decode(token, key.key, algorithms=["RS256"], audience=self.client_id, options=lenient)
        except jwt.PyJWTError:
            raise NotTrusted(_WRONG_TOKEN) from None
        if not self._is_right(claims, published):
            raise NotTrusted(_WRONG_TOKEN)
        return published.tenant_id

    def _is_right(self, claims: Mapping[str, Any], published: _Published) -> bool:
        now = self.clock().timestamp()
        ends, begins = claims["exp"], claims.get("nbf", 0)
        return (
            claims["iss"] in published.issuers
            and claims.get("appid" if claims.get("ver") == "1.0" else "azp") == PUBLISHER
            and isinstance(ends, int | float)
            and isinstance(begins, int | float)
            and begins - _SKEW <= now < ends + _SKEW
        )

    async def _keys(self, kid: str) -> _Published:
        async with self._asking:
            known, now = self._published, self.clock()
            if known is not None:
                old = _ASKED_AGAIN_AFTER if kid not in known.keys else _GOOD_FOR
                if now - known.at < old:
                    return known
            self._published = await self._asked(now)
            return self._published

    async def _asked(self, now: datetime) -> _Published:
        url = f"{self.authority.rstrip('/')}/{self.tenant}/v2.0/.well-known/openid-configuration"
        discovery = (await self._get(url)).json(_Discovery)
        tenant_id = _GUID.search(discovery.issuer.lower())
        if tenant_id is None or not discovery.jwks_uri.startswith("https://"):
            raise Garbled("Entra's discovery document names no tenant, or no place of its keys")
        answer = await self._get(discovery.jwks_uri)
        issuers = frozenset({discovery.issuer, f"https://sts.windows.net/{tenant_id[0]}/"})
        return _Published(tenant_id[0], issuers, _usable(answer.json(_Keys).keys), now)

    async def _get(self, url: str) -> Answer:
        answer = await self.transport.send(Request("GET", url, kind="sign-in"))
        if answer.status != 200:
            raise refusal(answer, "Asking Entra for the keys that it signs with")
        return answer


_WRONG_TOKEN = "it is not proven to be Graph's"  # noqa: S105 -- a reason


def _usable(keys: list[dict[str, Any]]) -> dict[str, jwt.PyJWK]:
    """Of what is published, the RSA keys for signatures."""
    found = {}
    for each in keys:
        if each.get("kty") == "RSA" and each.get("use", "sig") == "sig" and isinstance(each.get("kid"), str):
            try:
                found[each["kid"]] = jwt.PyJWK.from_dict(each, algorithm="RS256")
            except jwt.PyJWTError:
                continue
    return found
