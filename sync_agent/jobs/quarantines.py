"""Which tenants' absences are not believed, from one question to the next and from one process to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from sync_agent.jobs.history import History
from sync_agent.jobs.observed import Observed
from sync_agent.microsoft365.directory import Directory
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.model import CouldNotAsk, Match
from sync_agent.quarantine import Quarantine, Sight, judged, known_users, sight, unbelieved

_log = structlog.get_logger()


@dataclass(slots=True)
class Quarantines:
    """Where no history is kept, a release by another command is not heard of."""

    history: History
    list_title: str
    least: float
    """safety.min_known_users, of 1."""
    clock: Callable[[], datetime]
    standing: dict[str, Quarantine] = field(default_factory=dict)
    """By tenant id."""
    _is_read: bool = False

    async def refresh(self) -> None:
        """Hear of what an earlier process left, and of releases since."""
        nothing: dict[str, Quarantine] | None = None
        kept = await self.history.told(lambda store: store.quarantines(self.list_title), nothing)
        if kept is None:
            return
        if not self._is_read:
            self.standing, self._is_read = {**kept, **self.standing}, True
        for tenant_id, one in kept.items():
            if one.released is not None and tenant_id in self.standing:
                self.standing[tenant_id] = one

    @property
    def to_keep(self) -> dict[str, Quarantine] | None:
        """None where it is not known what an earlier process left."""
        return dict(self.standing) if self._is_read else None

    def is_released(self, tenant_id: str) -> bool:
        standing = self.standing.get(tenant_id)
        return standing is not None and standing.released is not None

    async def weigh(
        self, observed: Observed, directory: Directory, tenant_id: str, account: str, answers: Mapping[str, Match]
    ) -> Mapping[str, Match]:
        """The answers of a tenant as far as they are believed. ``account``: the first of the tenant's."""
        seen_so_far = tuple(observed.rows.values()), dict(observed.matches), dict(observed.before)
        known = await asyncio.to_thread(known_users, *seen_so_far, observed.tenant_of)  # a tenth of a second of work
        users = known.get(tenant_id, {})
        seen = sight(users, answers, {**observed.matches, **observed.unanswered})
        explained = frozenset[str]()
        if seen.gone and (tenant_id in self.standing or seen.is_doubtful(self.least)):
            explained = await _seen_by_id(directory, {name: users[name] for name in seen.gone})
            seen = seen.without(explained)
        before = self.standing.get(tenant_id)
        now = judged(tenant_id, before, seen, answers, self.least, self.clock())
        self._note(tenant_id, account, before, now)
        if now is None or now.released is not None:
            return answers
        return {
            name: _releasable(answer, account)
            for name, answer in unbelieved(answers, explained, _reason(account, now, seen), self.clock()).items()
        }

    def _note(self, tenant_id: str, account: str, before: Quarantine | None, now: Quarantine | None) -> None:
        if now is not None:
            self.standing[tenant_id] = now
        elif before is not None:
            del self.standing[tenant_id]
            _log.info("tenant_believed_again", tenant=tenant_id, account=account)
        if now is not None and now.released is None and (before is None or before.released is not None):
            todo = f"until they come back, or somebody says that it is so: sync-agent account release {account}"
            _log.error("tenant_under_quarantine", account=account, known=now.known, gone=now.gone, what_to_do=todo)


async def _seen_by_id(directory: Directory, users: Mapping[str, str]) -> frozenset[str]:
    """Names of users who are there by another name: that explains an absence."""
    asked = {id_.lower(): name for name, id_ in users.items() if _is_guid(id_)}
    if not asked:
        return frozenset()
    try:
        there = await directory.changes.users(asked)
    except ServiceError:
        return frozenset()
    return frozenset(asked[user.id.lower()] for user in there if user.id.lower() in asked)


def _is_guid(id_: str) -> bool:
    try:
        UUID(id_)
    except ValueError:
        return False
    return True


def _reason(account: str, now: Quarantine, seen: Sight) -> str:
    return (
        f"account {account} knew {now.known:,} of the list's users before and no longer knows {len(seen.gone):,} of "
        "them; that is not believed until they come back"
    )


def _releasable(answer: Match, account: str) -> Match:
    if not isinstance(answer, CouldNotAsk) or not answer.not_believed:
        return answer
    said = f"{answer.reason}. If it is so, run: sync-agent account release {account}"
    return CouldNotAsk(said, answer.at, not_believed=True)
