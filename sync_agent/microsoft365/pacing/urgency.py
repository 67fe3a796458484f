"""How urgent is what is being done: said once where it begins, and true of every request that comes of it.

It goes with the task into those that it starts, and into the threads of blocking libraries and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sync_agent.microsoft365.pacing.line import Priority

_current: ContextVar[Priority] = ContextVar("priority", default=Priority.NORMAL)


def priority_now() -> Priority:
    return _current.get()


@contextmanager
def going_at(priority: Priority) -> Iterator[None]:
    before = _current.set(priority)
    try:
        yield
    finally:
        _current.reset(before)
