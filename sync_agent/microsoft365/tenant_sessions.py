"""The accounts of one tenant, used as one: who answers for which user, whose turn it is, who is passed over."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from sync_agent.microsoft365.errors import Refused, ServiceError, SignInFailed, Throttled
from sync_agent.microsoft365.graph import Graph, Page, Part, PartAnswer
from sync_agent.microsoft365.user_records import UserRecord

_log = structlog.get_logger()

T = TypeVar("T")

_LEFT_OUT = timedelta(minutes=1)
"""How long an account that may not do what was asked, or cannot sign in, is passed over where others can."""
_MOST_PAGES = 20
"""Of the answer to one question that names whom it is about. Some of them may be empty."""


class TooManyPages(ServiceError):
    pass


class TenantSessions:
    """``sessions``: by account id, at least one."""

    def __init__(self, tenant_id: str, sessions: Mapping[str, Graph], clock: Callable[[], datetime]) -> None:
        self.tenant_id = tenant_id
        self._sessions = dict(sessions)
        self._clock = clock
        self._left_out: dict[str, datetime] = {}
        self._turn = 0

    @property
    def several(self) -> bool:
        return len(self._sessions) > 1

    @property
    def rate(self) -> float:
        """Units a second that the accounts which can be asked now may spend in the long run.

        Two accounts of one app share its budget.
        """
        budgets = {id(budget): budget for budget in (self._sessions[id_].budget for id_ in self._able())}
        return sum(budget.rate for budget in budgets.values())

    def closed_for(self) -> float:
        """Seconds until some account may ask again, where the service throttles all; else 0."""
        return min(self._sessions[id_].budget.closed_for() for id_ in self._able())

    def account_for(self, user_id: str) -> str:
        """The account that answers for a user: the highest hash (rendezvous), so that each account that comes or goes
        moves its own share of the users only.
        """
        if not self.several:  # 20,000 hashes are a while
            return next(iter(self._sessions))
        return max(
            self._sessions,
            key=lambda account: hashlib.sha256(f"{account} {user_id}".encode("utf-8", "replace")).digest(),
        )

    async def ready(self) -> None:
        """Sign all accounts in, so that what follows is dealt over those that can. Raises when none can."""
        if not self.several:
            await next(iter(self._sessions.values())).tokens.token()
            return
        outcomes = await asyncio.gather(*(self._signed_in(account) for account in self._sessions))
        failures = [outcome for outcome in outcomes if outcome is not None]
        if len(failures) == len(outcomes):
            raise failures[0]

    async def ask(self, question: Callable[[Graph], Awaitable[T]], *, may_be_forbidden: bool = False) -> T:
        """Ask by the account whose turn it is, or by another where the trouble is that account's own.

        Raises the first account's ServiceError when none could. With ``may_be_forbidden`` an account that lacks the
        permission is as good as any other for all other questions.
        """
        first: ServiceError | None = None
        for account in self._in_turn():
            try:
                answer = await question(self._sessions[account])
            except ServiceError as failure:
                first = first or failure
                if not _accounts_own(failure):
                    break
                if not (may_be_forbidden and isinstance(failure, Refused)):
                    self._leave_out(account, failure)
            else:
                self._left_out.pop(account, None)
                return answer
        assert first is not None
        raise first

    async def batch(self, parts: Sequence[Part]) -> list[PartAnswer]:
        """The answers to one batch's parts, in their order; every part has one, a failure at worst."""
        try:
            return await self.ask(lambda graph: _batch(graph, parts))
        except ServiceError as failure:
            return [PartAnswer(0, failure=failure) for _ in parts]

    async def users(
        self, answer: PartAnswer, *, headers: Mapping[str, str] | None = None, most_pages: int = _MOST_PAGES
    ) -> list[UserRecord]:
        """The users of a part's answer, to its last page: an empty page with a link to the next is no end.

        ``headers``: those of the part; what follows needs them too. Raises ServiceError, TooManyPages among them.
        """
        first = answer.json(Page[UserRecord])
        link = first.next_link
        if not link:
            return first.value

        async def read(graph: Graph) -> list[UserRecord]:
            users, pages = list(first.value), 1
            async for page in graph.pages(link, UserRecord, headers=headers):
                users += page
                pages += 1
                if pages > most_pages:
                    raise TooManyPages(f"more than {most_pages} pages of users ({len(users):,}) answer to one question")
            return users

        return await self.ask(read)

    async def _signed_in(self, account: str) -> ServiceError | None:
        try:
            await self._sessions[account].tokens.token()
        except ServiceError as failure:
            self._leave_out(account, failure)
            return failure
        return None

    def _in_turn(self) -> list[str]:
        """All accounts, starting with the next of those that can; the others come last, for when no other can."""
        able = self._able()
        start = self._turn % len(able)
        self._turn += 1
        return able[start:] + able[:start] + [account for account in self._sessions if account not in able]

    def _able(self) -> list[str]:
        """The accounts that are neither passed over nor throttled; where there are none, all that are not passed over,
        or all.
        """
        now = self._clock()
        allowed = [id_ for id_ in self._sessions if self._left_out.get(id_, now) <= now] or list(self._sessions)
        return [id_ for id_ in allowed if not self._sessions[id_].budget.closed_for()] or allowed

    def _leave_out(self, account: str, failure: ServiceError) -> None:
        if not self.several or isinstance(failure, Throttled):
            return
        if account not in self._left_out:
            _log.warning("account_passed_over", account=account, tenant=self.tenant_id, reason=failure.reason)
        self._left_out[account] = self._clock() + _LEFT_OUT


async def _batch(graph: Graph, parts: Sequence[Part]) -> list[PartAnswer]:
    answers = await graph.batch(parts)
    failures = [answer.failure for answer in answers if answer.failure is not None]
    if len(failures) == len(parts) and failures and all(map(_accounts_own, failures)):
        raise failures[0]
    return answers


def _accounts_own(failure: ServiceError) -> bool:
    """Whether another account of the tenant may fare better: each has its own consent, sign-in and limits."""
    return isinstance(failure, SignInFailed | Throttled) or (
        isinstance(failure, Refused) and failure.status in {401, 403}
    )
