"""A server for one test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sync_agent.simulator.server import Simulator


@contextmanager
def serving(simulator: Simulator) -> Iterator[Simulator]:
    """It stops beside what comes next: for up to a second it waits for clients to hang up, and nobody else for it."""
    simulator.start()
    try:
        yield simulator
    finally:
        threading.Thread(target=simulator.stop, name="stopping").start()
