"""What was done to the items of a list, in order: SharePoint's change log, which Graph's delta and REST's GetChanges
tell of. Tokens live 60 days; a token says when it was made and after which change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from itertools import islice

TOKENS_LIVE = timedelta(days=60)
_MOST_KEPT = 500_000
"""A demonstration that writes presence for days must not fill the memory; older tokens are then no longer good."""
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


class Done(IntEnum):
    """SharePoint's ChangeType."""

    ADD = 1
    UPDATE = 2
    DELETE = 3


@dataclass(frozen=True, slots=True)
class LoggedChange:
    number: int
    done: Done
    item_id: int
    unique_id: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """After the change of that ``number``, as it was at ``time``."""

    time: datetime
    number: int


class NoSuchPosition(Exception):
    """The log does not reach back so far, or not so far ahead."""


@dataclass(slots=True)
class ChangeLog:
    last: int = 0
    _kept: deque[LoggedChange] = field(default_factory=lambda: deque(maxlen=_MOST_KEPT))

    def note(self, done: Done, item_id: int, unique_id: str, time: datetime) -> None:
        self.last += 1
        self._kept.append(LoggedChange(self.last, done, item_id, unique_id, time))

    def after(self, position: Position | None, now: datetime) -> Iterator[LoggedChange]:
        """None: from the beginning of the log. Raises NoSuchPosition."""
        forgotten = self.last - len(self._kept)
        number = forgotten if position is None else position.number
        if not forgotten <= number <= self.last or (position is not None and now - position.time > TOKENS_LIVE):
            raise NoSuchPosition
        return islice(self._kept, number - forgotten, None)


def ticks(time: datetime) -> int:
    """Of 100 ns since the year 1, as in .NET."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 10


def from_ticks(count: int) -> datetime:
    """Raises OverflowError."""
    return _EPOCH + timedelta(microseconds=count // 10)
