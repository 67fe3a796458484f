"""Whose a domain is, by the public look-up."""

from __future__ import annotations

from typing import Any

import pytest

from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.tenant_of_domain import owner_of
from sync_agent.microsoft365.transport import Transport
from sync_agent.model import CouldNotAsk
from sync_agent.simulator.world import Tenant
from tests.microsoft365.contoso import NOW, Contoso, changing, refusing, saying

pytestmark = pytest.mark.anyio

FABRIKAM = "fab1111c-2222-4333-8444-5555555beef5"


@pytest.fixture(autouse=True)
def fabrikam(contoso: Contoso) -> None:
    contoso.world.tenants[FABRIKAM] = Tenant(FABRIKAM, "Fabrikam", ["fabrikam.com", "xn--mller-kva.de"])


async def ask(contoso: Contoso, domain: str, authority: str | None = None) -> str | CouldNotAsk | None:
    retrying, sleep = Retrying(attempts=2), contoso.clock.sleep
    transport = Transport(ca_bundles=[contoso.ca_bundle], retrying=retrying, sleep=sleep)
    try:
        return await owner_of(domain, transport, authority or contoso.world.origin, lambda: NOW)
    finally:
        await transport.aclose()


@pytest.mark.parametrize(
    ("domain", "owner"),
    [("fabrikam.com", FABRIKAM), ("Fabrikam.COM", FABRIKAM), ("müller.de", FABRIKAM), ("no.one", None)],
)
async def test_the_owner_is_told(contoso: Contoso, domain: str, owner: str | None) -> None:
    assert await ask(contoso, domain) == owner
    (asked,) = contoso.heard("/")
    assert asked.path.endswith("/v2.0/.well-known/openid-configuration")
    assert "authorization" not in asked.headers


async def test_the_owner_is_told_in_lower_case(contoso: Contoso) -> None:
    shouted = changing(lambda said: said.update(issuer=f"https://login.microsoftonline.com/{FABRIKAM.upper()}/v2.0"))
    contoso.spoil("openid-configuration", instead=shouted)
    assert await ask(contoso, "fabrikam.com") == FABRIKAM


async def test_an_answer_without_a_tenant_does_not_say_that_nobody_has_it(contoso: Contoso) -> None:
    contoso.spoil("openid-configuration", instead=changing(lambda said: said.update(issuer="https://x/common")))
    assert isinstance(await ask(contoso, "fabrikam.com"), CouldNotAsk)


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
async def test_what_is_no_domain_is_not_looked_up(contoso: Contoso, domain: str) -> None:
    assert await ask(contoso, domain) is None
    assert contoso.heard("") == []


ODD_ANSWERS = [
    refusing(400, "AADSTS50128"),
    refusing(403),
    refusing(404),
    refusing(500),
    saying({"token_endpoint": "x"}),
    saying([]),
    {"status": 200, "body": b"<html>"},
    {"cut": True},
    {"reset": True},
]


@pytest.mark.parametrize("how", ODD_ANSWERS)
async def test_any_other_answer_is_none(contoso: Contoso, how: dict[str, Any]) -> None:
    contoso.spoil("openid-configuration", **how)
    assert isinstance(await ask(contoso, "fabrikam.com"), CouldNotAsk)
    contoso.mend()
    assert await ask(contoso, "fabrikam.com") == FABRIKAM


async def test_no_answer_is_none(contoso: Contoso) -> None:
    outcome = await ask(contoso, "fabrikam.com", "https://127.0.0.1:9")
    assert isinstance(outcome, CouldNotAsk)
    assert outcome.at == NOW
