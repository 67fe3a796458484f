"""What stands in front of an endpoint that Graph tells of changes: a reverse proxy that ends TLS, and one that takes
whatever comes.
"""

from __future__ import annotations

import json
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme


@dataclass(slots=True)
class Door:
    port: int
    open: bool = True
    """Else whoever comes is hung up on."""


@contextmanager
def https_door(folder: Path, inside: int) -> Iterator[Door]:
    """Whoever comes by HTTPS is led to the port ``inside``, which speaks HTTP. ``folder``: of the authority, ca.pem."""
    authority = trustme.CA.from_pem((folder / "ca.pem").read_bytes(), (folder / "ca-key.pem").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)

    class Led(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if not door.open:
                return
            with (
                suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as outer,
                socket.create_connection(("127.0.0.1", inside), timeout=5) as inner,
            ):
                _lead(outer, inner)

    with _Server(("127.0.0.1", 0), Led) as server:
        door = Door(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield door
        finally:
            server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def _lead(outer: ssl.SSLSocket, inner: socket.socket) -> None:
    """Both ways, until one of them hangs up."""
    while True:
        ready = [outer] if outer.pending() else select.select([outer, inner], [], [], 10)[0]
        if not ready:
            return
        for each in ready:
            data = each.recv(65_536)
            if not data:
                return
            (inner if each is outer else outer).sendall(data)


@dataclass(slots=True)
class Taker:
    """Answers the validation of an address, and keeps what it is told. ``status``: what it says to that."""

    told: list[dict[str, Any]] = field(default_factory=list)
    validated: list[str] = field(default_factory=list)
    """Paths."""
    status: int = 202
    echoes: bool = True


@contextmanager
def taking(taker: Taker) -> Iterator[int]:
    """The port that it listens at."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            parts = urlsplit(self.path)
            token = parse_qs(parts.query).get("validationToken")
            if token is None:
                taker.told.append({"path": parts.path, **json.loads(body)})
                self._say(taker.status, b"")
                return
            taker.validated.append(parts.path)
            self._say(200, token[0].encode() if taker.echoes else b"hello")

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- its name there
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
