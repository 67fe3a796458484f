"""Servers of the sort that one meets on the way to Microsoft: with a wrong certificate, without TLS, or no server."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<html>Sign in</html>"


def said(body: str, status: str = "200 OK", kind: str = "text/plain") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def answering(answers: dict[str, bytes] | bytes, certificate: Any = None) -> Iterator[int]:
    """A server on a port of this machine that answers every request the same, or by path, and hangs up.

    ``certificate``: of trustme, for TLS. An empty answer hangs up without one.
    """
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.settimeout(2)
                connection = self.request if context is None else context.wrap_socket(self.request, server_side=True)
                heard = connection.recv(65_536)  # small requests, that come at once
                path = heard.split(b" ")[1].decode("latin-1") if heard.count(b" ") > 1 else ""
                connection.sendall(answers if isinstance(answers, bytes) else answers.get(path, b""))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
                connection.close()

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
