"""`sync-agent` in a process of its own that is killed, with no word of warning, at a request of one's choice."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

from sync_agent.cli import main
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lab import Api
from sync_agent.simulator.wire import Call, Reply
from tests.lab import Lab

Writes = tuple[str, bytes]
"""Which requests write, by their address and what they hold."""

WRITES: dict[Api, Writes] = {
    "graph": (r"POST /v1\.0/\$batch", b'"PATCH"'),
    "rest": (r"POST .*_api/\$batch", b"ValidateUpdateListItem"),
}
"""By API: those that write our columns of rows."""


def writes_of(served: Lab, writes: Writes) -> int:
    """How many of these requests one sync makes."""
    pattern, holding = writes
    counting = served.world.faults.add(pattern, holding=holding, instead=lambda call, truly: truly(call))
    ran = served.run("sync")
    assert ran.code in (0, 1), ran.err
    served.world.faults.clear()
    return counting.seen


def killed_at(served: Lab, writes: Writes, number: int, *, carried_out: bool) -> None:
    """One sync, killed when its n-th write request arrives: before that is carried out, or after, the answer unsent.

    Those that it has sent beside are lost on the way.
    """
    pattern, holding = writes
    arriving = itertools.count(1)
    process = _warm().Process(target=_sync, args=(str(served.folder), str(served.settings)))

    def kill(call: Call, truly: Truly) -> Reply:
        at = next(arriving)
        reply = truly(call) if at < number or (carried_out and at == number) else Reply(503)
        if at == number:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
        return reply

    served.world.faults.add(pattern, holding=holding, instead=kill)
    process.start()
    process.join(60)
    served.world.faults.clear()
    assert process.exitcode == -signal.SIGKILL, f"it ended by itself: {process.exitcode}"


@cache
def _warm() -> ForkServerContext:
    """Children of a process that has imported everything: starting one takes no second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "sync_agent.cli.sync", "sync_agent.service", "office365"])
    return context


def _sync(folder: str, settings: str) -> None:
    os.chdir(folder)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        main(["--settings", settings, "sync"])
