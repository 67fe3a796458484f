"""How an app proves itself to Entra: by a secret, or by an assertion of its certificate or of a trusted issuer."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sync_agent.simulator.entra_refusal import Refusal
from sync_agent.simulator.federation import check_federated
from sync_agent.simulator.wire import Call
from sync_agent.simulator.world import AppRegistration, Tenant

_SKEW = 300
"""Seconds by which a client's clock may be ahead."""


def proven_by_certificate(call: Call, form: Mapping[str, str], tenant: Tenant, app: AppRegistration) -> bool:
    """Check the app's credential; True for an assertion, which is a certificate's or as good as one."""
    if "client_assertion" in form:
        if _is_by_another_issuer(form["client_assertion"], app):
            check_federated(call, form["client_assertion"], app)
        else:
            _check_assertion(call, form["client_assertion"], tenant, app)
        return True
    if "client_secret" not in form:
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        raise Refusal("invalid_client", 7000218, text, 401)
    expiry = app.secrets.get(form["client_secret"])
    if expiry is None:
        text = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value."
        raise Refusal("invalid_client", 7000215, text, 401)
    if expiry <= call.world.clock():
        raise Refusal("invalid_client", 7000222, "The provided client secret keys for app are expired.", 401)
    return False


def _is_by_another_issuer(assertion: str, app: AppRegistration) -> bool:
    """An assertion that the app signed itself names the app as its issuer, and its certificate in the header."""
    try:
        header = jwt.get_unverified_header(assertion)
        issuer = str(jwt.decode(assertion, options={"verify_signature": False}).get("iss"))
    except jwt.PyJWTError:
        return False
    return issuer.lower() != app.client_id and not {"x5t", "x5t#S256"} & header.keys()


def _check_assertion(call: Call, assertion: str, tenant: Tenant, app: AppRegistration) -> None:
    """Certificate credentials: the header names the certificate, the claims the app and this endpoint, for a while."""
    certificate, claims = _signed_claims(call, assertion, tenant, app)
    now = call.world.clock()
    if certificate.not_valid_after_utc.timestamp() <= now:
        raise _bad_assertion("The certificate used to sign the client assertion is expired")
    if not now < claims["exp"] < now + 86_400 or claims.get("nbf", now) > now + _SKEW:
        raise Refusal("invalid_client", 700024, "Client assertion is not within its valid time range.", 401)
    if claims["iss"].lower() != app.client_id or claims["sub"].lower() != app.client_id:
        raise _bad_assertion("The issuer and the subject of the client assertion are not the application")


def _signed_claims(
    call: Call, assertion: str, tenant: Tenant, app: AppRegistration
) -> tuple[x509.Certificate, dict[str, Any]]:
    endpoints = [f"{call.world.origin}/{name}/oauth2/v2.0/token" for name in (call.groups["tenant"], tenant.id)]
    wrong = _bad_assertion("The certificate used to sign the client assertion is not registered on application")
    try:
        header = jwt.get_unverified_header(assertion)
        certificate = next((known for known in app.certificates if _named(header, known)), None)
        if certificate is None:
            raise wrong
        claims = jwt.decode(
            assertion,
            certificate.public_key(),  # type: ignore[arg-type]
            algorithms=["RS256", "PS256"],
            audience=endpoints,
            options={"require": ["exp", "aud", "iss", "sub"], "verify_exp": False, "verify_nbf": False},
        )
    except jwt.PyJWTError as error:
        raise wrong from error
    return certificate, claims


def _bad_assertion(why: str) -> Refusal:
    return Refusal("invalid_client", 700027, f"{why}.", 401)


def _named(header: Mapping[str, str], certificate: x509.Certificate) -> bool:
    """By either thumbprint (RFC 7515: x5t is SHA-1); some clients leave the padding on."""
    wanted = {"x5t#S256": hashes.SHA256(), "x5t": hashes.SHA1()}  # noqa: S303 -- the header's own definition
    return any(
        name in header and header[name].rstrip("=") == _thumbprint(certificate.fingerprint(algorithm))
        for name, algorithm in wanted.items()
    )


def _thumbprint(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
