"""Look ahead: when the credentials that accounts sign in with end, told 30, 14 and 3 days before, and once it is over.

Each of those is logged once, whoever looks: what was said is kept in the history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from sync_agent.expiry import CredentialEnd, Warned, warned
from sync_agent.jobs.history import History
from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.credential_ends import credential_ends
from sync_agent.microsoft365.graph import Graph

_log = structlog.get_logger()


class Foresight:
    """``sessions``: of each account, by its id, what Graph is asked through."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        sessions: Mapping[str, Graph],
        history: History,
        list_title: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.ends: tuple[CredentialEnd, ...] = ()
        """As of the last look."""
        self._accounts = accounts
        self._sessions = sessions
        self._history = history
        self._list_title = list_title
        self._clock = clock
        self._told: frozenset[str] = frozenset()

    @property
    def warned(self) -> list[Warned]:
        return warned(self.ends, self._clock())

    def ends_of(self, account: str) -> tuple[CredentialEnd, ...]:
        return tuple(end for end in self.ends if end.account == account)

    async def look(self, *, keep: bool = True) -> None:
        """``keep``: whether what was found and said goes into the history."""
        found = await asyncio.gather(*(credential_ends(a, self._sessions[id_]) for id_, a in self._accounts.items()))
        self.ends = tuple(end for ends in found for end in ends)
        title, ends, near = self._list_title, self.ends, self.warned
        nothing: frozenset[str] = frozenset()
        told = self._told | await self._history.told(lambda store: store.told_of_credentials(title), nothing)
        for each in near:
            if each.name not in told:
                _log.warning("credential_ends", account=each.end.account, days=each.days, reason=each.sentence)
        self._told = names = frozenset(each.name for each in near)
        if keep:
            await self._history.told(lambda store: store.keep_credentials(title, ends, names), None)
