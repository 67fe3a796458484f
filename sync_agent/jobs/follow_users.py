"""Follow what changes in the tenants' users, so that asking again costs what changed, not what the directories hold.

Each turn asks every tenant who changed, and then about the names of the list that those users have or had, by the very
job that asks about new names. At ``schedule.resolve_everybody`` everybody is asked about instead, which heals what was
missed; and so are all names of a tenant that does not tell who changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping

import structlog

from sync_agent.jobs.ask_people import ask_people
from sync_agent.jobs.context import Context
from sync_agent.jobs.names_touched import names_touched
from sync_agent.jobs.renew_people import renew_people
from sync_agent.jobs.resolve_users import Resolved, resolve_news, resolve_users
from sync_agent.jobs.user_news import Names, UserNewsReader
from sync_agent.microsoft365.pacing import Priority, going_at

_log = structlog.get_logger()


class FollowUsers:
    """``turn``: seconds between turns. ``everybody``: seconds between turns that ask about everybody."""

    def __init__(
        self, context: Context, turn: float, everybody: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._context = context
        self._every = everybody - turn / 2  # turns are never quite punctual
        self._clock = clock
        self._due = clock()
        self._reader = UserNewsReader(context)
        self._asked: Mapping[str, frozenset[str]] = {}
        """By tenant id: the names that it was asked about since everybody last was."""
        self._told: Mapping[str, Names] = {}
        """The changes of the last turn, asked about once more: the directory may have answered from a copy that was
        behind its own delta.
        """
        self._one_at_a_time = asyncio.Lock()

    async def turn(self) -> None:
        """Does not raise for a tenant's failure."""
        if self._clock() >= self._due:
            # A person's edit, asked about meanwhile, does not wait behind names that were answered hours ago.
            with going_at(Priority.BACKGROUND if self._context.observed.matches else Priority.NORMAL):
                await self._everybody()
        else:
            async with self._one_at_a_time:
                await self._changed()

    async def news(self) -> None:
        """About what is new in the list or went unanswered, before its turn; when nobody was asked about yet, as about
        everybody. A turn under way is not waited for: it may wait long for a tenant that has nothing to do with it.
        """
        if self._context.observed.matches:
            self._note_asked(await resolve_news(self._context))
        else:
            await self._everybody()

    async def ask(self, names: frozenset[str]) -> None:
        """About these names, at once."""
        self._note_asked(await resolve_users(self._context, names))

    async def _everybody(self) -> None:
        async with self._one_at_a_time:
            began, marks = self._clock(), await self._reader.begin()
            self._asked = {}
            self._note_asked(await resolve_users(self._context))
            self._reader.take(marks)
            self._told = {}
            self._due = began + self._every

    async def _changed(self) -> None:
        context, observed = self._context, self._context.observed
        news = await self._reader.read(self._asked)
        changed = {id_: _together(self._told.get(id_, {}), names) for id_, names in news.changed.items()}
        missed = await renew_people(context, changed)
        observed.forget_people(news.untold)
        whole = news.untold | news.silent
        asked_in_vain = observed.unanswered.keys() | observed.unexplained.keys()
        names = self._touched(changed.values()) | self._of(whole) | asked_in_vain
        if names:
            self._note_asked(await resolve_users(context, names))
        elif news.untold:
            await ask_people(context)
        self._reader.take(news.marks, but=missed)
        silent = self._told.keys() - news.changed.keys() - news.untold
        self._told = {**{id_: self._told[id_] for id_ in silent}, **news.changed}
        told = sum(map(len, news.changed.values()))
        _log.info("users_followed", changed=told, names_asked=len(names), tenants_asked_whole=len(whole))

    def _touched(self, changed: Iterable[Names]) -> frozenset[str]:
        together = {id_: names for users in changed for id_, names in users.items()}
        if not together:
            return frozenset()
        return names_touched(together, self._context.observed.matches, self._context.observed.rows.values())

    def _of(self, tenant_ids: Iterable[str]) -> frozenset[str]:
        """The names of the list that these tenants were asked about."""
        asked = frozenset[str]().union(*(self._asked.get(id_, frozenset()) for id_ in tenant_ids))
        return asked & self._context.observed.names() if asked else asked

    def _note_asked(self, resolved: Resolved | None) -> None:
        if resolved is not None:
            self._asked = {
                id_: self._asked.get(id_, frozenset()) | resolved.answers.get(id_, {}).keys()
                for id_ in self._context.edges.tenants
            }


def _together(earlier: Names, later: Names) -> Names:
    return {id_: earlier.get(id_, frozenset()) | later.get(id_, frozenset()) for id_ in earlier.keys() | later.keys()}
