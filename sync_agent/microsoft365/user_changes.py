"""Which of a tenant's users changed, by Graph's delta (user: delta; delta-query-overview).

A change may be told late, twice, in pieces and in any order, so nothing is concluded from it but that its user has to
be asked about again. What changed in properties that are not selected is not told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sync_agent.microsoft365.errors import Garbled, ServiceError, SignInFailed, Throttled, Unreachable
from sync_agent.microsoft365.graph import Graph, Page
from sync_agent.microsoft365.odata import address
from sync_agent.microsoft365.tenant_sessions import TenantSessions
from sync_agent.microsoft365.user_records import SELECT, UserRecord
from sync_agent.model import User

_LATEST = address("/users/delta", {"$select": SELECT, "$deltatoken": "latest"})
_BY_IDS = address("/directoryObjects/getByIds", {"$select": SELECT})
_BY_IDS_UNITS = 2.0
_MOST_IDS = 1_000


class _Changes(msgspec.Struct):
    value: list[UserRecord]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")
    delta_link: str | None = msgspec.field(default=None, name="@odata.deltaLink")


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to where changes were told. ``by``: the account that was given it, since a token may be for its app alone."""

    by: Graph
    link: str


@dataclass(frozen=True, slots=True)
class UserNews:
    """``names`` by the id of each user who changed: UPN and mail addresses, in lower case, empty where they are not
    told or the user is gone. ``mark``: from where to go on when all this was taken in.
    """

    mark: Mark
    names: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class WholeNeeded:
    """Who changed cannot be told, or asking about everybody costs less. The reason is for the log."""

    reason: str


class UserChanges:
    """Of one tenant."""

    def __init__(self, sessions: TenantSessions) -> None:
        self._sessions = sessions

    async def latest(self) -> Mark:
        """The mark of this moment. Raises ServiceError."""

        async def ask(graph: Graph) -> Mark:
            page = await graph.get(_LATEST, _Changes)
            if page.delta_link is None:
                raise Garbled("Graph began to tell all users when asked for its latest delta token")
            return Mark(graph, page.delta_link)

        return await self._sessions.ask(ask, may_be_forbidden=True)

    async def since(self, mark: Mark, most_pages: int) -> UserNews | WholeNeeded:
        """Raises ServiceError where the tenant could not be reached; ``mark`` is then as good as before. One whose
        account cannot sign in is given up where another account may be given a new one.
        """
        try:
            return await _read(mark, most_pages)
        except SignInFailed as error:
            if not self._sessions.several:
                raise
            return WholeNeeded(error.reason)
        except (Unreachable, Throttled):
            raise
        except ServiceError as error:
            return WholeNeeded(error.reason)

    async def users(self, ids: Iterable[str]) -> list[User]:
        """Who they are now; whoever is gone is left out. Raises ServiceError."""
        ordered = sorted(ids)
        chunks = [ordered[start : start + _MOST_IDS] for start in range(0, len(ordered), _MOST_IDS)]
        answers = await asyncio.gather(*map(self._by_ids, chunks))
        return [record.user() for records in answers for record in records]

    async def _by_ids(self, ids: Sequence[str]) -> list[UserRecord]:
        body = {"ids": ids, "types": ["user"]}

        async def ask(graph: Graph) -> list[UserRecord]:
            page = await graph.post(_BY_IDS, body, Page[UserRecord], units=_BY_IDS_UNITS, repeatable=True)
            return page.value

        return await self._sessions.ask(ask)


async def _read(mark: Mark, most_pages: int) -> UserNews | WholeNeeded:
    names: dict[str, frozenset[str]] = {}
    link, followed = mark.link, set[str]()
    while len(followed) < most_pages:
        followed.add(link)
        page = await mark.by.get(link, _Changes)
        for change in page.value:
            names[change.id] = names.get(change.id, frozenset()) | _names(change)
        if page.next_link is None and page.delta_link is not None:
            return UserNews(Mark(mark.by, page.delta_link), names)
        if page.next_link is None or page.next_link in followed:
            raise Garbled("Graph's pages of changed users do not come to an end")
        link = page.next_link
    return WholeNeeded("so many users changed that asking about everybody costs less")


def _names(change: UserRecord) -> frozenset[str]:
    return change.addresses | {change.key} if change.key else change.addresses
