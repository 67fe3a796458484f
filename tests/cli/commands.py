"""What the tests of commands share."""

from __future__ import annotations

from tests.lab import Ran


def sentence(ran: Ran) -> str:
    """The last line on stderr, which is all that is said there of a failure."""
    last = ran.err.strip().splitlines()[-1]
    assert last.startswith("sync-agent: ")
    return last.removeprefix("sync-agent: ")
