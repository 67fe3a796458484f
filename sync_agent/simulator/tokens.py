"""Signed tokens: made by the embedded Entra, checked by Graph and SharePoint as the real ones do."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import rsa

from sync_agent.simulator.wire import Call, Failure

if TYPE_CHECKING:
    from sync_agent.simulator.world import AppRegistration, SimUser, Tenant, World

_KEY_ID = "embedded"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a token speaks for. ``user`` is None for an app alone; ``by_certificate``: how the app proved itself."""

    tenant: Tenant
    app_id: str
    roles: frozenset[str]
    scopes: frozenset[str]
    user: SimUser | None
    by_certificate: bool
    expires: float

    def allows(self, *permissions: str) -> bool:
        """Whether any of these is granted."""
        granted = self.scopes if self.user is not None else self.roles
        return not granted.isdisjoint(permissions)

    def require(self, *permissions: str) -> None:
        if not self.allows(*permissions):
            raise Failure(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


class Mint:
    """One signing key for the world, and the tokens checked with it."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
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

    def check(self, world: World, token: str, audiences: Iterable[str]) -> Principal:
        """Raises Failure(401) for a token that is forged, expired, or meant for somebody else."""
        for audience in audiences:
            known = self._checked.get((token, audience))
            if known is not None and known.expires > world.clock():
                return known
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                audience=list(audiences),
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidAudienceError as error:
            raise _unauthorized("Access token validation failure. Invalid audience.") from error
        except jwt.PyJWTError as error:
            raise _unauthorized("Access token validation failure.") from error
        if claims["exp"] <= world.clock():
            raise _unauthorized("Lifetime validation failed, the token is expired.")
        tenant = world.tenants.get(claims["tid"])
        if tenant is None:
            raise _unauthorized("The tenant of the token is not known.")
        principal = Principal(
            tenant,
            claims["appid"],
            frozenset(claims.get("roles", ())),
            frozenset(str(claims.get("scp", "")).split()),
            tenant.users.get(claims["oid"]) if claims["idtyp"] == "user" else None,
            claims["appidacr"] == "2",
            claims["exp"],
        )
        self._checked[token, claims["aud"]] = principal
        return principal

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})


def principal(call: Call, audiences: Iterable[str]) -> Principal:
    """Whose bearer token the request carries. Raises Failure(401)."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _unauthorized("Access token is empty.")
    return call.world.mint.check(call.world, token, tuple(audiences))


def graph_principal(call: Call) -> Principal:
    return principal(call, (call.world.origin, "https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"))


def _unauthorized(message: str) -> Failure:
    return Failure(
        401, "InvalidAuthenticationToken", message, {"www-authenticate": 'Bearer realm="", error="invalid_token"'}
    )
