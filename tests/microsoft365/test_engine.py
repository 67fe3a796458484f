"""The operator's network: certificate authorities of his own, and his proxy."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from sync_agent.microsoft365.engine import ssl_context
from sync_agent.microsoft365.errors import ServiceError, Unreachable
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Answer, Request, Transport
from tests.microsoft365.contoso import Contoso, Ticking
from tests.microsoft365.wires import Proxy, Wire, answer, proxy, wire

pytestmark = pytest.mark.anyio

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
ELSEWHERE = "https://graph.example/v1.0/users"
REFUSED = "404 Not for you"


@pytest.fixture(autouse=True)
def no_proxies_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower() in PROXIES:
            monkeypatch.delenv(name)


def refusing_proxy() -> AbstractAsyncContextManager[Proxy]:
    """It lets nobody through, so a test can ask for any place and see whether the proxy was asked."""
    return proxy(REFUSED)


async def send(url: str, *bundles: Path, method: str = "GET", clock: Ticking | None = None, **more: Any) -> Answer:
    transport = Transport(ca_bundles=bundles, retrying=Retrying(attempts=2), sleep=(clock or Ticking()).sleep, **more)
    try:
        return await transport.send(Request(method, url, repeatable=method == "GET"))
    finally:
        await transport.aclose()


async def is_refused(url: str, **more: Any) -> bool:
    """Whether the way leads to a proxy that lets nobody through; else nobody is there."""
    with pytest.raises(Unreachable) as caught:
        await send(url, **more)
    return caught.value.reason.endswith("the proxy does not let us through (404)")


async def test_a_private_authority_is_trusted_when_named() -> None:
    async with wire(answer(b"{}")) as wired:
        assert (await send(wired.url, wired.ca_bundle)).status == 200


async def test_an_authority_that_is_not_named_is_not_trusted() -> None:
    """And the operator is told what to do, without a wait: another try would change nothing."""
    clock = Ticking()
    async with wire(answer(b"{}")) as wired:
        with pytest.raises(Unreachable) as caught:
            await send(wired.url, clock=clock)
        assert wired.heard == []
    host = wired.url.removeprefix("https://")
    assert caught.value.reason == (
        f"{host} could not be reached: its TLS certificate is not trusted (unable to get local issuer certificate); "
        "a private CA needs ca_bundle:"
    )
    assert clock.slept == []


async def test_a_certificate_for_another_host_is_not_trusted() -> None:
    async with wire(answer(b"{}")) as wired:
        with pytest.raises(
            Unreachable, match=r"not trusted \(Hostname mismatch, certificate is not valid for 'localhost'\)"
        ):
            await send(wired.url.replace("127.0.0.1", "localhost"), wired.ca_bundle)
        assert wired.heard == []


async def test_the_systems_authorities_are_trusted_beside_the_named_ones(
    contoso: Contoso, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the fixture has it, Contoso's is the system's."""
    async with wire(answer(b"{}")) as wired:
        assert (await send(contoso.world.origin, wired.ca_bundle)).status == 404
        assert (await send(wired.url, wired.ca_bundle)).status == 200


def test_a_system_without_authorities_has_certifis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert ssl_context([]).cert_store_stats()["x509_ca"] > 50


def test_several_bundles_are_trusted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{name}.pem" for name in ("system", "a", "b")]
    for path in paths:
        trustme.CA().cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(paths[0]))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert ssl_context(paths[1:]).cert_store_stats()["x509_ca"] == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file or directory"),
        (b"", "it holds no PEM certificate"),
        (b"PEM?", "it holds no PEM certificate"),
    ],
)
def test_a_bundle_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, told: str) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(ServiceError) as caught:
        ssl_context([bundle])
    assert caught.value.reason.startswith(f"ca_bundle {bundle} cannot be used: ")
    assert told in caught.value.reason
    assert "_ssl.c" not in caught.value.reason


async def test_traffic_goes_through_the_proxy_of_the_settings() -> None:
    """To the loopback too, as the operator said so; TLS is with the service, not with the proxy."""
    async with proxy() as via, wire(answer(b"{}")) as wired:
        got = await send(wired.url, wired.ca_bundle, proxy=f"http://{via.address}")
    assert got.status == 200
    assert via.asked == [host(wired)]
    assert via.passwords == []
    assert len(wired.heard) == 1


async def test_a_proxy_is_shown_its_password_and_the_service_is_not() -> None:
    async with proxy() as via, wire(answer(b"{}")) as wired:
        await send(wired.url, wired.ca_bundle, proxy=f"http://m%40e:p%C3%A4ss%3A%2F@{via.address}")
    assert via.passwords == ["m@e:päss:/"]
    assert b"roxy-" not in wired.heard[0]


async def test_a_proxy_without_scheme_speaks_http() -> None:
    async with proxy() as via, wire(answer(b"{}")) as wired:
        await send(wired.url, wired.ca_bundle, proxy=via.address)
    assert via.asked == [host(wired)]


@pytest.mark.parametrize("address", ["socks5://127.0.0.1:1080", "http://", "http://h:port", "ftp://h:1"])
async def test_what_is_no_proxy_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(ServiceError, match=r"^the proxy cannot be used: its address must be like http://") as caught:
        Transport(proxy=address.replace("//", "//me:s3cret@"))
    assert "s3cret" not in caught.value.reason


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
async def test_the_environments_proxy_is_asked(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    async with refusing_proxy() as via:
        monkeypatch.setenv(name, f"http://me:pw@{via.address}")
        assert await is_refused(ELSEWHERE)
    assert via.asked[0] == "graph.example:443"
    assert via.passwords[0] == "me:pw"


async def test_the_settings_proxy_goes_before_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    async with refusing_proxy() as mine, refusing_proxy() as environments:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{environments.address}")
        monkeypatch.setenv("NO_PROXY", "*")
        assert await is_refused(ELSEWHERE, proxy=f"http://{mine.address}")
    assert mine.asked
    assert environments.asked == []


@pytest.mark.parametrize("exception", ["graph.invalid", ".invalid", "invalid", "x.example, graph.invalid:8443", "*"])
async def test_the_environments_exceptions_go_direct(monkeypatch: pytest.MonkeyPatch, exception: str) -> None:
    async with refusing_proxy() as via:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{via.address}")
        monkeypatch.setenv("NO_PROXY", exception)
        assert not await is_refused("https://graph.invalid:8443/x")
        if exception != "*":
            assert await is_refused(ELSEWHERE)
    assert set(via.asked) <= {"graph.example:443"}


async def test_an_exception_for_one_port_is_none_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    async with refusing_proxy() as via:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{via.address}")
        monkeypatch.setenv("NO_PROXY", "graph.invalid:8443")
        assert await is_refused("https://graph.invalid:9443/x")


async def test_the_loopback_is_not_the_environments_proxys(monkeypatch: pytest.MonkeyPatch) -> None:
    async with refusing_proxy() as via, wire(answer(b"{}")) as wired:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{via.address}")
        assert (await send(wired.url, wired.ca_bundle)).status == 200
        assert not await is_refused("https://localhost:9/x")
        assert not await is_refused("https://127.1.2.3:9/x")
        assert not await is_refused("https://[::1]:9/x")
    assert via.asked == []


async def test_the_machines_own_identity_service_is_not_the_proxys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A managed identity is asked for by plain http, which no proxy may see: not even that of the settings."""
    async with refusing_proxy() as via:
        transport = Transport(proxy=f"http://{via.address}", retrying=Retrying(attempts=1))
        try:
            with pytest.raises(Unreachable, match="Connection refused"):
                await transport.send(Request("GET", "http://127.0.0.1:9/metadata/identity/oauth2/token"))
        finally:
            await transport.aclose()
    assert via.asked == []


async def test_who_was_not_let_through_was_not_heard_so_even_a_write_is_sent_again() -> None:
    clock = Ticking()
    async with proxy("502 Bad Gateway") as via:
        with pytest.raises(Unreachable, match=r"the proxy does not let us through \(502\)$"):
            await send(ELSEWHERE, method="POST", clock=clock, proxy=f"http://{via.address}")
    assert len(via.asked) == 2
    assert len(clock.slept) == 1


def host(wired: Wire) -> str:
    return httpx.URL(wired.url).netloc.decode()
