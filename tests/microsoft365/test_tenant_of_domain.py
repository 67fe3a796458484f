"""Whose a domain is, by the public look-up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.responses import Response

from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.tenant_of_domain import owner_of
from sync_agent.microsoft365.transport import Transport
from sync_agent.model import CouldNotAsk
from tests.microsoft365.scripted import Asked, Scripted, Ticking, refused, said, scripted

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FABRIKAM = "11111111-2222-4333-8444-555555555555"


def knowing(asked: Asked) -> Response:
    domain = asked.path.split("/")[1]
    if domain in {"fabrikam.com", "xn--mller-kva.de"}:
        return said({"issuer": f"https://login.microsoftonline.com/{FABRIKAM.upper()}/v2.0", "token_endpoint": "x"})
    said_no = {"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found.", "error_codes": [90002]}
    return said(said_no, 400)


async def ask(service: Scripted, domain: str, bundle: Path | None = None) -> str | CouldNotAsk | None:
    retrying = Retrying(attempts=2)
    transport = Transport(ca_bundles=[bundle or service.ca_bundle], retrying=retrying, sleep=Ticking().sleep)
    try:
        return await owner_of(domain, transport, service.url, lambda: NOW)
    finally:
        await transport.aclose()


@pytest.mark.parametrize(
    ("domain", "owner"),
    [("fabrikam.com", FABRIKAM), ("Fabrikam.COM", FABRIKAM), ("müller.de", FABRIKAM), ("no.one", None)],
)
async def test_the_owner_is_told(domain: str, owner: str | None) -> None:
    with scripted(knowing) as service:
        assert await ask(service, domain) == owner
    (asked,) = service.asked
    assert asked.path.endswith("/v2.0/.well-known/openid-configuration")
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "contoso",
        "../common",
        "a/b.com",
        "a.com/../x",
        "a b.com",
        "a.com?x=y",
        "a.com#",
        "a%2e.com",
        "-a.com",
        "a..com",
        "x" * 64 + ".com",
        "a." * 130 + "com",
        "\ud800.com",
        "é\u0300\u200b.\u202ecom",
        "1.2.3.4:80",
        "user@a.com",
    ],
)
async def test_what_is_no_domain_is_not_looked_up(domain: str) -> None:
    with scripted(knowing) as service:
        assert await ask(service, domain) is None
    assert service.asked == []


ODD_ANSWERS = [
    refused(400, "AADSTS50128"),
    refused(403),
    refused(404),
    refused(500),
    said({"token_endpoint": "x"}),
    said([]),
    Response("<html>", media_type="text/html"),
]


@pytest.mark.parametrize("answer", ODD_ANSWERS)
async def test_any_other_answer_is_none(answer: Response) -> None:
    with scripted(lambda asked: answer) as service:
        assert isinstance(await ask(service, "fabrikam.com"), CouldNotAsk)


async def test_no_answer_is_none() -> None:
    with scripted(knowing) as service:
        service_elsewhere = Scripted("https://127.0.0.1:9", service.ca_bundle, knowing)
        outcome = await ask(service_elsewhere, "fabrikam.com")
    assert isinstance(outcome, CouldNotAsk)
    assert outcome.at == NOW
