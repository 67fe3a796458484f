"""What carries the requests: aiohttp under httpx, with the operator's proxy and certificate authorities.

httpx's own engine costs three times the CPU per request (docs/decisions/0001).
"""

from __future__ import annotations

import os
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi
import httpx
from yarl import URL

from sync_agent.microsoft365.errors import ServiceError

_KEEP_ALIVE = 60.0


class Engine(httpx.AsyncBaseTransport):
    """aiohttp as httpx wants it, made inside the event loop. Its errors are aiohttp's: the transport reads those.

    URLs go out byte for byte. aiohttp would write %27 as an apostrophe and %2F as a slash, and the links that services
    give to the next page are theirs.
    """

    def __init__(self, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        # The budgets bound what is in flight: who has spent units must go out, and not wait for another's connection.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE, ssl=context)
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        self._session._retry_connection = False  # sending again is the transport's business: it would go unpaced
        self._proxy = URL(str(proxy.url)) if proxy else None
        self._proxy_headers = {"Proxy-Authorization": _basic(*proxy.auth)} if proxy and proxy.auth else None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        timeout = request.extensions["timeout"]
        answer = await self._session.request(
            request.method,
            _as_it_is(request.url),
            headers={name.decode(): value.decode() for name, value in request.headers.raw},
            data=request.read() or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                sock_connect=timeout["connect"], sock_read=timeout["read"], connect=timeout["pool"]
            ),
            proxy=self._proxy,
            proxy_headers=self._proxy_headers,
        )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        await self._session.close()


def _as_it_is(url: httpx.URL) -> URL:
    address = URL(str(url), encoded=True)
    if url.scheme not in ("http", "https") or not url.host or not 0 <= (url.port or 0) < 65_536:
        raise httpx.InvalidURL("no address of a web service")
    return address


def _basic(name: str, password: str) -> str:
    """As a header: aiohttp's own proxy_auth would be shown in its errors."""
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


class _Body(httpx.AsyncByteStream):
    """In pieces as large as they come: a quarter less CPU for a page than in even small ones."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._answer.content.iter_any():
            yield piece

    async def aclose(self) -> None:
        self._answer.release()


class Routes(httpx.AsyncBaseTransport):
    """Direct or by proxy: that of the settings, else the environment's, with its exceptions and never for loopback.

    Plain http goes direct: it is spoken only with the identity service of the machine itself.
    """

    def __init__(self, context: ssl.SSLContext, proxy: str | None) -> None:
        self._by_environment = proxy is None
        self._proxy = _proxy(proxy or getproxies().get("https"))
        self._direct = Engine(context, None)
        self._proxied = Engine(context, self._proxy) if self._proxy else self._direct
        self._bypassed: dict[str, bool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        engine = self._direct if self._is_direct(request.url) else self._proxied
        return await engine.handle_async_request(request)

    async def aclose(self) -> None:
        await self._direct.aclose()
        if self._proxied is not self._direct:
            await self._proxied.aclose()

    def _is_direct(self, url: httpx.URL) -> bool:
        if self._proxy is None or url.scheme != "https":
            return True
        if not self._by_environment:
            return False
        place = url.netloc.decode()
        if place not in self._bypassed:
            self._bypassed[place] = _is_loopback(url.host) or bool(proxy_bypass(place))
        return self._bypassed[place]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(address: str | None) -> httpx.Proxy | None:
    """Without a scheme, as environments often have it, an address is http's."""
    if not address:
        return None
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
        raise ServiceError("the proxy cannot be used: its address must be like http://proxy.example.com:8080")
    return proxy


def ssl_context(ca_bundles: Sequence[Path]) -> ssl.SSLContext:
    """The system's authorities (certifi's where the system has none) and the operator's own; always verified."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    for bundle in ca_bundles:
        try:
            context.load_verify_locations(bundle)
        except (OSError, ssl.SSLError) as error:
            why = (
                "it holds no PEM certificate that can be read" if isinstance(error, ssl.SSLError) else last_words(error)
            )
            raise ServiceError(f"ca_bundle {bundle} cannot be used: {why}") from error
    return context


def last_words(error: BaseException) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message.rstrip(".")
        case ssl.SSLError() if error.strerror:
            return error.strerror
        case OSError() if error.errno:
            return os.strerror(error.errno)  # asyncio's own words hold a tuple
        case _:
            return str(error).splitlines()[0] if str(error) else type(error).__name__
