"""Following what changes in the Agent list, whichever API tells it.

A token is taken *before* the whole list is read, so nothing can fall between the two; it moves on only when everything
since was read. A change log is a help that a service may refuse or have forgotten: then the whole list is read, as
without it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from sync_agent.microsoft365.errors import Refused, ServiceError, SignInFailed, Throttled, Unreachable
from sync_agent.microsoft365.list_answers import Changes, WholeListNeeded
from sync_agent.model import Row

_log = structlog.get_logger()

_TOKEN_AGE = 30 * 86_400.0
"""Seconds. SharePoint keeps its log for 60 days, and may answer an older token as if nothing had happened."""
_MOST_REFUSALS = 2
"""In a row, each beside a whole reading that went well: then the service has no change log for us."""
_GONE = 410


@dataclass(frozen=True, slots=True)
class Costs:
    """In resource units: of reading rows by id, and of reading the whole list with what goes with it."""

    rows_a_request: int
    a_request: float
    rows_a_page: int
    a_page: float
    besides: float

    def of_rows(self, count: int) -> float:
        return math.ceil(count / self.rows_a_request) * self.a_request

    def of_whole(self, rows: int) -> float:
        return max(1, math.ceil(rows / self.rows_a_page)) * self.a_page + self.besides

    def worth_reading(self, changed: int, rows: int) -> bool:
        """Whether reading the changed rows costs less than reading all of them."""
        return self.of_rows(changed) < self.of_whole(rows)


@dataclass(frozen=True, slots=True)
class News:
    """What a change log told. ``to_read``: rows that changed, of which it did not tell what they are now."""

    token: str
    rows: Mapping[int, Row]
    to_read: frozenset[int]
    deleted: frozenset[int]


class ChangeLog(Protocol):
    """Both methods raise ServiceError."""

    @property
    def costs(self) -> Costs: ...

    async def token(self) -> str:
        """Of this moment."""

    async def since(self, token: str, known: Mapping[int, Row]) -> News | WholeListNeeded: ...


ReadRows = Callable[[Collection[int]], Awaitable[dict[int, Row]]]


class Following:
    """The token of one list, and whether its service tells changes at all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._token: str | None = None
        self._read_at = 0.0
        self._trouble: ServiceError | None = None
        self._refusals = 0

    async def whole(self, log: ChangeLog, read: Callable[[], Awaitable[list[Row]]]) -> list[Row]:
        """All rows by ``read``, to be followed from there on."""
        self._token = None
        token, read_at = await self._ask(log), self._clock()
        rows = await read()
        self._note()
        self._token, self._read_at = token if self._may_follow() else None, read_at
        return rows

    async def changes(self, log: ChangeLog, known: Mapping[int, Row], read_rows: ReadRows) -> Changes | WholeListNeeded:
        """Raises ServiceError when the service could not be reached; the token then stays as it is."""
        if self._token is None or self._clock() - self._read_at > _TOKEN_AGE:
            return WholeListNeeded("it is not known from where to follow it")
        try:
            told = await self._since(self._token, log, known, read_rows)
        except (Unreachable, Throttled, SignInFailed):
            raise
        except ServiceError as error:
            self._trouble = None if _is_forgotten(error) else error
            told = WholeListNeeded(error.reason)
        if isinstance(told, WholeListNeeded):
            self._token = None
        return told

    async def _since(
        self, token: str, log: ChangeLog, known: Mapping[int, Row], read_rows: ReadRows
    ) -> Changes | WholeListNeeded:
        news = await log.since(token, known)
        if isinstance(news, WholeListNeeded):
            return news
        if not log.costs.worth_reading(len(news.to_read), len(known)):
            return WholeListNeeded(f"{len(news.to_read):,} rows changed")
        read = await read_rows(news.to_read) if news.to_read else {}
        self._token, self._refusals = news.token, 0
        return Changes({**news.rows, **read}, news.deleted | (news.to_read - read.keys()))

    async def _ask(self, log: ChangeLog) -> str | None:
        """A service that is away is found out by the reading that follows."""
        if not self._may_follow():
            return None
        try:
            return await log.token()
        except ServiceError as error:
            self._trouble = error
            return None

    def _may_follow(self) -> bool:
        return self._refusals < _MOST_REFUSALS

    def _note(self) -> None:
        """The list could be read, its changes could not: that is no outage."""
        trouble, self._trouble = self._trouble, None
        if trouble is None or isinstance(trouble, Unreachable | Throttled | SignInFailed):
            return
        self._refusals += 1
        if not self._may_follow():
            _log.warning("list_changes_not_told", reason=trouble.told, effect="the whole list is read each time")


def _is_forgotten(error: ServiceError) -> bool:
    """Graph's 410; SharePoint REST names its change token in words, with differing codes."""
    if isinstance(error, Refused) and error.status == _GONE:
        return True
    return "changetoken" in error.reason.replace(" ", "").lower()
