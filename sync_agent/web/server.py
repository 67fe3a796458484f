"""A small web server inside the service's own event loop. A port that is taken costs the pages, not the service."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
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
        body = answer.text.encode()
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if answer.status == 405:
            headers.append((b"allow", b"GET, HEAD"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, method: str, path: str) -> Answer:
        page = self._pages.get(path)
        if page is None:
            return plain(404, f"There is no such page; there are {', '.join(sorted(self._pages))}.\n")
        if method not in ("GET", "HEAD"):
            return plain(405, "This page can only be read.\n")
        return page()


def plain(status: int, text: str) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", text)


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
    try:
        listening = _listening(listen)
    except OSError as failure:
        why = failure.strerror or str(failure)
        todo = "end what listens there, or set web.listen to another port; the service goes on without its pages"
        _log.warning("web_not_served", listen=listen, reason=why, what_to_do=todo)
        yield None
        return
    config = uvicorn.Config(
        Pages(pages),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(_STOP),
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve([listening]))
    try:
        port: int = listening.getsockname()[1]
        _log.info("web_served", listen=listen, pages=sorted(pages))
        yield port
    finally:
        server.should_exit = True
        await asyncio.wait([running], timeout=2 * _STOP)
        running.cancel()
        listening.close()


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
