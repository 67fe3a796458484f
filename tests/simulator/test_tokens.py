"""Graph and SharePoint take signed, fresh tokens that are meant for them, each refusing in its own words."""

from __future__ import annotations

from collections.abc import Callable

import jwt
import pytest

from tests.simulator.office import ELSEWHERE, OTHER_TENANT, TENANT, Office


def forged(office: Office) -> str:
    claims = jwt.decode(office.token(), options={"verify_signature": False})
    return jwt.encode(claims, "a-secret-of-somebody-else-of-32-bytes", algorithm="HS256")


def tampered(office: Office) -> str:
    head, claims, signature = office.token().split(".")
    return f"{head}.{claims[:-4]}AAAA.{signature}"


def expired(office: Office) -> str:
    token = office.token()
    office.clock.now += 5_401
    return token


def of_a_tenant_that_is_gone(office: Office) -> str:
    return office.token(tenant=office.world.tenants.pop(OTHER_TENANT))


BAD = [
    forged,
    tampered,
    expired,
    of_a_tenant_that_is_gone,
    lambda office: office.token(resource=ELSEWHERE),
    lambda office: "",
    lambda office: "nonsense",
]


@pytest.mark.parametrize("bad", BAD)
def test_graph_refuses_by_401(office: Office, bad: Callable[[Office], str]) -> None:
    answer = office.graph("GET", "/users", headers={"Authorization": f"Bearer {bad(office)}".strip()})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("bad", [*BAD, lambda office: office.token(resource="https://graph.microsoft.com")])
def test_sharepoint_refuses_by_401_in_oauths_shape_and_names_its_tenant(
    office: Office, bad: Callable[[Office], str]
) -> None:
    answer = office.rest("GET", "/web", headers={"Authorization": f"Bearer {bad(office)}".strip()})
    assert (answer.status_code, list(answer.json())) == (401, ["error_description"])
    assert f'realm="{TENANT}"' in answer.headers["www-authenticate"]
    assert 'category="invalid_client"' in answer.headers["x-ms-diagnostics"]


@pytest.mark.parametrize("audience", ["https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000", None])
def test_graph_has_several_names(office: Office, audience: str | None) -> None:
    assert office.graph("GET", "/users", office.token(resource=audience)).status_code == 200


def test_a_token_that_was_good_is_refused_once_it_has_expired(office: Office) -> None:
    token = office.token()
    assert office.graph("GET", "/users", token).status_code == 200
    office.clock.now += 5_401
    assert office.graph("GET", "/users", token).status_code == 401


def test_rest_takes_no_app_only_token_got_with_a_secret(office: Office) -> None:
    """api-access-azure-ad: app-only access to SharePoint needs a certificate; Graph's lists take either."""
    by_secret = office.token(by_certificate=False)
    answer = office.rest("GET", "/web", by_secret)
    assert (answer.status_code, answer.json()["error_description"]) == (401, "Unsupported app only token.")
    person = office.token(person=office.user("jane@contoso.com"), by_certificate=False)
    assert office.rest("GET", "/web", person).status_code == 200
    assert office.graph("GET", "/sites/127.0.0.1:/sites/ucc", by_secret).status_code == 200


def test_another_tenants_token_opens_no_site_here(office: Office) -> None:
    stranger = office.token("Sites.FullControl.All", tenant=office.world.tenants[OTHER_TENANT])
    assert office.rest("GET", "/web", stranger).status_code == 401
    site = office.graph("GET", "/sites/127.0.0.1:/sites/ucc").json()["id"]
    by_path = office.graph("GET", "/sites/127.0.0.1:/sites/ucc", stranger)
    assert (by_path.status_code, by_path.json()["error"]["message"]) == (400, "Invalid hostname for this tenancy")
    assert office.graph("GET", f"/sites/{site}/lists", stranger).status_code == 404
