"""Wires the settings to the edges and the edges to the jobs, and makes one whole pass of them.

Data flows: settings → accounts and transport → agent list, directories, presence (the edges) → read_list →
resolve_users → poll_presence → write_back → outcome → state.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from sync_agent.backlog import Backlog
from sync_agent.explanation.facts import Facts
from sync_agent.explanation.past import row_past
from sync_agent.flapping import Flapping
from sync_agent.fuses import Safety
from sync_agent.jobs.apply_fixes import Ask, apply_fixes
from sync_agent.jobs.approvals import note_approvals
from sync_agent.jobs.context import Context, Edges, Tenant
from sync_agent.jobs.domain_owners import DomainOwners
from sync_agent.jobs.explain_row import explain_row
from sync_agent.jobs.history import History
from sync_agent.jobs.hold_lease import HoldLease
from sync_agent.jobs.mirror_anomalies import mirror_anomalies
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.other_writers import OtherWriters
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.quarantines import Quarantines
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_news, resolve_users
from sync_agent.jobs.undo import Undone, undo
from sync_agent.jobs.write_back import WriteBack, not_held, verdict_of, write_back
from sync_agent.jobs.write_journal import WriteJournal
from sync_agent.judging import Rules
from sync_agent.microsoft365.accounts import Account, Announce, open_accounts
from sync_agent.microsoft365.agent_list import ListProblem, agent_list, sharepoint_budget
from sync_agent.microsoft365.anomaly_list import anomaly_list
from sync_agent.microsoft365.directory import Directory
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.pacing import REAL_TIME, Budget, Priority, Timing, going_at
from sync_agent.microsoft365.presence import PresenceReader
from sync_agent.microsoft365.recording import recording
from sync_agent.microsoft365.tenant_names import TenantNames
from sync_agent.microsoft365.tenant_of_domain import owner_of
from sync_agent.microsoft365.transport import Transport
from sync_agent.outcome import AccountState, Fixing, Mirrored, Outcome, Writes
from sync_agent.plan import Plan
from sync_agent.progress import Progress
from sync_agent.settings import Auto, Settings
from sync_agent.staleness import Answered, Patience
from sync_agent.state.records import RunKind
from sync_agent.state.store import StateUnavailable, Store

_log = structlog.get_logger()

_MORE_TURNS = 2
_BY_HAND = "this pass was asked for, and writes beside it what differs"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Service:
    """One Agent list with everything that keeps it right, opened by ``open_service``."""

    settings: Settings
    transport: Transport
    accounts: Mapping[str, Account]
    context: Context
    store: Store | None
    history: History
    lease: HoldLease

    async def open_list(self) -> None:
        """Find the list and our columns in it. Raises ListProblem (ColumnsMissing too) or ServiceError."""
        with going_at(Priority.URGENT):
            await self.context.edges.agent_list.open()
            await self.context.edges.agent_list.unwritable()  # told by a fuse, unless the list was never made ready
        if not self.context.observed.rows:
            await self._remember()

    @property
    def report_folder(self) -> Path:
        return self.settings.state.reports

    async def sync(self, *, dry_run: bool = False, approved: str | None = None) -> Outcome:
        """One pass, every job in turn. Raises ListProblem; a list that could not be read or written is told in the
        outcome.
        """
        started, clock = self.context.clock(), time.perf_counter()
        self.context.journal.begin(RunKind.SYNC)
        self.context.writers.keeps = not dry_run
        back, fixing, error = None, None, None
        if not dry_run and (writer := await self.lease.held_by_another()):
            _log.warning("another_service_writes", service=writer, effect=_BY_HAND)
        try:
            await self.open_list()
            await read_list(self.context)
            if not dry_run:
                await self.note_approvals()
            await resolve_users(self.context)
            await poll_presence(self.context)
            known_rows = await self.known_rows()
            if approved is not None and self.context.writers.is_about(approved):
                await self.context.writers.accept(self.context.observed.rows)
                approved = None
            approved_plan = None if await self._is_for_fixes(approved) else approved
            back = await self._write_back(dry_run=dry_run, approved=approved_plan, known_rows=known_rows)
            if approved_plan is not None and back.held is None:
                known_rows = None
            fixing = await self._fixed(back, dry_run=dry_run, approved=approved, known_rows=known_rows)
            error = back.error
        except ServiceError as failure:
            error = failure.told
        outcome = self.outcome(started, time.perf_counter() - clock, back, error, fixing)
        if back is None or dry_run:
            return outcome
        await self.save(outcome)
        if back.held or back.error:
            return outcome
        mirrored = await self._mirrored()
        seconds, requests = time.perf_counter() - clock, dict(self.transport.requests)
        return replace(outcome, mirrored=mirrored, seconds=seconds, requests=requests)

    async def explain(self, wanted: str) -> Facts:
        """Find out live why one row has its verdict, writing nothing. Raises NoSuchRow, ListProblem, ServiceError."""
        self.context.writers.keeps = False
        with recording() as opening:
            await self.open_list()
        if self.context.safety.approved_fixes:
            title = self.settings.sharepoint.agent_list
            self.context.observed.approvals = await self.history.told(lambda store: store.approvals(title), {})
        facts = await explain_row(self.context, wanted, opening.requests)
        title, row_id, now = self.settings.sharepoint.agent_list, facts.row.id, self.context.clock()
        known = await self.history.told(lambda store: row_past(store, title, row_id, now), None)
        return replace(facts, past=None if facts.assumed else known)

    async def undo(self, wanted: int | datetime | None = None, *, dry_run: bool = False) -> Undone:
        """Take back what a run wrote, by its number, or all since a time (UTC); None: what the last run wrote. Raises
        NoSuchRun, NothingWritten, StateUnavailable, ServiceError, ListProblem.
        """
        if self.store is None:
            raise StateUnavailable("There is no journal yet: `sync-agent sync` and `sync-agent run` keep it.")
        await self.open_list()
        if why := await self.context.edges.agent_list.unwritable():
            raise ListProblem(f"Nothing can be written: {why}.")
        return await undo(self.context, self.store, self.settings.sharepoint.agent_list, wanted, dry_run=dry_run)

    async def _fixed(
        self, back: WriteBack, *, dry_run: bool, approved: str | None, known_rows: int | None
    ) -> Fixing | None:
        """Approved fixes, and then what comes of them in the list, within the same pass."""
        if back.held or back.error:
            return None
        try:
            fixing = await self.apply_fixes(dry_run=dry_run, approved=approved)
        except (ServiceError, ListProblem) as failure:
            return Fixing(error=failure.told if isinstance(failure, ServiceError) else str(failure))
        if fixing is not None and (fixing.done or fixing.conflicts):
            await resolve_news(self.context)
            await poll_presence(self.context)
            another = await self._write_back(dry_run=False, approved=None, known_rows=known_rows)
            back.writes.planned += another.writes.planned
            back.add(another)
        return fixing

    async def _is_for_fixes(self, approved: str | None) -> bool:
        """Whether a person lets fixes through, and not a plan."""
        if approved is None:
            return False
        fixing = await self.apply_fixes(dry_run=True)
        return fixing is not None and fixing.held is not None and fixing.held.checksum == approved

    async def note_approvals(self) -> None:
        """Beside which UPN each was first seen, whatever comes of the pass; without it no fix is written."""
        if self.context.safety.approved_fixes:
            with suppress(StateUnavailable):  # told when the pass is saved
                await note_approvals(self.context.observed, self.store, self.settings.sharepoint.agent_list)

    async def apply_fixes(
        self,
        *,
        ask: Ask | None = None,
        dry_run: bool = False,
        approved: str | None = None,
        stop: asyncio.Event | None = None,
    ) -> Fixing | None:
        """None where the settings allow none. Raises ServiceError, ListProblem."""
        if not self.context.safety.approved_fixes:
            return None
        title = self.settings.sharepoint.agent_list
        return await apply_fixes(
            self.context, self.store, title, ask=ask, dry_run=dry_run, approved=approved, stop=stop
        )

    async def _mirrored(self) -> Mirrored | None:
        try:
            return await self.mirror_anomalies()
        except (ServiceError, ListProblem) as failure:
            return Mirrored(error=failure.told if isinstance(failure, ServiceError) else str(failure))

    async def mirror_anomalies(self, *, most: int | None = None, stop: asyncio.Event | None = None) -> Mirrored | None:
        """None where the settings name no list of anomalies. Raises ServiceError, ListProblem."""
        listed = self.context.edges.anomaly_list
        if listed is None:
            return None
        title = self.settings.sharepoint.agent_list
        return await mirror_anomalies(self.context, listed, self.store, title, most=most, stop=stop)

    async def _write_back(self, *, dry_run: bool, approved: str | None, known_rows: int | None) -> WriteBack:
        """In turns, for rows that a person changed meanwhile: a few, since somebody who types faster than we write is
        left to the next pass. Each turn is judged by the fuses, but that rows are gone is approved for the whole pass.
        """
        whole = await write_back(self.context, dry_run=dry_run, approved=approved, known_rows=known_rows)
        if approved is not None and whole.held is None:
            known_rows = None
        for _ in range(_MORE_TURNS):
            if dry_run or whole.error or not not_held(self.context, whole.held):
                break
            whole.add(await write_back(self.context, known_rows=known_rows, leave=whole.held))
        return whole

    def outcome(
        self,
        started: datetime,
        seconds: float,
        back: WriteBack | None,
        error: str | None = None,
        fixing: Fixing | None = None,
    ) -> Outcome:
        """What is observed now, as the result of a pass."""
        observed = self.context.observed
        verdicts = {row.id: verdict_of(self.context, row) for row in observed.rows.values()}
        users = Counter(verdict.account for verdict in verdicts.values() if verdict.user is not None)
        return Outcome(
            started=started,
            seconds=seconds,
            list_title=self.settings.sharepoint.agent_list,
            rows=observed.rows,
            verdicts=verdicts,
            writes=Writes() if back is None else back.writes,
            accounts={id_: AccountState(users[id_], state) for id_, state in self.account_states().items()},
            held=None if back is None else back.held,
            plan=Plan() if back is None else back.plan,
            refusals={id_: reason for id_, reason in observed.refusals.items() if id_ in observed.rows},
            requests=dict(self.transport.requests),
            error=error,
            fixing=fixing,
        )

    async def save(self, outcome: Outcome) -> None:
        """Put a pass into the history; a database that cannot be used costs history, not service."""
        await self.history.save(outcome, self.context.quarantines.to_keep, self.context.observed.answered)

    async def known_rows(self) -> int | None:
        """How many rows the list had in the last pass that was not held, of this run or an earlier one."""
        title = self.settings.sharepoint.agent_list
        return await self.history.told(lambda store: store.known_rows(title), None)

    async def _remember(self) -> None:
        """Of earlier runs: by whom rows were matched, which tells a user who was renamed from a cell that was edited;
        and how old what is shown is.
        """
        title = self.settings.sharepoint.agent_list
        nothing: dict[int, tuple[str, str]] = {}
        self.context.observed.before.update(await self.history.told(lambda store: store.last_matched(title), nothing))
        never: dict[str, Answered] = {}
        self.context.observed.answered.update(await self.history.told(lambda store: store.answered(title), never))
        none: dict[str, datetime] = {}
        failed = await self.history.told(lambda store: store.unanswered_since(title), none)
        self.context.observed.unanswered_since.update(failed)

    def account_states(self) -> dict[str, str]:
        """By account: "ok", or why it could not be asked."""
        return {id_: self._state(account) for id_, account in self.accounts.items()}

    def _state(self, account: Account) -> str:
        observed, tenant_id = self.context.observed, account.tenant_id
        return account.trouble or observed.trouble.get(tenant_id) or observed.presence_trouble.get(tenant_id) or "ok"


@asynccontextmanager
async def open_service(
    settings: Settings,
    *,
    progress: Progress,
    announce: Announce | None = None,
    clock: Callable[[], datetime] = utc_now,
    timing: Timing = REAL_TIME,
    read_only: bool = False,
) -> AsyncIterator[Service]:
    """Wire everything; nothing is asked of anybody yet. ``announce`` is told each device code; None: no sign-in.

    ``read_only``: the database is looked at where there is one, and neither made nor written.
    """
    bundles = sorted({bundle for cloud in settings.clouds.values() if (bundle := cloud.ca_bundle) is not None})
    transport = Transport(ca_bundles=bundles, proxy=settings.proxy, sleep=timing.sleep)
    accounts = open_accounts(settings, transport, announce, clock=timing.clock, sleep=timing.sleep)
    store = _open_store(settings, read_only=read_only)
    history = History(store)
    lease = HoldLease(store, _list_name(settings), settings.safety.lease)
    context = _context(settings, transport, accounts, progress, clock, timing, history, store)
    context = replace(context, may_write=lease.may_write)
    try:
        yield Service(settings, transport, accounts, context, store, history, lease)
    finally:
        await context.writers.end()
        await context.edges.presence.aclose()
        for account in accounts.values():
            await account.aclose()
        await transport.aclose()
        if store is not None:
            store.close()


def _list_name(settings: Settings) -> str:
    """That tells it from lists of the same title in other sites."""
    return f"{settings.sharepoint.site_url} {settings.sharepoint.agent_list}"


def _open_store(settings: Settings, *, read_only: bool) -> Store | None:
    url = settings.state.database
    if not read_only:
        return Store.for_service(url, timedelta(seconds=settings.state.keep))
    try:
        return Store.look(url)
    except StateUnavailable as failure:
        _log.warning("state_unavailable", reason=str(failure), effect="history is not looked at")
        return None


def _context(
    settings: Settings,
    transport: Transport,
    accounts: Mapping[str, Account],
    progress: Progress,
    clock: Callable[[], datetime],
    timing: Timing,
    history: History,
    store: Store | None,
) -> Context:
    by_tenant: defaultdict[str, list[Account]] = defaultdict(list)
    for account in accounts.values():
        by_tenant[account.tenant_id].append(account)
    site_account = accounts[settings.sharepoint.account]
    budget = sharepoint_budget(settings, timing)
    edges = Edges(
        agent_list=agent_list(settings, accounts, transport, budget),
        anomaly_list=anomaly_list(settings, accounts, transport, budget),
        sharepoint=budget,
        tenants={id_: _tenant(id_, group, settings, transport, clock) for id_, group in by_tenant.items()},
        presence=PresenceReader(
            {id_: {a.id: _graph(a, transport, "presence") for a in group} for id_, group in by_tenant.items()},
            clock,
            timing=timing,
            worst_age=settings.presence.worst_age if isinstance(settings.schedule.presence, Auto) else None,
        ),
        tenant_names=TenantNames(
            {
                a.id: _graph(a, transport, "directory")
                for a in accounts.values()
                if a.endpoints == site_account.endpoints
            },
            clock,
        ),
    )
    look_up = partial(owner_of, transport=transport, authority=site_account.endpoints.authority, clock=clock)
    return Context(
        edges=edges,
        safety=Safety(**settings.safety.model_dump(exclude={"min_known_users", "lease", "verdict_stale_after"})),
        progress=progress,
        clock=clock,
        unavailable_after=timedelta(seconds=settings.presence.unavailable_after),
        quarantines=Quarantines(history, settings.sharepoint.agent_list, settings.safety.min_known_users, clock),
        writers=OtherWriters(store, _list_name(settings), clock),
        journal=WriteJournal(store, settings.sharepoint.agent_list, clock),
        budgets=(budget, *_budgets(accounts.values())),
        owners=DomainOwners(look_up if settings.validation.domain_lookup else None, clock),
        patience=Patience(
            verdict=timedelta(seconds=settings.safety.verdict_stale_after),
            presence=timedelta(seconds=settings.presence.stale_after),
        ),
        observed=Observed(
            tenant_of={account.id: account.tenant_id for account in accounts.values()},
            rules=Rules(name_mismatch=settings.validation.name_mismatch),
            backlog=Backlog(Flapping(settings.presence.flap_damping)),
        ),
    )


def _budgets(accounts: Iterable[Account]) -> list[Budget]:
    """Each once: accounts of one app and tenant share theirs."""
    budgets = [each for account in accounts for each in (account.presence_budget, account.directory_budget)]
    return list(dict.fromkeys(budgets))


def _tenant(
    id_: str, accounts: list[Account], settings: Settings, transport: Transport, clock: Callable[[], datetime]
) -> Tenant:
    sessions = {account.id: _graph(account, transport, "directory") for account in accounts}
    given = [account.domains for account in settings.accounts if account.tenant_id == id_ and account.domains]
    return Tenant(
        id=id_,
        directory=Directory(id_, sessions, clock),
        accounts=tuple(sessions),
        configured_domains=frozenset(domain for domains in given for domain in domains) if given else None,
        people=lambda: {account.id: account.person for account in accounts if account.person is not None},
        canaries=frozenset(each.canary for each in settings.accounts if each.tenant_id == id_ and each.canary),
    )


def _graph(account: Account, transport: Transport, kind: str) -> Graph:
    budget = account.presence_budget if kind == "presence" else account.directory_budget
    graph = account.endpoints.graph
    return Graph(transport, account.tokens(graph), graph, budget, kind)
