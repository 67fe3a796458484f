"""Entra: discovery, and each way to a token, by the real msal where it has one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import msal
import pytest
from cryptography.hazmat.primitives.hashes import SHA1

from tests.simulator.office import (
    CLIENT,
    ELSEWHERE,
    OTHER_TENANT,
    SECRET,
    TENANT,
    Office,
    certificate,
    trusting_session,
)

DAY = 86_400.0
GRAPH = ["https://graph.microsoft.com/.default"]


@pytest.fixture(autouse=True)
def now(office: Office) -> None:
    """msal goes by the machine's clock."""
    office.clock.now = time.time()


def told_of(office: Office, tenant: str = TENANT, **form: str) -> httpx.Response:
    url = f"{office.world.origin}/{tenant}/oauth2/v2.0/token"
    return office.http.post(url, data={"client_id": CLIENT, "scope": GRAPH[0], **form})


def refused(answer: httpx.Response) -> tuple[int, str, int]:
    body = answer.json()
    assert {"error_description", "timestamp", "trace_id", "correlation_id"} <= body.keys()
    assert body["error_description"].startswith(f"AADSTS{body['error_codes'][0]}: ")
    return answer.status_code, body["error"], body["error_codes"][0]


def confidential(office: Office, credential: Any) -> msal.ConfidentialClientApplication:
    authority = f"{office.world.origin}/{TENANT}"
    how = {"instance_discovery": False, "http_client": trusting_session()}
    return msal.ConfidentialClientApplication(CLIENT, client_credential=credential, authority=authority, **how)


def public(office: Office) -> msal.PublicClientApplication:
    authority = f"{office.world.origin}/{TENANT}"
    return msal.PublicClientApplication(
        CLIENT, authority=authority, instance_discovery=False, http_client=trusting_session()
    )


@pytest.mark.parametrize("name", [TENANT, "contoso.com", "CONTOSO.onmicrosoft.com"])
def test_discovery_by_id_and_by_any_verified_domain(office: Office, name: str) -> None:
    """How the tenant of a domain is found without signing in."""
    known = office.http.get(f"{office.world.origin}/{name}/v2.0/.well-known/openid-configuration").json()
    assert known["issuer"] == f"{office.world.origin}/{TENANT}/v2.0"
    assert known["token_endpoint"] == f"{office.world.origin}/{TENANT}/oauth2/v2.0/token"


@pytest.mark.parametrize(
    ("name", "number"),
    [("nobody.example", 90002), ("99999999-0000-4000-8000-000000000009", 90002), ("not-a-tenant", 900023)],
)
def test_no_tenant(office: Office, name: str, number: int) -> None:
    answer = office.http.get(f"{office.world.origin}/{name}/v2.0/.well-known/openid-configuration")
    assert refused(answer)[::2] == (400, number)


def test_a_token_is_signed_for_one_resource_tenant_and_time(office: Office) -> None:
    """Access tokens live 60 to 90 minutes; roles are an app's permissions."""
    told = confidential(office, SECRET).acquire_token_for_client(GRAPH)
    keys = office.http.get(f"{office.world.origin}/{TENANT}/discovery/v2.0/keys").json()["keys"]
    key = jwt.PyJWK(next(key for key in keys if key["kid"] == jwt.get_unverified_header(told["access_token"])["kid"]))
    claims = jwt.decode(told["access_token"], key, audience="https://graph.microsoft.com")
    assert (claims["tid"], claims["appid"], claims["idtyp"]) == (TENANT, CLIENT, "app")
    assert set(claims["roles"]) == office.app.permissions
    assert 3_600 <= claims["exp"] - claims["iat"] <= 5_400


def test_a_certificate_signs_in_by_the_real_msal(office: Office) -> None:
    pem, thumbprint = certificate().pem().decode(), certificate().certificate.fingerprint(SHA1()).hex()
    told = confidential(office, {"private_key": pem, "thumbprint": thumbprint}).acquire_token_for_client(GRAPH)
    assert jwt.decode(told["access_token"], options={"verify_signature": False})["appidacr"] == "2"


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({"client_secret": "wrong"}, (401, "invalid_client", 7000215)),
        ({"client_secret": "old"}, (401, "invalid_client", 7000222)),
        ({}, (401, "invalid_client", 7000218)),
        ({"client_secret": SECRET, "client_id": "nobody"}, (400, "unauthorized_client", 700016)),
        ({"client_secret": SECRET, "scope": "User.Read.All"}, (400, "invalid_scope", 70011)),
        ({"client_secret": SECRET, "scope": f"{GRAPH[0]} {ELSEWHERE}/.default"}, (400, "invalid_request", 28000)),
        ({"client_secret": SECRET, "scope": "https://unknown.example/.default"}, (400, "invalid_resource", 500011)),
        ({"client_secret": SECRET, "grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
        ({"client_assertion": "x.y.z"}, (401, "invalid_client", 700027)),
    ],
)
def test_client_credentials_are_refused_by_number(
    office: Office, form: dict[str, str], refusal: tuple[int, str, int]
) -> None:
    office.app.secrets["old"] = office.clock() - 1
    assert refused(told_of(office, **{"grant_type": "client_credentials"} | form)) == refusal


def test_an_app_is_known_in_its_own_tenant_only(office: Office) -> None:
    answer = told_of(office, OTHER_TENANT, grant_type="client_credentials", client_secret=SECRET)
    assert refused(answer) == (400, "unauthorized_client", 700016)


Spoil = Callable[[dict[str, Any], dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("spoil", "number"),
    [
        (lambda header, claims: None, None),
        (lambda header, claims: claims.update(aud="https://login.example/token"), 700027),
        (lambda header, claims: claims.update(iss="somebody"), 700027),
        (lambda header, claims: claims.pop("sub"), 700027),
        (lambda header, claims: header.update(x5t="AAAA"), 700027),
        (lambda header, claims: claims.update(exp=claims["exp"] - 601), 700024),
        (lambda header, claims: claims.update(exp=claims["exp"] + 2 * DAY), 700024),
        (lambda header, claims: claims.update(nbf=claims["exp"]), 700024),
    ],
)
def test_an_assertion_is_checked(office: Office, spoil: Spoil, number: int | None) -> None:
    """Certificate credentials: x5t names the certificate, aud is the token endpoint, iss and sub are the app."""
    made, endpoint = certificate(), f"{office.world.origin}/{TENANT}/oauth2/v2.0/token"
    header = {"x5t": jwt.utils.base64url_encode(made.certificate.fingerprint(SHA1())).decode()}
    claims = {"aud": endpoint, "iss": CLIENT, "sub": CLIENT, "exp": office.clock() + 600, "nbf": office.clock()}
    spoil(header, claims)
    assertion = jwt.encode(claims, made.pem(), algorithm="RS256", headers=header)
    answer = told_of(office, grant_type="client_credentials", client_assertion=assertion)
    assert answer.status_code == 200 if number is None else refused(answer) == (401, "invalid_client", number)


def test_an_expired_certificate_signs_nobody_in(office: Office) -> None:
    office.clock.now += 10_001 * DAY
    made, endpoint = certificate(), f"{office.world.origin}/{TENANT}/oauth2/v2.0/token"
    header = {"x5t": jwt.utils.base64url_encode(made.certificate.fingerprint(SHA1())).decode()}
    claims = {"aud": endpoint, "iss": CLIENT, "sub": CLIENT, "exp": office.clock() + 600}
    assertion = jwt.encode(claims, made.pem(), algorithm="RS256", headers=header)
    answer = told_of(office, grant_type="client_credentials", client_assertion=assertion)
    assert refused(answer) == (401, "invalid_client", 700027)


def offered(office: Office) -> dict[str, Any]:
    url = f"{office.world.origin}/{TENANT}/oauth2/v2.0/devicecode"
    scope = f"{GRAPH[0]} openid profile offline_access"
    flow: dict[str, Any] = office.http.post(url, data={"client_id": CLIENT, "scope": scope}).json()
    return flow


def polled(office: Office, flow: dict[str, Any], **form: str) -> httpx.Response:
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    return told_of(office, **{"grant_type": grant, "device_code": flow["device_code"]} | form)


def test_device_code_by_the_page_and_the_real_msal(office: Office) -> None:
    jane = office.user("jane@contoso.com")
    app = public(office)
    flow = app.initiate_device_flow(GRAPH)
    assert (flow["interval"], flow["expires_in"]) == (5, 900)
    page = office.http.post(flow["verification_uri"], data={"code": flow["user_code"], "upn": jane.upn})
    assert "You have signed in" in page.text
    told = app.acquire_token_by_device_flow(flow)
    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert (claims["oid"], claims["idtyp"], "roles" in claims) == (jane.id, "user", False)
    assert set(claims["scp"].split()) == office.app.permissions
    (account,) = app.get_accounts()
    assert account["username"] == jane.upn
    assert "access_token" in app.acquire_token_silent(GRAPH, account=account, force_refresh=True)


def test_polling_a_device_code(office: Office) -> None:
    """v2-oauth2-device-code: pending, slow_down when asked before the interval is over, declined, expired."""
    flow = offered(office)
    assert refused(polled(office, flow))[1] == "authorization_pending"
    assert refused(polled(office, flow))[1] == "slow_down"
    office.clock.now += 5
    assert refused(polled(office, flow))[1] == "authorization_pending"
    office.world.devices.decline(flow["user_code"])
    assert refused(polled(office, flow))[1] == "authorization_declined"
    late = offered(office)
    office.clock.now += 900
    assert refused(polled(office, late))[1] == "expired_token"
    assert refused(polled(office, late, device_code="unknown"))[1] == "bad_verification_code"


def test_public_flows_have_to_be_allowed(office: Office) -> None:
    flow = offered(office)
    office.app.public_client_flows = False
    assert refused(polled(office, flow)) == (401, "invalid_client", 7000218)


@pytest.mark.parametrize(
    ("upn", "said"), [("nobody@contoso.com", "50034"), ("off@contoso.com", "50057"), ("bob@fabrikam.com", "50020")]
)
def test_who_may_enter_a_code(office: Office, upn: str, said: str) -> None:
    office.user("off@contoso.com", enabled=False)
    office.world.tenants[OTHER_TENANT].add(type(office.user("x@contoso.com"))("id", "bob@fabrikam.com", "Bob"))
    assert f"AADSTS{said}" in office.world.devices.enter(office.world, offered(office)["user_code"], upn)


@pytest.mark.parametrize(
    ("happens", "number"),
    [
        (lambda office, jane: None, None),
        (lambda office, jane: setattr(office.clock, "now", office.clock.now + 91 * DAY), 700082),
        (lambda office, jane: setattr(office.tenant, "revoked_before", office.clock.now + 1), 50173),
        (lambda office, jane: setattr(jane, "enabled", False), 50057),
        (lambda office, jane: office.tenant.remove(jane), 50034),
    ],
)
def test_refreshing(office: Office, happens: Callable[[Office, Any], None], number: int | None) -> None:
    jane, flow = office.user("jane@contoso.com"), offered(office)
    office.world.devices.enter(office.world, flow["user_code"], jane.upn)
    refresh = polled(office, flow).json()["refresh_token"]
    happens(office, jane)
    answer = told_of(office, grant_type="refresh_token", refresh_token=refresh)
    assert "refresh_token" in answer.json() if number is None else refused(answer) == (400, "invalid_grant", number)


def test_a_code_works_once(office: Office) -> None:
    jane, flow = office.user("jane@contoso.com"), offered(office)
    office.world.devices.enter(office.world, flow["user_code"], jane.upn)
    assert polled(office, flow).status_code == 200
    assert refused(polled(office, flow))[1] == "bad_verification_code"
