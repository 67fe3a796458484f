"""What was done to things, in order: the items of a list, which Graph's delta and REST's GetChanges tell of, or the
users of a tenant, which Graph's delta tells of. A token says when it was made and after which change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST_KEPT = 500_000
"""A demonstration that writes presence for days must not fill the memory; older tokens are then no longer good."""
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


class Done(IntEnum):
    """SharePoint's ChangeType."""

    ADD = 1
    UPDATE = 2
    DELETE = 3


@dataclass(frozen=True, slots=True)
class LoggedChange(Generic[T]):
    number: int
    done: Done
    subject: T
    time: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """After the change of that ``number``, as it was at ``time``."""

    time: datetime
    number: int


class NoSuchPosition(Exception):
    """The log does not reach back so far, or not so far ahead."""


@dataclass(slots=True)
class ChangeLog(Generic[T]):
    """``tokens_live``: how long a token is good for."""

    tokens_live: timedelta
    last: int = 0
    _kept: deque[LoggedChange[T]] = field(default_factory=lambda: deque(maxlen=_MOST_KEPT))

    def note(self, done: Done, subject: T, time: datetime) -> None:
        self.last += 1
        self._kept.append(LoggedChange(self.last, done, subject, time))

    def after(self, position: Position | None, now: datetime) -> Iterator[LoggedChange[T]]:
        """None: from the beginning of the log. Raises NoSuchPosition."""
        forgotten = self.last - len(self._kept)
        number = forgotten if position is None else position.number
        if not forgotten <= number <= self.last or (position is not None and now - position.time > self.tokens_live):
            raise NoSuchPosition
        return islice(self._kept, number - forgotten, None)


def ticks(time: datetime) -> int:
    """Of 100 ns since the year 1, as in .NET."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 10


def from_ticks(count: int) -> datetime:
    """Raises OverflowError."""
    return _EPOCH + timedelta(microseconds=count // 10)
