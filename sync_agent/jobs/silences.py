"""Whose answers stay away, and since when: of names, and of users whose presence cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sync_agent.model import CouldNotAsk, Match, Row
from sync_agent.staleness import Answered, Silence
from sync_agent.upn import examine


@dataclass(slots=True)
class Silences:
    unanswered: dict[str, CouldNotAsk] = field(default_factory=dict)
    """Names whose latest question failed, to be asked again before their turn."""
    unanswered_since: dict[str, datetime] = field(default_factory=dict)
    """By name: when its question failed for the first time since it was answered."""
    answered: dict[str, Answered] = field(default_factory=dict)
    """By tenant id, also by earlier processes."""
    unread: dict[str, Silence] = field(default_factory=dict)
    """By user id: since when their presence could not be read."""
    _stale: frozenset[str] = frozenset()
    """Ids of users whose presence could not be read for too long."""

    def heard(self, name: str, match: Match) -> bool:
        """What came of the question about a name; whether its silence begins, goes on, or is over."""
        if isinstance(match, CouldNotAsk):
            self.unanswered[name] = match
            self.unanswered_since.setdefault(name, match.at)
            return True
        self.unanswered_since.pop(name, None)
        return self.unanswered.pop(name, None) is not None

    def put_answered(self, tenant_id: str, at: datetime) -> None:
        """The tenant answered about some name at least."""
        self.answered[tenant_id] = replace(self._answered(tenant_id), names=at)

    def put_unread(
        self,
        failed: Collection[str],
        answered: Mapping[str, datetime],
        at: datetime,
        patience: timedelta,
        watched: Mapping[str, Iterable[str]],
    ) -> frozenset[str]:
        """Whose presence could not be read when it was last asked for, and when each tenant last told anybody's;
        ``watched``: users by tenant id. Gives the ids of users of whom it has been so for too long now, or is over.
        """
        for tenant_id, when in answered.items():
            self.answered[tenant_id] = replace(self._answered(tenant_id), presence=when)
        if not failed and not self.unread:
            return frozenset()
        tenant_of = {id_: tenant_id for tenant_id, users in watched.items() for id_ in users if id_ in failed}
        before, self.unread = self.unread, {}
        for user_id in failed:
            known = before.get(user_id)
            last = self._answered(tenant_of.get(user_id, "")).presence or at
            self.unread[user_id] = Silence(last if known is None else known.since)
        stale = frozenset(id_ for id_, silence in self.unread.items() if silence.lasts(patience, at))
        changed, self._stale = stale ^ self._stale, stale
        return changed

    def of(self, row: Row, tenants: Iterable[str]) -> Silence | None:
        """Since when it is not answered whose the row's name is; None: it was, or nobody can be asked about it.
        ``tenants``: ids of those who may be meant, last heard of when any of them was.
        """
        if not self.unanswered:
            return None
        name = examine(row.upn).name
        failure = None if name is None else self.unanswered.get(name)
        if name is None or failure is None:
            return None
        first = self.unanswered_since.get(name, failure.at)
        known = [at for id_ in tenants if (at := self._answered(id_).names) is not None]
        return Silence(min(first, max(known, default=first)), failure.not_believed)

    def forget(self, name: str) -> None:
        self.unanswered.pop(name, None)
        self.unanswered_since.pop(name, None)

    def _answered(self, tenant_id: str) -> Answered:
        return self.answered.get(tenant_id, Answered())
