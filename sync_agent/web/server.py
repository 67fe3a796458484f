"""A small web server inside the service's own event loop. A port that is taken costs the pages, not the service."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import structlog
import uvicorn

_log = structlog.get_logger()

_STOP = 1.0
"""Seconds that answers under way get to end; the whole service has ten to do so."""

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    text: str


Page = Callable[[], Answer]


class Pages:
    """An ASGI application of pages by path, to be read only."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        answer = self._answer(scope["method"], scope["path"])
        extra = [("allow", "GET, HEAD")] if answer.status == 405 else []
        await answered(answer, send, *extra, head=scope["method"] == "HEAD")

    def _answer(self, method: str, path: str) -> Answer:
        page = self._pages.get(path)
        if page is None:
            return plain(404, f"There is no such page; there are {', '.join(sorted(self._pages))}.\n")
        if method not in ("GET", "HEAD"):
            return plain(405, "This page can only be read.\n")
        return page()


def is_loopback(listen: str) -> bool:
    """Whether an address with a port can be reached from this machine alone."""
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def plain(status: int, text: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", text)


async def answered(answer: Answer, send: Send, *extra: tuple[str, str], head: bool = False) -> None:
    """``extra``: further headers; ``head``: without the text."""
    body = answer.text.encode()
    headers = [
        ("content-type", answer.content_type),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        *extra,
    ]
    raw = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if head else body})


class _Server(uvicorn.Server):
    """Signals are the service's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(listen: str, pages: Mapping[str, Page]) -> AsyncIterator[int | None]:
    """Serve the pages at ``listen`` (address and port) as long as this is open. The port; None where it cannot be had,
    which is logged.
    """
    todo = "end what listens there, or set web.listen to another port; the service goes on without its pages"
    async with listening(listen, Pages(pages), "web", todo) as port:
        if port is not None:
            _log.info("web_served", listen=listen, pages=sorted(pages))
        yield port


@asynccontextmanager
async def listening(listen: str, application: Any, name: str, todo: str, **limits: Any) -> AsyncIterator[int | None]:
    """Serve an ASGI application. ``name``: what the log calls it; ``todo``: what it says where the port cannot be had;
    ``limits``: of uvicorn.
    """
    try:
        listener = _listening(listen)
    except OSError as failure:
        why = failure.strerror or str(failure)
        _log.warning(f"{name}_not_served", listen=listen, reason=why, what_to_do=todo)
        yield None
        return
    config = uvicorn.Config(
        application,
        lifespan="off",
        ws="none",  # else it would be spoken wherever a library for it happens to be installed
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(_STOP),
        **limits,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve([listener]))
    try:
        port: int = listener.getsockname()[1]
        yield port
    finally:
        server.should_exit = True
        await asyncio.wait([running], timeout=2 * _STOP)
        running.cancel()
        listener.close()


def _listening(listen: str) -> socket.socket:
    """Raises OSError."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made
