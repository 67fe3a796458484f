"""What goes wrong in the moment of a write: its process is killed, or somebody else locks the database."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from tests.lab import Lab


def killed_sync(served: Lab, write: str, holding: bytes, *, after: bool) -> None:
    """A `sync` of its own process, killed as its ``write`` arrives, or as the answer to it is on its way."""
    command = [sys.executable, "-m", "sync_agent", "--settings", str(served.settings), "sync"]
    begun: list[subprocess.Popen[bytes]] = []

    def kill(call: Call, truly: Truly) -> Reply:
        reply = truly(call) if after else Reply(503)
        begun[0].kill()
        begun[0].wait()
        return reply

    served.world.faults.add(write, holding=holding, instead=kill)
    begun.append(subprocess.Popen(command, cwd=served.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    assert begun[0].wait(60) == -signal.SIGKILL
    served.world.faults.clear()


@contextmanager
def database_locked(served: Lab, write: str, holding: bytes) -> Iterator[None]:
    """From the first such ``write`` on."""
    locking = sqlite3.connect(served.folder / "state" / "sync-agent.db", check_same_thread=False)

    def lock_first(call: Call, truly: Truly) -> Reply:
        locking.execute("BEGIN EXCLUSIVE")
        return truly(call)

    served.world.faults.add(write, holding=holding, instead=lock_first, times=1)
    try:
        yield
    finally:
        locking.rollback()
        locking.close()
