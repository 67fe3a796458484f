"""Who has these UPNs: by filters that name them, or by paging the whole directory, whichever takes fewer requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

import structlog

from sync_agent.microsoft365.directory_size import count_users
from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.graph import MOST_PARTS, Graph, Part, PartAnswer
from sync_agent.microsoft365.odata import address, literal
from sync_agent.microsoft365.tenant_sessions import TenantSessions
from sync_agent.microsoft365.user_records import SELECT, UserRecord

_log = structlog.get_logger()

NAMES_PER_FILTER = 15
"""Values of an `in` filter (filter-query-parameter)."""
NAMES_PER_BATCH = NAMES_PER_FILTER * MOST_PARTS
USERS_PER_PAGE = 999
EVERYBODY = address("/users", {"$top": str(USERS_PER_PAGE), "$select": SELECT})
_LONGEST_NAME = 1_024
"""Entra keeps no longer userPrincipalName, so a longer name is nobody's, and its filter need not be sent."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``pages``: read the whole directory rather than ask for names. ``requests``: what that takes."""

    pages: bool
    requests: int


def cheaper(n_names: int, n_users: int | None) -> Plan:
    """The way that takes fewer requests; by names where equal, since batches go side by side and pages are a chain.

    ``n_users`` None: the size of the directory is not known.
    """
    batches = ceil(n_names / NAMES_PER_BATCH)
    if n_users is None:
        return Plan(pages=False, requests=batches)
    pages = max(1, ceil(n_users / USERS_PER_PAGE))
    return Plan(pages=True, requests=pages) if pages < batches else Plan(pages=False, requests=batches)


@dataclass(slots=True)
class LookedUp:
    """Users by the name they were asked by; names whose question failed; every other name asked is nobody's UPN."""

    users: dict[str, UserRecord] = field(default_factory=dict)
    failed: dict[str, ServiceError] = field(default_factory=dict)
    aliases: dict[str, list[UserRecord]] | None = None
    """Users by those of their mail addresses that were asked for as UPNs; None where not all users were seen."""
    everybody: list[UserRecord] | None = None
    """All users, where the whole directory was read."""


class NameLookup:
    """``progress`` is told how many names were answered, each name once."""

    def __init__(self, sessions: TenantSessions, progress: Callable[[int], None]) -> None:
        self._sessions = sessions
        self._progress = progress

    async def find(self, names: Collection[str]) -> LookedUp:
        """Does not raise ServiceError: what failed is told by name."""
        found = LookedUp()
        wanted = sorted(filter(askable, names))
        self._progress(len(names) - len(wanted))
        if (await self._plan(len(wanted))).pages:
            await self._by_pages(found, frozenset(wanted))
        # Someone may have been added while the pages were read: whoever was not seen there is asked for by name.
        await self._by_names(found, [name for name in wanted if name not in found.users])
        return found

    async def _plan(self, n_names: int) -> Plan:
        """The directory is only counted where the count can pay for itself."""
        if n_names <= NAMES_PER_BATCH:
            return cheaper(n_names, None)
        try:
            return cheaper(n_names, await self._sessions.ask(count_users))
        except ServiceError as failure:
            _log.info("directory_not_counted", tenant=self._sessions.tenant_id, reason=failure.reason)
            return cheaper(n_names, None)

    async def _by_pages(self, found: LookedUp, names: frozenset[str]) -> None:
        """Read all users. What was seen before a page failed is kept; the rest is asked for by name."""
        aliases: dict[str, list[UserRecord]] = {}
        everybody: list[UserRecord] = []
        try:
            await self._sessions.ask(lambda graph: self._read_pages(graph, found, names, aliases, everybody))
        except ServiceError as failure:
            _log.info("directory_not_paged", tenant=self._sessions.tenant_id, reason=failure.reason)
        else:
            found.aliases, found.everybody = aliases, everybody

    async def _read_pages(
        self,
        graph: Graph,
        found: LookedUp,
        names: frozenset[str],
        aliases: dict[str, list[UserRecord]],
        everybody: list[UserRecord],
    ) -> None:
        aliases.clear()  # another account may have begun
        everybody.clear()
        async for page in graph.pages(EVERYBODY, UserRecord):
            news = {record.key: record for record in page if record.key in names and record.key not in found.users}
            found.users.update(news)
            self._progress(len(news))
            everybody += page
            for record in page:
                for name in record.addresses & names:
                    aliases.setdefault(name, []).append(record)

    async def _by_names(self, found: LookedUp, names: Sequence[str]) -> None:
        batches = [names[start : start + NAMES_PER_BATCH] for start in range(0, len(names), NAMES_PER_BATCH)]
        refused = await asyncio.gather(*(self._ask_batch(found, list(_split(batch))) for batch in batches))
        again = [name for names_refused in refused for name in names_refused]
        if len(again) == len(names) > NAMES_PER_BATCH:
            self._give_up(found, again)
        else:
            # One name that Graph takes for malformed must not cost its neighbours their answer.
            single = [again[start : start + MOST_PARTS] for start in range(0, len(again), MOST_PARTS)]
            await asyncio.gather(*(self._ask_batch(found, [[name] for name in batch]) for batch in single))

    async def _ask_batch(self, found: LookedUp, chunks: Sequence[Sequence[str]]) -> list[str]:
        """Ask for a batch of chunks; the names of those that were refused as malformed."""
        answers = await self._sessions.batch([_part(chunk) for chunk in chunks])
        refused: list[str] = []
        for chunk, answer in zip(chunks, answers, strict=True):
            failure = await self._take(found, chunk, answer)
            if isinstance(failure, Refused) and failure.status == 400 and len(chunk) > 1:
                refused += chunk
            elif failure is not None:
                found.failed.update(dict.fromkeys(chunk, failure))
        self._progress(sum(map(len, chunks)) - len(refused))
        return refused

    async def _take(self, found: LookedUp, chunk: Sequence[str], answer: PartAnswer) -> ServiceError | None:
        """Believe an answer that has status 200 and its list, to its last page; who is in it unasked is passed over."""
        try:
            records = await self._sessions.users(answer)
        except ServiceError as failure:
            return failure
        asked = set(chunk)
        found.users.update({record.key: record for record in records if record.key in asked})
        return None

    def _give_up(self, found: LookedUp, names: Sequence[str]) -> None:
        """Where every filter is refused it is the question that the tenant objects to, not a name in it."""
        reason = "the directory refuses every question for users by name (400)"
        refusal = Refused(reason, status=400, code="", message="")
        found.failed.update(dict.fromkeys(names, refusal))
        self._progress(len(names))


def _part(chunk: Sequence[str]) -> Part:
    names = ",".join(map(literal, chunk))
    return Part("GET", address("/users", {"$filter": f"userPrincipalName in ({names})", "$select": SELECT}))


def _split(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + NAMES_PER_FILTER] for start in range(0, len(names), NAMES_PER_FILTER))


def askable(name: str) -> bool:
    """Whether the name fits into a question at all. A lone surrogate is no character, so nobody has it in their UPN."""
    if not 0 < len(name) <= _LONGEST_NAME:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
