"""Signed tokens: made by the embedded Entra, checked by Graph and SharePoint as the real ones do."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from sync_agent.simulator.wire import Call, Failure

if TYPE_CHECKING:
    from sync_agent.simulator.world import AppRegistration, SimUser, Tenant, World

GRAPH_NAMES = ("https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000")
"""Graph's names as a resource, besides its own address."""
_KEY_ID = "embedded"
_PUBLISHER = "0bf30f3b-4a52-48df-9a82-234910c4a086"
"""The app id of Graph's own, that tells subscribers of changes."""

Why = Literal["empty", "audience", "signature", "issuer", "expired"]


class BadToken(Exception):
    """A bearer token that the service does not take."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a token speaks for. ``user`` is None for an app alone, and for a person who is no longer in the tenant;
    ``by_certificate``: how the app proved itself."""

    tenant: Tenant
    app_id: str
    roles: frozenset[str]
    scopes: frozenset[str]
    by_person: bool
    user: SimUser | None
    by_certificate: bool
    expires: float

    @property
    def granted(self) -> frozenset[str]:
        """The permissions that count: application permissions of an app alone, delegated ones of a person."""
        return self.scopes if self.by_person else self.roles

    def require(self, *permissions: str) -> None:
        """Raises Failure(403) unless one of these is granted."""
        if self.granted.isdisjoint(permissions):
            raise Failure(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    """Made once a process: that takes longer than serving a small world takes to begin."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


class Mint:
    """One signing key for the world, and the tokens checked with it."""

    def __init__(self) -> None:
        self._key = _signing_key()
        self._checked: dict[tuple[str, str], Principal] = {}

    def public_keys(self) -> dict[str, Any]:
        jwk = orjson.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**jwk, "kid": _KEY_ID, "use": "sig"}]}

    def access_token(
        self,
        world: World,
        tenant: Tenant,
        app: AppRegistration,
        resource: str,
        *,
        user: SimUser | None = None,
        by_certificate: bool = False,
    ) -> tuple[str, int]:
        """The token and how many seconds it lives."""
        lives = world.random.randint(*world.token_lifetime)
        now = world.clock()
        claims: dict[str, Any] = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{tenant.id}/",
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + lives),
            "appid": app.client_id,
            "appidacr": "2" if by_certificate else "1",
            "tid": tenant.id,
            "uti": secrets.token_urlsafe(8),
            "ver": "1.0",
        }
        if user is None:
            claims |= {"idtyp": "app", "oid": app.client_id, "roles": sorted(app.permissions)}
        else:
            claims |= {"idtyp": "user", "oid": user.id, "upn": user.upn, "scp": " ".join(sorted(app.permissions))}
        return self._sign(claims), lives

    def id_token(self, world: World, tenant: Tenant, app: AppRegistration, user: SimUser) -> tuple[str, str]:
        """The id token, and the client_info that names the account in msal's cache."""
        now = int(world.clock())
        claims = {
            "aud": app.client_id,
            "iss": f"{world.origin}/{tenant.id}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3_600,
            "tid": tenant.id,
            "oid": user.id,
            "sub": user.id,
            "preferred_username": user.upn,
            "name": user.display_name,
            "ver": "2.0",
        }
        info = orjson.dumps({"uid": user.id, "utid": tenant.id})
        return self._sign(claims), base64.urlsafe_b64encode(info).rstrip(b"=").decode()

    def validation_token(self, world: World, tenant_id: str, app_id: str, version: int = 1) -> str:
        """What proves to the app that a notification is Graph's, in the form of either version of Entra's tokens."""
        now = int(world.clock())
        times = {"iat": now, "nbf": now, "exp": now + 3_600}
        claims: dict[str, Any] = {"aud": app_id, "tid": tenant_id, "ver": f"{version}.0", **times}
        if version == 1:
            claims |= {"iss": f"https://sts.windows.net/{tenant_id}/", "appid": _PUBLISHER, "appidacr": "2"}
        else:
            claims |= {"iss": f"{world.origin}/{tenant_id}/v2.0", "azp": _PUBLISHER, "azpacr": "2"}
        return self._sign(claims)

    def check(self, world: World, token: str, audiences: Iterable[str]) -> Principal:
        """Raises BadToken for a token that is forged, expired, or meant for somebody else."""
        for audience in audiences:
            known = self._checked.get((token, audience))
            if known is not None and known.expires > world.clock():
                return known
        claims = self._verified(token, audiences)
        if claims["exp"] <= world.clock():
            raise BadToken("expired")
        tenant = world.tenants.get(claims["tid"])
        if tenant is None:
            raise BadToken("issuer")
        by_person = claims["idtyp"] == "user"
        principal = Principal(
            tenant,
            claims["appid"],
            frozenset(claims.get("roles", ())),
            frozenset(str(claims.get("scp", "")).split()),
            by_person,
            tenant.users.get(claims["oid"]) if by_person else None,
            claims["appidacr"] == "2",
            claims["exp"],
        )
        self._checked[token, claims["aud"]] = principal
        return principal

    def _verified(self, token: str, audiences: Iterable[str]) -> dict[str, Any]:
        """Its times are the world's to judge, whose clock may differ."""
        lenient: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
        key = self._key.public_key()
        try:
            return jwt.decode(token, key, algorithms=["RS256"], audience=list(audiences), options=lenient)
        except jwt.InvalidAudienceError as error:
            raise BadToken("audience") from error
        except jwt.PyJWTError as error:
            raise BadToken("signature") from error

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})


def principal(call: Call, audiences: Iterable[str]) -> Principal:
    """Whose bearer token the request carries. Raises BadToken."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise BadToken("empty")
    return call.world.mint.check(call.world, token, tuple(audiences))


def graph_principal(call: Call) -> Principal:
    """Raises Failure(401) in Graph's words."""
    try:
        return principal(call, (call.world.origin, *GRAPH_NAMES))
    except BadToken as error:
        headers = {
            "www-authenticate": f'Bearer realm="", authorization_uri="{call.world.origin}/common/oauth2/authorize"'
        }
        raise Failure(401, "InvalidAuthenticationToken", _GRAPH_SAYS[error.why], headers) from error


_GRAPH_SAYS: dict[Why, str] = {
    "empty": "Access token is empty.",
    "audience": "Access token validation failure. Invalid audience.",
    "signature": "Access token validation failure. Invalid signature.",
    "issuer": "Access token validation failure. Invalid issuer.",
    "expired": "Lifetime validation failed, the token is expired.",
}
