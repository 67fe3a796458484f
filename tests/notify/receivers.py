"""Those whom messages are sent to: a web hook, a mail server, a proxy, and one that never answers. All on loopback."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Hook:
    """``status``: what it answers; ``lines``: the first line of each request."""

    port: int = 0
    status: int = 200
    taken: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/secret-path"


@contextmanager
def hook(context: ssl.SSLContext | None = None) -> Iterator[Hook]:
    state = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.lines.append(self.requestline)
            if state.status == 200:
                state.taken.append(document)
            self.send_response(state.status)
            self.end_headers()
            self.wfile.write(b"secret-answer")

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing on stderr."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not trust us is no failure of ours."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with _served(server):
        state.port = server.server_address[1]
        yield state


@dataclass(slots=True)
class Mailbox:
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refuses: bool = False


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """As much of SMTP (RFC 5321) as a client without encryption or sign-in uses."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            while line := self.rfile.readline():
                verb = line.split()[0].upper() if line.strip() else b""
                if verb == b"DATA":
                    self._say("354 go on")
                    box.mails.append(message_from_bytes(self._data(), policy=policy.default))
                    self._say("250 taken")
                elif verb == b"QUIT":
                    return self._say("221 bye")
                elif verb == b"RCPT" and box.refuses:
                    self._say("550 no such mailbox: secret-answer")
                else:
                    self._say("250 fine")
            return None

        def _data(self) -> bytes:
            lines = iter(self.rfile.readline, b".\r\n")
            return b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines)

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with _served(server):
        box.port = server.server_address[1]
        yield box


@dataclass(slots=True)
class Silent:
    port: int = 0
    connected: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)


@contextmanager
def silent_server() -> Iterator[Silent]:
    """Takes the connection and what comes, answers nothing, and notes when the other end is gone."""
    state = Silent()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            state.connected.set()
            while self.request.recv(4096):
                pass
            state.left.set()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with _served(server):
        state.port = server.server_address[1]
        yield state


@contextmanager
def _served(server: socketserver.TCPServer) -> Iterator[None]:
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
