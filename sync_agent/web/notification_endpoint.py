"""What Graph reaches from the internet: two paths that take notifications, and nothing else.

Nothing that comes in is believed here. It is bounded, its shape is looked at, and it is put by; the answer says only
that, so that nobody learns from it what would be believed. That an address is ours is answered as Graph asks
(learn.microsoft.com: delivery by webhooks, validation of the notification URL).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sync_agent.microsoft365.notifications import MOST_BYTES, Notifications, NotTrusted, notifications_in
from sync_agent.web.server import Answer, Receive, Send, answered, listening, plain

_PATIENCE = 10.0
"""Seconds for the whole of a request."""
_MOST_QUERY = 4_096
_MOST_CONNECTIONS = 100
_COME_AGAIN = "10"
"""Seconds, as Retry-After."""

Offer = Callable[[Notifications], bool]
"""Whether there is room for them."""


class NotificationEndpoint:
    """An ASGI application. ``refuse`` is told why something was not taken."""

    def __init__(self, url: str, offer: Offer, refuse: Callable[[str], None]) -> None:
        path = unquote(urlsplit(url).path).rstrip("/")
        self.paths = frozenset({path or "/", f"{path}/lifecycle"})
        self._offer = offer
        self._refuse = refuse

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        answer = await self._answer(scope, receive)
        if answer.status not in (200, 202):
            self._refuse(f"a request was answered {answer.status}")
        extra = {405: ("allow", "POST"), 503: ("retry-after", _COME_AGAIN)}.get(answer.status)
        await answered(answer, send, *(() if extra is None else (extra,)))

    async def _answer(self, scope: Mapping[str, Any], receive: Receive) -> Answer:
        if scope["path"] not in self.paths:
            return plain(404, "")
        if scope["method"] != "POST":
            return plain(405, "")
        if len(scope["query_string"]) > _MOST_QUERY:
            return plain(414, "")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if (token := query.get("validationToken")) is not None:
            return plain(200, token) if token and token.isprintable() else plain(400, "")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return plain(415, "")
        return await self._taken(receive)

    async def _taken(self, receive: Receive) -> Answer:
        try:
            body = await asyncio.wait_for(_body(receive), _PATIENCE)
        except TimeoutError:
            return plain(408, "")
        if body is None:
            return plain(413, "")
        try:
            notifications = notifications_in(body)
        except NotTrusted:
            return plain(400, "")
        return plain(202, "") if self._offer(notifications) else plain(503, "")


async def _body(receive: Receive) -> bytes | None:
    """None where it is too large, or was broken off."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


@asynccontextmanager
async def receiving(listen: str, endpoint: NotificationEndpoint) -> AsyncIterator[int | None]:
    """As long as this is open. The port; None where it cannot be had, which is logged."""
    todo = "end what listens there, or set presence.push.listen to another port; presence is read by asking alone"
    limits = {
        "http": "h11",  # which bounds what comes before a body
        "h11_max_incomplete_event_size": 16_384,
        "limit_concurrency": _MOST_CONNECTIONS,
        "timeout_keep_alive": 30,
    }
    async with listening(listen, endpoint, "push", todo, **limits) as port:
        yield port
