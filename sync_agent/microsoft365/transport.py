"""The one door to the wire: httpx over aiohttp, which paces, signs, retries and names every request.

The only module, with the bridges beside it, that knows httpx; a change of engine is a change here.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar

import aiohttp
import httpx
import structlog

from sync_agent import __version__
from sync_agent.microsoft365.engine import Routes, ssl_context
from sync_agent.microsoft365.errors import UNREADABLE, Garbled, Throttled, Unreachable, refusal
from sync_agent.microsoft365.json_text import decoded
from sync_agent.microsoft365.lost import Lost, lost
from sync_agent.microsoft365.pacing import Budget, Priority, priority_now
from sync_agent.microsoft365.recording import recorded
from sync_agent.microsoft365.retrying import FAILED, THROTTLED, Retrying, http_date, retry_after

_log = structlog.get_logger()
_debug = logging.getLogger(__name__)

T = TypeVar("T")

USER_AGENT = f"NONISV|SyncAgent|sync-agent/{__version__}"
"""The form that SharePoint asks of applications (avoid throttling: decorate your traffic)."""

_HEADERS = {"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "gzip, deflate"}
_REQUEST_IDS = ("request-id", "sprequestguid", "x-ms-request-id")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds for a connection, for each silence while reading, for a free connection, and for one whole answer: a
    service that drips a byte at a time never trips the read time-out. And how many bytes an answer may have, unpacked.
    """

    connect: float = 5.0
    read: float = 30.0
    pool: float = 60.0
    whole: float = 120.0
    bytes: int = 64 * 2**20


class TokenSource(Protocol):
    @property
    def account(self) -> str:
        """The configured account whose tokens they are."""

    async def token(self) -> str:
        """An access token. Raises SignInFailed, SignInPending, Unreachable."""

    async def renew(self, rejected: str) -> None:
        """A service answered 401 to this token: do not hand it out again."""


@dataclass(frozen=True, slots=True)
class Request:
    """``repeatable``: whether carrying it out twice is harmless (all GETs, POSTs that only read).

    ``kind`` is what it counts under in ``Transport.requests``: sign-in, directory, presence, list. ``paid``: of its
    ``units``, those spent beforehand. They are for the first try; Microsoft counts each further one anew.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    tokens: TokenSource | None = None
    budget: Budget | None = None
    units: float = 1.0
    paid: float = 0.0
    repeatable: bool = True
    kind: str = "other"
    priority: Priority = field(default_factory=priority_now)


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case; ``body`` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    request_id: str | None = None
    host: str = "the service"
    client_request_id: str = ""

    def json(self, type_: type[T]) -> T:
        """The body decoded and checked; Garbled where it is not JSON of that shape."""
        content_type = self.headers.get("content-type", "")
        if "json" not in content_type.lower():
            got = content_type or "no content type"
            raise Garbled(
                f"{self.host} answered with {got}, not JSON: a proxy or a sign-in page?", request_id=self.request_id
            )
        try:
            return decoded(self.body, type_)
        except UNREADABLE as error:
            raise Garbled(
                f"{self.host} gave another answer than expected: {error}", request_id=self.request_id
            ) from error


@lru_cache(maxsize=100)
def _url(address: str) -> httpx.URL:
    """Parsed once: a sweep asks the same address for each of its chunks, and one that names rows is long."""
    return httpx.URL(address)


class Transport:
    """One for a run of the program, made and closed inside the event loop."""

    def __init__(
        self,
        *,
        ca_bundles: Sequence[Path] = (),
        proxy: str | None = None,
        retrying: Retrying | None = None,
        bounds: Bounds | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.requests: Counter[str] = Counter()
        self._retrying = retrying or Retrying()
        self._bounds = bounds or Bounds()
        self._sleep = sleep
        self._loop = asyncio.get_running_loop()
        self._routes = Routes(ssl_context(ca_bundles), proxy)
        timeout = httpx.Timeout(self._bounds.read, connect=self._bounds.connect, pool=self._bounds.pool)
        self._extensions = {"timeout": timeout.as_dict()}

    async def send(self, request: Request) -> Answer:
        """Send, again where that may help, and return the answer, 4xx included.

        Raises Unreachable, Throttled, Garbled (3xx, and 5xx after all tries), and what the token source raises.
        """
        tried, renewed = 0, False
        while True:
            tried += 1
            try:
                answer, token = await self._once(request, request.units - (request.paid if tried == 1 else 0.0))
            except Lost as failure:
                if tried >= self._retrying.attempts or not failure.worth_repeating(repeatable=request.repeatable):
                    # Not from its cause: aiohttp's errors hold the request, and with it the token.
                    raise Unreachable(failure.reason, kind=failure.kind, request_id=failure.request_id) from None
                await self._sleep(self._retrying.pause(tried))
                continue
            if answer.status == 401 and request.tokens is not None and not renewed:
                renewed = True
                await request.tokens.renew(token)
            elif answer.status in THROTTLED:
                await self._back_off(request, answer, tried)
            elif answer.status in FAILED and request.repeatable and tried < self._retrying.attempts:
                await self._sleep(self._retrying.pause(tried))
            else:
                return _wanted(request, answer)

    def from_thread(self, request: Request) -> Answer:
        """The same for a blocking library in a worker thread."""
        try:
            running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            raise RuntimeError("from_thread would wait for the very loop it is called from; await send() instead")
        return asyncio.run_coroutine_threadsafe(self.send(request), self._loop).result()

    async def aclose(self) -> None:
        await self._routes.aclose()

    async def _once(self, request: Request, units: float) -> tuple[Answer, str]:
        """One try, inside the budget. The token is asked for first, so that a failed sign-in spends nothing, and again
        after the wait, since that may have been long.
        """
        if request.tokens is not None:
            await request.tokens.token()
        async with self._place(request, units):
            token = await request.tokens.token() if request.tokens is not None else ""
            self.requests[request.kind] += 1
            answer = await self._exchange(request, token)
        _tell_budget(request, answer)
        return answer, token

    def _place(self, request: Request, units: float) -> AbstractAsyncContextManager[None]:
        if request.budget is None:
            return nullcontext()
        return request.budget.place(units, self._retrying.patience, request.priority)

    async def _exchange(self, request: Request, token: str) -> Answer:
        our_id = str(uuid.uuid4())
        account = "" if request.tokens is None else request.tokens.account
        with recorded(our_id, kind=request.kind, account=account, method=request.method, url=request.url) as record:
            answer = await self._answer(request, token, our_id)
            if record is not None:
                record.answered(answer.status, answer.request_id)
        return answer

    async def _answer(self, request: Request, token: str, our_id: str) -> Answer:
        headers = {**_HEADERS, **{name.lower(): value for name, value in request.headers.items()}}
        headers["client-request-id"] = our_id
        if token:
            headers["authorization"] = f"Bearer {token}"
        try:
            made = httpx.Request(
                request.method,
                _url(request.url),
                headers=headers,
                stream=httpx.ByteStream(request.body or b""),
                extensions=self._extensions,
            )
            async with asyncio.timeout(self._bounds.whole):
                response = await self._routes.handle_async_request(made)
                try:
                    body = await self._bounded(response, made.url.host)
                finally:
                    await response.aclose()
        except (httpx.InvalidURL, aiohttp.InvalidURL):
            raise Garbled("a service gave us an address that is none") from None
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise lost(made.url, error, our_id) from error
        told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        answer = Answer(response.status_code, told, body, request_id_in(told), _host(request.url), our_id)
        if _debug.isEnabledFor(logging.DEBUG):
            ids = {"id": answer.request_id, "client_request_id": our_id}
            _log.debug("request", method=request.method, path=made.url.path, status=answer.status, **ids)
        return answer

    async def _bounded(self, response: httpx.Response, host: str) -> bytes:
        """The body unpacked. Its Content-Length tells nothing: a few packed bytes can become any number."""
        pieces, size = [], 0
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > self._bounds.bytes:
                raise Garbled(f"{host} sent more than {self._bounds.bytes >> 20} MiB in one answer")
            pieces.append(piece)
        return b"".join(pieces)

    async def _back_off(self, request: Request, answer: Answer, tried: int) -> None:
        """Close the budget for everybody, as long as the service says or as experience does; give up when told to wait
        longer than anyone should, or after the last try.
        """
        asked = retry_after(answer.headers.get("retry-after"), http_date(answer.headers.get("date")))
        pause = asked or self._retrying.pause(tried)  # "at once" is no answer to the question how long
        if request.budget is not None:
            request.budget.close_for(pause)
        if tried >= self._retrying.attempts or pause > self._retrying.patience:
            says = "is throttling us" if answer.status == 429 else "is overloaded, or throttling us"
            reason = f"{_host(request.url)} {says} ({answer.status})"
            raise Throttled(reason, retry_after=asked, request_id=answer.request_id)
        if request.budget is None:
            await self._sleep(pause)


def _tell_budget(request: Request, answer: Answer) -> None:
    """The parts of a batch are counted one by one: whoever unpacks it knows what became of them."""
    if request.budget is None:
        return
    batch = request.url.endswith("/$batch")
    request.budget.hear(answer.headers, None if batch else request.units)
    if not batch and answer.status not in THROTTLED:
        request.budget.went_through()


def _wanted(request: Request, answer: Answer) -> Answer:
    if 300 <= answer.status < 400 and answer.status != 304:
        reason = f"{_host(request.url)} sent us elsewhere ({answer.status}): is the address right?"
        raise Garbled(reason, status=answer.status, request_id=answer.request_id)
    if answer.status >= 500:
        raise refusal(answer, f"A request to {_host(request.url)}")
    return answer


def request_id_in(headers: Mapping[str, str]) -> str | None:
    return next((headers[name] for name in _REQUEST_IDS if name in headers), None)


def _host(url: str) -> str:
    """Of a URL only the host goes into messages: paths and queries hold people's names."""
    return _url(url).netloc.decode()
