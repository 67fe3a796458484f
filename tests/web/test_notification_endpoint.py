"""What may come in from the internet, and what is said to whatever else does."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from sync_agent import log
from sync_agent.microsoft365.notifications import MOST_BYTES, Notifications, NotTrusted, notifications_in
from sync_agent.web.notification_endpoint import NotificationEndpoint, receiving

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_ONE = {"subscriptionId": "s", "clientState": "c", "tenantId": "t", "lifecycleEvent": "missed"}


@dataclass(slots=True)
class Inside:
    port: int = 0
    room: bool = True
    offered: list[Notifications] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def offer(self, notifications: Notifications) -> bool:
        self.offered.append(notifications)
        return self.room

    async def asks(
        self, method: str, path: str, body: bytes | str = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        def ask() -> tuple[int, bytes, dict[str, str]]:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request(method, path, body, _JSON if headers is None else headers)
                answer = connection.getresponse()
                return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
            finally:
                connection.close()

        return await asyncio.to_thread(ask)

    async def says(self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> int:
        return (await self.asks(method, path, body, headers))[0]


@asynccontextmanager
async def inside(url: str = "https://agents.contoso.com/graph") -> AsyncIterator[Inside]:
    made = Inside()
    endpoint = NotificationEndpoint(url, made.offer, made.refused.append)
    async with receiving("127.0.0.1:0", endpoint) as port:
        assert port is not None
        made.port = port
        yield made


@pytest.mark.anyio
async def test_a_notification_is_put_by_and_nothing_is_said_of_it() -> None:
    async with inside() as it:
        status, text, headers = await it.asks("POST", "/graph", json.dumps({"value": [_ONE]}))
        assert (status, text, headers["cache-control"]) == (202, b"", "no-store")
        assert "server" not in headers
        assert await it.says("POST", "/graph/lifecycle", json.dumps({"value": [_ONE], "new": 1})) == 202
        assert [each.value[0].lifecycle_event for each in it.offered] == ["missed", "missed"]
        assert not it.refused


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/graph", "/graph/lifecycle"])
async def test_that_the_address_is_ours_is_answered_in_plain_text(path: str) -> None:
    token = "Validation: <b>Testing</b> & reachability, ä Request-Id: 1"
    async with inside() as it:
        plain = {"Content-Type": "text/plain; charset=utf-8"}
        status, text, headers = await it.asks("POST", f"{path}?validationToken={quote(token)}", headers=plain)
        assert (status, text.decode()) == (200, token)
        assert headers["content-type"].startswith("text/plain")
        assert headers["x-content-type-options"] == "nosniff"
        assert not it.offered


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("POST", "/", "{}", _JSON, 404),
        ("POST", "/metrics", "{}", _JSON, 404),
        ("POST", "/graph/", "{}", _JSON, 404),
        ("POST", "/graph/../graph", "{}", _JSON, 404),
        ("GET", "/graph", "", {}, 405),
        ("GET", "/graph?validationToken=x", "", {}, 405),
        ("PUT", "/graph", "{}", _JSON, 405),
        ("POST", "/graph", "{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/graph", "{}", {}, 415),
        ("POST", "/graph?validationToken=", "", {}, 400),
        ("POST", "/graph?validationToken=a%0D%0Ab", "", {}, 400),
        ("POST", f"/graph?validationToken={'x' * 5_000}", "", {}, 414),
        ("POST", "/graph", "", _JSON, 400),
        ("POST", "/graph", "no json", _JSON, 400),
        ("POST", "/graph", "[]", _JSON, 400),
        ("POST", "/graph", "[" * 100_000, _JSON, 400),
        ("POST", "/graph", "{}", _JSON, 400),
        ("POST", "/graph", '{"value": [{}]}', _JSON, 400),
        ("POST", "/graph", json.dumps({"value": [_ONE] * 1_001}), _JSON, 400),
        ("POST", "/graph", json.dumps({"value": [_ONE], "validationTokens": ["x"] * 33}), _JSON, 400),
        ("POST", "/graph", json.dumps({"value": [{**_ONE, "clientState": "x" * 300}]}), _JSON, 400),
        ("POST", "/graph", b"\xff\xfe", _JSON, 400),
    ],
)
async def test_what_is_no_notification(method: str, path: str, body: Any, headers: dict[str, str], status: int) -> None:
    async with inside() as it:
        answer = await it.asks(method, path, body, headers)
        assert answer[0] == status
        assert answer[1] == b""
        assert (answer[2].get("allow") == "POST") == (status == 405)
        assert not it.offered
        assert it.refused == [f"a request was answered {status}"]


@pytest.mark.anyio
async def test_what_is_too_large_is_not_read_to_its_end() -> None:
    async with inside() as it:
        body = b"x" * (MOST_BYTES + 1)
        try:
            assert await it.says("POST", "/graph", body) == 413
        except (ConnectionError, http.client.HTTPException):  # hung up on while it was still sending
            await asyncio.sleep(0.1)
        assert it.refused == ["a request was answered 413"]
        assert await it.says("POST", "/graph", json.dumps({"value": [_ONE]})) == 202


@pytest.mark.anyio
async def test_where_there_is_no_room_graph_is_to_come_again() -> None:
    async with inside() as it:
        it.room = False
        status, _, headers = await it.asks("POST", "/graph", json.dumps({"value": [_ONE]}))
        assert (status, headers["retry-after"]) == (503, "10")


@pytest.mark.anyio
async def test_a_request_that_does_not_come_to_its_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_agent.web.notification_endpoint._PATIENCE", 0.2)
    async with inside() as it:
        with socket.create_connection(("127.0.0.1", it.port)) as slow:
            head = "POST /graph HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            slow.sendall(head.encode())
            answer = await asyncio.to_thread(slow.recv, 100)
        assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.anyio
async def test_headers_without_end_are_cut_off() -> None:
    async with inside() as it:
        with socket.create_connection(("127.0.0.1", it.port)) as endless:
            endless.sendall(b"POST /graph HTTP/1.1\r\n" + b"X: y\r\n" * 5_000)
            answer = await asyncio.to_thread(endless.recv, 100)
        assert answer.startswith(b"HTTP/1.1 400")
        assert not it.offered


@pytest.mark.anyio
async def test_strangers_do_not_fill_the_log(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    log.configure("json")
    caplog.set_level(logging.WARNING, "uvicorn.error")  # which the embedded Microsoft 365 silences
    websocket = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    async with inside() as it:
        for _ in range(5):
            assert await it.says("GET", "/graph", headers=websocket) == 405
            with socket.create_connection(("127.0.0.1", it.port)) as garbage:
                garbage.sendall(b"?\r\n\r\n")
                assert (await asyncio.to_thread(garbage.recv, 100)).startswith(b"HTTP/1.1 400")
    told = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert len(told) == len(set(told)), told
    assert "Invalid HTTP request received." in told


@pytest.mark.anyio
async def test_an_address_without_a_path_and_a_taken_port() -> None:
    async with inside("https://agents.contoso.com") as it:
        assert await it.says("POST", "/", json.dumps({"value": [_ONE]})) == 202
        assert await it.says("POST", "/lifecycle", json.dumps({"value": [_ONE]})) == 202
        with capture_logs() as logs:
            endpoint = NotificationEndpoint("https://x", it.offer, it.refused.append)
            async with receiving(f"127.0.0.1:{it.port}", endpoint) as port:
                assert port is None
        (told,) = logs
        assert told["event"] == "push_not_served"
        assert "presence.push.listen" in told["what_to_do"]


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: json.dumps({"value": [{"x": text}]}).encode()))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    try:
        assert isinstance(notifications_in(body), Notifications)
    except NotTrusted as why:
        assert str(why) == "it is no notification"


@pytest.mark.anyio
async def test_a_path_may_be_written_with_escapes() -> None:
    async with inside("https://agents.contoso.com/team%20one") as it:
        assert await it.says("POST", "/team%20one", json.dumps({"value": [_ONE]})) == 202
        assert await it.says("POST", "/team%20one/lifecycle", json.dumps({"value": [_ONE]})) == 202
        assert await it.says("POST", "/team", json.dumps({"value": [_ONE]})) == 404
