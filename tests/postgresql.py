"""A real PostgreSQL server for tests: made in a folder of its own, reached by a socket there, gone with the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

_ROLE = "sync"
_PATIENCE = 60.0
_FASTER = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")


@dataclass(slots=True)
class Server:
    folder: Path
    """Of its socket."""
    _numbers: Iterator[int] = field(default_factory=count)

    def new_database(self) -> str:
        """The address of an empty one."""
        name = f"history{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.address(name)

    def address(self, database: str) -> str:
        return f"postgresql+psycopg://{_ROLE}@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(host=str(self.folder), user=_ROLE, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())


def programs() -> Path | None:
    """Where PostgreSQL's programs are; None where it is not installed. Debian keeps them out of the path."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@contextmanager
def serving(bin_: Path) -> Iterator[Server]:
    # Not below pytest's folder: root's is closed to the server's user, and a socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="pg") as made:
        folder, user = Path(made), _unprivileged()
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        initdb = [
            str(bin_ / "initdb"),
            "-D",
            str(data),
            "-U",
            _ROLE,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)
        options = [word for setting in ("listen_addresses=", *_FASTER) for word in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            command = [str(bin_ / "postgres"), "-D", str(data), "-k", str(folder), *options]
            process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=folder)
        try:
            server = Server(folder)
            _wait_for(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # to stop at once: SIGTERM would wait for whoever is connected
            process.wait(_PATIENCE)


def _unprivileged() -> str | None:
    """The server refuses to be root's; None: as who runs the tests."""
    return "nobody" if os.geteuid() == 0 else None


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            server.execute("SELECT 1")
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((server.folder / "log").read_text()) from error
            time.sleep(0.1)
        else:
            return
