"""What carries the requests: aiohttp under httpx, with the operator's proxy and certificate authorities.

httpx's own engine costs three times the CPU per request (docs/decisions/0001).
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi
import httpx
from httpx_aiohttp import AiohttpTransport

from sync_agent.microsoft365.errors import ServiceError

_CONNECTIONS = 64
_KEEP_ALIVE = 60.0


class Routes(httpx.AsyncBaseTransport):
    """Direct or by proxy: the one of the settings, else the environment's, with its exceptions and never for loopback."""

    def __init__(self, context: ssl.SSLContext, proxy: str | None) -> None:
        self._context = context
        self._by_environment = proxy is None
        self._proxy = proxy or getproxies().get("https")
        self._direct = self._engine(None)
        self._proxied = self._engine(self._proxy) if self._proxy else self._direct
        self._bypassed: dict[str, bool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        engine = self._direct if self._is_direct(request.url.host) else self._proxied
        return await engine.handle_async_request(request)

    async def aclose(self) -> None:
        await self._direct.aclose()
        if self._proxied is not self._direct:
            await self._proxied.aclose()

    def _engine(self, proxy: str | None) -> AiohttpTransport:
        limits = httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_KEEP_ALIVE)

        def session() -> aiohttp.ClientSession:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE, ssl=self._context)
            return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

        return AiohttpTransport(
            verify=self._context, limits=limits, proxy=httpx.Proxy(proxy) if proxy else None, client=session
        )

    def _is_direct(self, host: str) -> bool:
        if self._proxy is None:
            return True
        if not self._by_environment:
            return False
        if host not in self._bypassed:
            self._bypassed[host] = host in ("localhost", "127.0.0.1", "::1") or bool(proxy_bypass(host))
        return self._bypassed[host]


def ssl_context(ca_bundles: Sequence[Path]) -> ssl.SSLContext:
    """The system's authorities (certifi's where the system has none) and the operator's own; always verified."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    for bundle in ca_bundles:
        try:
            context.load_verify_locations(bundle)
        except (OSError, ssl.SSLError) as error:
            raise ServiceError(f"ca_bundle {bundle} cannot be used: {last_words(error)}") from error
    return context


def last_words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0] if str(error) else type(error).__name__
