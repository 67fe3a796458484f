"""What looking at the list and writing it tell each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import structlog

from sync_agent.fuses import Held

_log = structlog.get_logger()


@dataclass(slots=True)
class Standing:
    """``known_rows``: of the last plan that no fuse held; ``written``: rows since the list was last looked at."""

    known_rows: int | None = None
    held: Held | None = None
    written: Counter[str] = field(default_factory=Counter)

    def note_held(self, held: Held | None) -> None:
        before, self.held = self.held, held
        if held is not None and (before is None or before.checksum != held.checksum):
            tell_held(held)
        elif held is None and before is not None:
            _log.info("no_longer_held", fuse=before.fuse)


def tell_held(held: Held) -> None:
    todo = {"what_to_do": held.todo} if held.todo else {}
    _log.error("held", fuse=held.fuse, rows=held.rows, of=held.of, cause=held.cause, **todo)
