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


class Simulator:
    """Started as a context manager; ``port`` 0 takes a free one, ``folder`` is where ca.pem goes."""

    def __init__(self, world: World, port: int = 0, folder: Path | None = None) -> None:
        self.world = world
        self._temporary = tempfile.TemporaryDirectory(prefix="simulator-") if folder is None else None
        self._folder = Path(self._temporary.name) if self._temporary else folder or Path()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return self.world.origin

    @property
    def ca_bundle(self) -> Path:
        return self._folder / "ca.pem"

    def start(self) -> Self:
        """Raises OSError when the port is taken."""
        self._socket.bind((_HOST, self._port))
        self._socket.listen(256)
        self.world.origin = f"https://{_HOST}:{self._socket.getsockname()[1]}"
        self._folder.mkdir(parents=True, exist_ok=True)
        # A connection that a fault cuts off is no news.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        certificate = self._certificate()
        config = uvicorn.Config(
            Application(self.world),
            ssl_certfile=str(certificate),
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        sockets = [self._socket]
        self._thread = threading.Thread(target=self._server.run, args=(sockets,), name="simulator", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=5)
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
        authority = trustme.CA(organization_name="Embedded Microsoft 365")
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        path = self._folder / "server.pem"
        authority.issue_cert(_HOST, "localhost").private_key_and_cert_chain_pem.write_to_path(str(path))
        path.chmod(0o600)
        return path
