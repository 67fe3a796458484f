"""Who changed in all tenants since this was last taken in, and which tenants do not tell."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil

import structlog

from sync_agent.jobs.context import Context, Tenant
from sync_agent.jobs.resolve_users import note_trouble
from sync_agent.microsoft365.errors import ServiceError, SignInFailed, Throttled, Unreachable
from sync_agent.microsoft365.name_lookup import NAMES_PER_BATCH
from sync_agent.microsoft365.user_changes import Mark, UserNews, WholeNeeded

_log = structlog.get_logger()

_FEWEST_PAGES = 3
"""Pages of changes that are read in any case; further ones as long as asking about all names would cost more."""

Names = Mapping[str, frozenset[str]]
"""By user id: what users are called."""


@dataclass(frozen=True, slots=True)
class News:
    """By tenant id. ``changed``: the UPN and addresses that are told, by the id of each user. ``untold``: who has to be
    asked about everybody. ``silent``: who has to be asked about all names, and tells the rest when it can be reached.
    ``marks``: from where to go on when all this was taken in.
    """

    changed: Mapping[str, Names]
    untold: frozenset[str]
    silent: frozenset[str]
    marks: Mapping[str, Mark]


class UserNewsReader:
    """The marks are in memory only: after a restart everybody is asked about anyway."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._marks: Mapping[str, Mark] = {}
        self._silent: dict[str, str] = {}
        """By tenant id: why it could not be asked who changed."""
        self._untold: set[str] = set()
        """Ids of tenants that do not tell who changed, which was logged."""

    async def begin(self) -> Mapping[str, Mark]:
        """Marks to `take` when everybody was asked about. One that is there already stays, though older: to hear of a
        change twice does no harm, and the directory may have answered from a copy that was behind its own delta.
        """
        return {**await self._latest(self._context.edges.tenants.keys() - self._marks.keys()), **self._marks}

    async def read(self, asked: Mapping[str, Collection[str]]) -> News:
        """``asked``: the names that each tenant is asked about. A tenant that is silent for the first time is in no
        part of the news; from the second time in a row on its names have to be asked about, for it may be its changes
        alone that are away.
        """
        silent_before = frozenset(self._silent)
        tenants = self._context.edges.tenants
        answers = await asyncio.gather(
            *(self._told(tenant, len(asked.get(id_, ()))) for id_, tenant in tenants.items())
        )
        told = dict(zip(tenants, answers, strict=True))
        untold = frozenset(id_ for id_, said in told.items() if isinstance(said, WholeNeeded))
        silent = frozenset(id_ for id_, said in told.items() if said is None) & silent_before
        news = {id_: said for id_, said in told.items() if isinstance(said, UserNews)}
        kept = {id_: mark for id_, mark in self._marks.items() if id_ not in untold}
        marks = {**kept, **{id_: said.mark for id_, said in news.items()}, **await self._latest(untold)}
        return News({id_: said.names for id_, said in news.items()}, untold, silent, marks)

    def take(self, marks: Mapping[str, Mark], but: Collection[str] = ()) -> None:
        """Everything up to these marks was taken in, ``but`` what these tenants told: they tell it again."""
        self._marks = {**marks, **{id_: self._marks[id_] for id_ in but}}

    async def _told(self, tenant: Tenant, names: int) -> UserNews | WholeNeeded | None:
        mark = self._marks.get(tenant.id)
        if mark is None:
            return WholeNeeded("it is not known from where to follow them")
        most_pages = max(_FEWEST_PAGES, ceil(names / NAMES_PER_BATCH))
        try:
            told = await tenant.directory.changes.since(mark, most_pages)
        except ServiceError as failure:
            self._note_silence(tenant, failure.reason)
            return None
        self._note_silence(tenant, None)
        self._note_untold(tenant, told.reason if isinstance(told, WholeNeeded) else None)
        return told

    async def _latest(self, tenant_ids: Collection[str]) -> dict[str, Mark]:
        tenants = [self._context.edges.tenants[id_] for id_ in tenant_ids]
        marks = await asyncio.gather(*map(self._latest_of, tenants))
        return {tenant.id: mark for tenant, mark in zip(tenants, marks, strict=True) if mark is not None}

    async def _latest_of(self, tenant: Tenant) -> Mark | None:
        """A tenant that is away is found out by the questions that follow."""
        try:
            return await tenant.directory.changes.latest()
        except (Unreachable, Throttled, SignInFailed):
            return None
        except ServiceError as failure:
            self._note_untold(tenant, failure.reason)
            return None

    def _note_silence(self, tenant: Tenant, reason: str | None) -> None:
        """The first time it is the tenant's trouble; then its names are asked about, and tell themselves what is so.
        What is said of the tenant for another reason is left to whoever said it.
        """
        before = self._silent.pop(tenant.id, None)
        if reason is not None:
            self._silent[tenant.id] = reason
        if reason is not None and before is not None:
            self._note_untold(tenant, reason)
        elif reason is not None:
            note_trouble(self._context, tenant, reason)
        elif before is not None and self._context.observed.trouble.get(tenant.id) == before:
            note_trouble(self._context, tenant, None)

    def _note_untold(self, tenant: Tenant, reason: str | None) -> None:
        if reason is None:
            self._untold.discard(tenant.id)
        elif tenant.id not in self._untold:
            self._untold.add(tenant.id)
            effect = "all its names in the list are asked about instead"
            _log.warning("user_changes_not_told", tenant=tenant.id, reason=reason, effect=effect)
