"""Who the UPNs of the list are, asked of one tenant. Every name gets an answer: found, absent, or could not ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

import msgspec
import structlog

from sync_agent.microsoft365.absence import Evidence, evidence
from sync_agent.microsoft365.errors import Garbled, Refused, ServiceError, SignInFailed
from sync_agent.microsoft365.graph import Graph, Page
from sync_agent.microsoft365.name_lookup import LookedUp, NameLookup, askable
from sync_agent.microsoft365.odata import address
from sync_agent.microsoft365.people_search import CameUp, search
from sync_agent.microsoft365.tenant_sessions import TenantSessions
from sync_agent.microsoft365.user_changes import UserChanges
from sync_agent.microsoft365.user_records import UserRecord
from sync_agent.model import Absent, CouldNotAsk, Found, Questions

_log = structlog.get_logger()

NEVER_BELIEVED = 10
"""From this many names on, a tenant that knows none of them is not believed, whatever else it shows."""
_ORGANIZATION = address("/organization", {"$select": "id,displayName,verifiedDomains"})
_ANYBODY = address("/users", {"$top": "1", "$select": "id"})
_MAY_READ_USERS = "Give the app the permission User.Read.All with admin consent."

_NO_SUCH_TENANT = frozenset({90002, 900023})

Answer = Found | Absent | CouldNotAsk


class _Domain(msgspec.Struct):
    name: str


class _Organization(msgspec.Struct):
    name: str | None = msgspec.field(default=None, name="displayName")
    domains: list[_Domain] = msgspec.field(default_factory=list, name="verifiedDomains")


class _Id(msgspec.Struct):
    id: str


class Directory:
    """One tenant, asked through one or several accounts of it. ``sessions``: by account id."""

    def __init__(self, tenant_id: str, sessions: Mapping[str, Graph], clock: Callable[[], datetime]) -> None:
        self.display_name = tenant_id
        """The organisation's name once ``domains`` was answered."""
        self._sessions = TenantSessions(tenant_id, sessions, clock)
        self.changes = UserChanges(self._sessions)
        self._clock = clock
        self._everybody: list[UserRecord] | None = None
        """All users, between a resolve that read the whole directory and the questions that follow it."""

    def account_for(self, user_id: str) -> str:
        """The account that answers for a user of this tenant: a stable division of the users over the accounts."""
        return self._sessions.account_for(user_id)

    async def domains(self) -> frozenset[str] | CouldNotAsk | None:
        """The tenant's verified domains, in lower case; None where its apps may not read them.

        That takes Organization.Read.All (organization-list), which nothing else here needs: whoever grants less has the
        domains found by the public look-up.
        """
        try:
            await self._sessions.ready()
            page = await self._sessions.ask(
                lambda graph: graph.get(_ORGANIZATION, Page[_Organization]), may_be_forbidden=True
            )
            if not page.value:
                raise Garbled(f"tenant {self.display_name} did not tell its domains")
        except ServiceError as failure:
            nobody_there = isinstance(failure, SignInFailed) and failure.aadsts in _NO_SUCH_TENANT
            return None if _is_forbidden(failure) else CouldNotAsk(failure.reason, self._clock(), nobody_there)
        organization = page.value[0]
        self.display_name = organization.name or self.display_name
        return frozenset(domain.name.lower() for domain in organization.domains)

    async def resolve(
        self,
        names: Collection[str],
        progress: Callable[[int], None],
        *,
        known: Collection[str] = (),
        believed: bool = False,
    ) -> dict[str, Answer]:
        """An answer for each of ``names`` (UPNs in lower case). ``progress`` is told how many were answered.

        ``known``: names that matched in an earlier pass. Where none of all names is found, they are what tells that the
        tenant cannot be believed, unless somebody said that it can (``believed``).
        """
        names = frozenset(names)
        if not names:
            return {}
        try:
            await self._sessions.ready()
        except ServiceError as failure:
            progress(len(names))
            return dict.fromkeys(names, CouldNotAsk(failure.reason, self._clock()))
        lookup = await NameLookup(self._sessions, progress).find(names)
        self._everybody = lookup.everybody
        absent = names - lookup.users.keys() - lookup.failed.keys()
        found = await evidence(self._sessions, set(filter(askable, absent)), lookup.aliases)
        doubtful = absent and not lookup.users and not believed
        doubt = await self._doubt(len(absent), bool(absent & frozenset(known))) if doubtful else None
        answers = await asyncio.to_thread(self._answers, names, lookup, found)
        return answers if doubt is None else {name: _doubted(answer, doubt) for name, answer in answers.items()}

    async def came_up(self, questions: Questions) -> CameUp:
        """Who may answer the questions. Right after a resolve that read the whole directory this takes no request."""
        everybody, self._everybody = self._everybody, None
        if not questions:
            return CameUp()
        if everybody is not None:
            return CameUp(await asyncio.to_thread(lambda: tuple(record.user() for record in everybody)))
        return await search(self._sessions, questions)

    async def addresses(self, user_id: str) -> frozenset[str] | CouldNotAsk:
        """Every mail and sip address of a user, in lower case: the names that lead to them as an alias."""
        question = address(f"/users/{user_id}", {"$select": "id,mail,proxyAddresses,otherMails"})
        try:
            return (await self._sessions.ask(lambda graph: graph.get(question, UserRecord))).addresses
        except ServiceError as failure:
            return CouldNotAsk(failure.reason, self._clock())

    def _answers(self, names: Collection[str], lookup: LookedUp, found: Evidence) -> dict[str, Answer]:
        return {name: self._answer(name, lookup, found) for name in names}

    def _answer(self, name: str, lookup: LookedUp, found: Evidence) -> Answer:
        if (record := lookup.users.get(name)) is not None:
            user = record.user(name)
            return Found(user, self.account_for(user.id))
        failure = lookup.failed.get(name) or found.failed.get(name)
        if failure is not None:
            return CouldNotAsk(_told(failure), self._clock())
        return self._absent(name, found)

    def _absent(self, name: str, found: Evidence) -> Absent:
        deleted_at, alias_of = found.deleted.get(name), found.aliases.get(name)
        failure = found.unexplained.get(name)
        unexplained = "" if failure is None else _told(failure)
        return Absent(self.account_for(alias_of.id if alias_of else name), deleted_at, alias_of, unexplained)

    async def _doubt(self, absent: int, known_gone: bool) -> CouldNotAsk | None:
        """Why a tenant that knows none of so many names is not believed, or None: a lost permission looks like that."""
        if absent < NEVER_BELIEVED and not known_gone and await self._shows_anybody():
            return None
        agents = "the one agent" if absent == 1 else f"any of the {absent:,} agents"
        reason = (
            f"tenant {self.display_name} does not know {agents} asked for; that is not believed: "
            "check that the app may still read users (User.Read.All), and that tenant_id is the right one"
        )
        _log.warning("tenant_not_believed", tenant=self._sessions.tenant_id, names=absent)
        return CouldNotAsk(reason, self._clock(), not_believed=True)

    async def _shows_anybody(self) -> bool:
        try:
            return bool((await self._sessions.ask(lambda graph: graph.get(_ANYBODY, Page[_Id]))).value)
        except ServiceError:
            return False


def _told(failure: ServiceError) -> str:
    return f"{failure.reason}. {_MAY_READ_USERS}" if _is_forbidden(failure) else failure.reason


def _is_forbidden(failure: ServiceError) -> bool:
    return isinstance(failure, Refused) and failure.status == 403


def _doubted(answer: Answer, doubt: CouldNotAsk) -> Answer:
    """A name of which the tenant knows something else is believed: it could be read."""
    plain = isinstance(answer, Absent) and answer.deleted_at is None and answer.alias_of is None
    return doubt if plain else answer
