"""Serving a world on HTTPS, in a thread of its own, with a certificate authority of its own."""

from __future__ import annotations

import logging
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme
import uvicorn

from sync_agent.simulator.app import Application
from sync_agent.simulator.world import World

_HOST = "127.0.0.1"
_LONGEST_STOP = 10.0


def _listening(port: int) -> socket.socket:
    # With the protocol named asyncio sets TCP_NODELAY; without, each kept-alive request waits 40 ms for an ACK.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((_HOST, port))
        made.listen(256)
    except OSError:
        made.close()
        raise
    return made


class Simulator:
    """Started as a context manager; ``port`` 0 takes a free one, ``folder`` is where ca.pem goes."""

    def __init__(self, world: World, port: int = 0, folder: Path | None = None) -> None:
        self.world = world
        self._given_folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._port = port
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return self.world.origin

    @property
    def ca_bundle(self) -> Path:
        """Once started."""
        return self._folder / "ca.pem"

    @property
    def _folder(self) -> Path:
        if self._given_folder is not None:
            return self._given_folder
        assert self._temporary is not None
        return Path(self._temporary.name)

    def start(self) -> Self:
        """Raises OSError when the port is taken."""
        self._socket = _listening(self._port)
        self._port = self._socket.getsockname()[1]
        self.world.origin = f"https://{_HOST}:{self._port}"
        if self._given_folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="simulator-")
        self._folder.mkdir(parents=True, exist_ok=True)
        self.world.trusted = self.ca_bundle
        # A connection that a fault cuts off is no news.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        config = uvicorn.Config(
            Application(self.world),
            ssl_certfile=str(self._certificate()),
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,  # the world has a clock of its own
            lifespan="on",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="simulator", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End within seconds, requests under way or not; it can be started again, on the same port."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=_LONGEST_STOP)
        if self._socket is not None:
            self._socket.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _certificate(self) -> Path:
        authority = self._authority()
        path = self._folder / "server.pem"
        authority.issue_cert(_HOST, "localhost").private_key_and_cert_chain_pem.write_to_path(str(path))
        path.chmod(0o600)
        return path

    def _authority(self) -> trustme.CA:
        """Kept in the folder: whoever trusts it goes on doing so after a restart."""
        key = self._folder / "ca-key.pem"
        try:
            return trustme.CA.from_pem(self.ca_bundle.read_bytes(), key.read_bytes())
        except (OSError, ValueError):
            made = trustme.CA(organization_name="Embedded Microsoft 365")
        key.touch(mode=0o600)
        key.write_bytes(made.private_key_pem.bytes())
        made.cert_pem.write_to_path(str(self.ca_bundle))
        return made
