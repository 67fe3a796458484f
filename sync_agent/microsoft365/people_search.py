"""Looking for people of whom only something is known: an object id, what stands before the @, a display name, or a UPN
with a slip in it. By filters, many in one request, or in the whole directory where that takes fewer requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

import structlog

from sync_agent.microsoft365.directory_size import count_users
from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.graph import MOST_PARTS, Graph, Part
from sync_agent.microsoft365.name_lookup import EVERYBODY, USERS_PER_PAGE
from sync_agent.microsoft365.odata import address, literal
from sync_agent.microsoft365.tenant_sessions import TenantSessions, TooManyPages
from sync_agent.microsoft365.user_records import SELECT, UserRecord
from sync_agent.model import Questions, User

_log = structlog.get_logger()

_ADVANCED = {"ConsistencyLevel": "eventual"}
"""With $count=true: what endswith needs (aad-advanced-queries)."""
_MOST_EXPRESSIONS = 15
"""In one filter (filter-query-parameter)."""
_MOST_PAGES = 5
"""Of one question. More people than this on one answer means that it asks for half the directory."""
_WORTH_COUNTING = 3
"""Requests. A count takes one, and reading a directory at least one more."""


@dataclass(frozen=True, slots=True)
class CameUp:
    """``people``: users who may answer the questions, and others. ``refused``: questions that the tenant does not
    answer, or with too many people. ``failed``: questions that could not be asked, and ``silent`` why, "" where there
    are none.
    """

    people: tuple[User, ...] = ()
    refused: Questions = field(default_factory=Questions)
    failed: Questions = field(default_factory=Questions)
    silent: str = ""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of question is asked: so many in a filter, each an expression or all of them one."""

    name: str
    most: int
    filter: Callable[[Sequence[str]], str]
    advanced: bool = False

    def part(self, asked: Sequence[str]) -> Part:
        options = {"$filter": self.filter(asked), "$select": SELECT, "$top": str(USERS_PER_PAGE)}
        if self.advanced:
            options["$count"] = "true"
        return Part("GET", address("/users", options), headers=_ADVANCED if self.advanced else {})


def _is_in(name: str) -> Callable[[Sequence[str]], str]:
    return lambda values: f"{name} in ({','.join(map(literal, values))})"


def _begin_with(locals_: Sequence[str]) -> str:
    return " or ".join(f"startswith(userPrincipalName,{literal(local + '@')})" for local in locals_)


def _nearly(upns: Sequence[str]) -> str:
    return " or ".join(expression for upn in upns for expression in _a_slip_from(upn))


def _a_slip_from(upn: str) -> Iterator[str]:
    """A slip leaves one half as it is, unless the two letters in the middle are exchanged."""
    local, at, domain = upn.rpartition("@")
    half = len(local) // 2
    exchanged = local[: half - 1] + local[half] + local[half - 1] + local[half + 1 :]
    yield f"startswith(userPrincipalName,{literal(local[:half])})"
    yield f"endswith(userPrincipalName,{literal(local[half:] + at + domain)})"
    yield f"userPrincipalName eq {literal(exchanged + at + domain)}"


_KINDS = (
    _Kind("ids", _MOST_EXPRESSIONS, _is_in("id")),
    _Kind("locals", _MOST_EXPRESSIONS, _begin_with),
    _Kind("near", _MOST_EXPRESSIONS // 3, _nearly, advanced=True),
    _Kind("called", _MOST_EXPRESSIONS, _is_in("displayName")),
)


async def search(sessions: TenantSessions, questions: Questions) -> CameUp:
    """Ask one tenant. Does not raise ServiceError."""
    chunks = list(_chunks(questions))
    try:
        await sessions.ready()
        if await _is_read_whole_in_fewer(sessions, ceil(len(chunks) / MOST_PARTS)):
            return CameUp(await _everybody(sessions))
    except ServiceError as failure:
        return CameUp(failed=questions, silent=failure.reason)
    asking = _Asking(sessions)
    await asking.ask(chunks)
    refused = asking.refused
    if 0 < len(refused) < len(chunks):
        # One question that Graph takes for malformed must not cost its neighbours their answer.
        asking.refused = [chunk for chunk in refused if len(chunk.asked) == 1]
        await asking.ask([single for chunk in refused if len(chunk.asked) > 1 for single in chunk.singles()])
    return asking.came_up()


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: _Kind
    asked: tuple[str, ...]

    def singles(self) -> Iterator[_Chunk]:
        return (_Chunk(self.kind, (one,)) for one in self.asked)


def _chunks(questions: Questions) -> Iterator[_Chunk]:
    """Short ones together: they bring the most people, and one that brings too many is lost with its neighbours."""
    for kind in _KINDS:
        asked = sorted(getattr(questions, kind.name), key=lambda one: (len(one), one))
        for start in range(0, len(asked), kind.most):
            yield _Chunk(kind, tuple(asked[start : start + kind.most]))


class _Asking:
    """Questions put, and what has become of them."""

    def __init__(self, sessions: TenantSessions) -> None:
        self._sessions = sessions
        self._users: dict[str, User] = {}
        self._failed: list[_Chunk] = []
        self._failure: ServiceError | None = None
        self.refused: list[_Chunk] = []
        self._refusal: ServiceError | None = None

    async def ask(self, chunks: Sequence[_Chunk]) -> None:
        batches = [chunks[start : start + MOST_PARTS] for start in range(0, len(chunks), MOST_PARTS)]
        await asyncio.gather(*map(self._batch, batches))

    async def _batch(self, chunks: Sequence[_Chunk]) -> None:
        answers = await self._sessions.batch([chunk.kind.part(chunk.asked) for chunk in chunks])
        for chunk, answer in zip(chunks, answers, strict=True):
            try:
                headers = _ADVANCED if chunk.kind.advanced else None
                records = await self._sessions.users(answer, headers=headers, most_pages=_MOST_PAGES)
            except ServiceError as failure:
                self._note(chunk, failure)
            else:
                self._users.update((record.id, record.user()) for record in records)

    def _note(self, chunk: _Chunk, failure: ServiceError) -> None:
        if isinstance(failure, TooManyPages) or (isinstance(failure, Refused) and failure.status == 400):
            self._refusal = self._refusal or failure
            self.refused.append(chunk)
        else:
            self._failure = self._failure or failure
            self._failed.append(chunk)

    def came_up(self) -> CameUp:
        if self.refused and self._refusal is not None:
            _log.info("people_not_looked_for", tenant=self._sessions.tenant_id, reason=self._refusal.reason)
        silent = "" if self._failure is None else self._failure.reason
        return CameUp(tuple(self._users.values()), _questions(self.refused), _questions(self._failed), silent)


def _questions(chunks: Iterable[_Chunk]) -> Questions:
    together = Questions()
    for chunk in chunks:
        together |= replace(Questions(), **{chunk.kind.name: frozenset(chunk.asked)})
    return together


async def _is_read_whole_in_fewer(sessions: TenantSessions, requests: int) -> bool:
    """The directory is only counted where the count can pay for itself."""
    if requests < _WORTH_COUNTING:
        return False
    try:
        users = await sessions.ask(count_users)
    except ServiceError as failure:
        _log.info("directory_not_counted", tenant=sessions.tenant_id, reason=failure.reason)
        return False
    return ceil(users / USERS_PER_PAGE) < requests


async def _everybody(sessions: TenantSessions) -> tuple[User, ...]:
    async def read(graph: Graph) -> tuple[User, ...]:
        pages = graph.pages(EVERYBODY, UserRecord)
        return tuple([record.user() async for page in pages for record in page])

    return await sessions.ask(read)
