"""An HTTPS server that answers as a test says, for answers that no well-behaved service gives."""

from __future__ import annotations

import atexit
import json
import ssl
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import trustme
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Transport


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the server got it. ``path`` is without the version, ``query`` decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    raw_query: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


Answering = Callable[[Asked], Response]


def said(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(value), status, dict(headers or {}), "application/json")


def refused(status: int, code: str = "Refused", headers: Mapping[str, str] | None = None) -> Response:
    return said({"error": {"code": code, "message": f"told {status}"}}, status, headers)


@dataclass(slots=True)
class Scripted:
    """The running server. ``answering`` may be changed while it runs; ``asked`` holds all requests so far."""

    url: str
    ca_bundle: Path
    answering: Answering
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def scripted(answering: Answering) -> Iterator[Scripted]:
    """The one server of the process, with a clean slate: starting one takes longer than most tests."""
    service = _running()
    service.answering = answering
    service.asked.clear()
    yield service


@cache
def _running() -> Scripted:
    authority = trustme.CA()
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    bundle = Path(folder.name) / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    service = Scripted("", bundle, lambda asked: refused(404))
    server = _server(service, authority)
    threading.Thread(target=server.run, daemon=True).start()
    service.url = _address(server)
    return service


def _server(service: Scripted, authority: trustme.CA) -> uvicorn.Server:
    async def answer(request: Request) -> Response:
        asked = Asked(
            request.method,
            request.url.path.removeprefix("/v1.0"),
            dict(request.query_params),
            dict(request.headers),
            await request.body(),
            request.url.query,
        )
        service.asked.append(asked)
        return service.answering(asked)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PATCH"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    config.load()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    config.ssl = context
    return uvicorn.Server(config)


def _address(server: uvicorn.Server) -> str:
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"https://127.0.0.1:{port}"


class Ticking:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class FixedToken:
    def __init__(self, value: str = "token") -> None:
        self.value = value

    async def token(self) -> str:
        return self.value

    async def renew(self, rejected: str) -> None:
        pass


@asynccontextmanager
async def graph_at(service: Scripted, clock: Ticking | None = None, units: float = 3_500) -> AsyncIterator[Graph]:
    clock = clock or Ticking()
    retrying = Retrying(attempts=3)
    transport = Transport(ca_bundles=[service.ca_bundle], retrying=retrying, sleep=clock.sleep)
    budget = Budget("test", units, 10, clock=clock, sleep=clock.sleep)
    try:
        yield Graph(transport, FixedToken(), service.url, budget, "directory", retrying=retrying, sleep=clock.sleep)
    finally:
        await transport.aclose()
