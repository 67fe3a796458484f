"""The small server: pages by path, to be read only; a port that is taken ends nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from sync_agent.web.server import plain, serving
from tests.web.asking import asked


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.anyio
async def test_pages_are_served_and_others_are_not() -> None:
    async with serving("127.0.0.1:0", {"/healthz": lambda: plain(503, "why\n")}) as port:
        assert port is not None
        status, text, headers = await asyncio.to_thread(asked, port, "/healthz")
        assert (status, text, headers["cache-control"]) == (503, "why\n", "no-store")
        assert (await asyncio.to_thread(asked, port, "/healthz", "HEAD"))[1] == ""
        assert (await asyncio.to_thread(asked, port, "/healthz", "POST"))[0] == 405
        status, text, _ = await asyncio.to_thread(asked, port, "/../settings.yaml")
        assert (status, text) == (404, "There is no such page; there are /healthz.\n")
    with pytest.raises(OSError):
        await asyncio.to_thread(asked, port, "/healthz")


@pytest.mark.anyio
async def test_a_taken_port_is_told_and_costs_nothing_else(taken: int) -> None:
    with capture_logs() as logs:
        async with serving(f"127.0.0.1:{taken}", {}) as port:
            assert port is None
    (told,) = logs
    assert told["event"] == "web_not_served"
    assert told["listen"] == f"127.0.0.1:{taken}"
    assert "web.listen" in told["what_to_do"]
