"""One Agent list with everything that keeps it right, from its opening to its end.

Data flows: settings → accounts and transport → agent list, directories, presence (the edges, see wiring) → read_list →
resolve_users → poll_presence → write_back (a pass of them, see jobs/whole_pass) → outcome → state.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from sync_agent.explanation.facts import Facts
from sync_agent.explanation.past import row_past
from sync_agent.jobs.apply_fixes import Ask, apply_fixes
from sync_agent.jobs.approvals import note_approvals
from sync_agent.jobs.context import Context
from sync_agent.jobs.explain_row import explain_row
from sync_agent.jobs.foresee import Foresight
from sync_agent.jobs.history import History
from sync_agent.jobs.hold_lease import HoldLease
from sync_agent.jobs.mirror_anomalies import mirror_anomalies
from sync_agent.jobs.plan_rows import verdicts_of
from sync_agent.jobs.spent_of_day import SpentOfDay
from sync_agent.jobs.undo import Undone, undo
from sync_agent.jobs.whole_pass import WholePass
from sync_agent.jobs.write_back import WriteBack
from sync_agent.microsoft365.accounts import Account, Announce, open_accounts
from sync_agent.microsoft365.agent_list import ListProblem
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.pacing import REAL_TIME, Priority, Timing, going_at
from sync_agent.microsoft365.recording import recording
from sync_agent.microsoft365.transport import Transport
from sync_agent.outcome import AccountState, Fixing, Mirrored, Outcome, Writes
from sync_agent.plan import Plan
from sync_agent.progress import Progress
from sync_agent.settings import Settings
from sync_agent.staleness import Answered
from sync_agent.state.records import RunKind
from sync_agent.state.store import StateUnavailable, Store
from sync_agent.wiring import directory_session, list_name, open_store, wired

_log = structlog.get_logger()

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
    day: SpentOfDay
    foresight: Foresight

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
        if not dry_run and (writer := await self.lease.held_by_another()):
            _log.warning("another_service_writes", service=writer, effect=_BY_HAND)
        made = WholePass(self.context, self.store, self.history, self.settings.sharepoint.agent_list)
        try:
            async with self.day.told_meanwhile():
                await self.open_list()
                await made.make(dry_run=dry_run, approved=approved)
        except ServiceError as failure:
            made.error = failure.told
        await self.foresight.look(keep=not dry_run)
        outcome = await self.outcome(started, time.perf_counter() - clock, made.back, made.error, made.fixing)
        outcome = replace(outcome, freshness=made.freshness)
        if made.back is None or dry_run:
            return outcome
        await self.save(outcome)
        if made.back.held or made.back.error:
            return outcome
        mirrored = await made.mirrored()
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
            Store.look(self.settings.state.database)  # raises why, where there is one that could not be opened
            raise StateUnavailable("There is no journal yet: `sync-agent sync` and `sync-agent run` keep it.")
        await self.open_list()
        if why := await self.context.edges.agent_list.unwritable():
            raise ListProblem(f"Nothing can be written: {why}.")
        return await undo(self.context, self.store, self.settings.sharepoint.agent_list, wanted, dry_run=dry_run)

    async def note_approvals(self) -> None:
        """Beside which UPN each was first seen, whatever comes of the pass; without it no fix is written."""
        with suppress(StateUnavailable):  # told when the pass is saved
            await note_approvals(self.context, self.store, self.settings.sharepoint.agent_list)

    async def apply_fixes(self, *, ask: Ask, stop: asyncio.Event | None = None) -> Fixing | None:
        """None where the settings allow none. Raises ServiceError, ListProblem."""
        return await apply_fixes(self.context, self.store, self.settings.sharepoint.agent_list, ask=ask, stop=stop)

    async def mirror_anomalies(self, *, most: int | None = None, stop: asyncio.Event | None = None) -> Mirrored | None:
        """None where the settings name no list of anomalies. Raises ServiceError, ListProblem."""
        title = self.settings.sharepoint.agent_list
        return await mirror_anomalies(self.context, self.store, title, most=most, stop=stop)

    async def outcome(
        self,
        started: datetime,
        seconds: float,
        back: WriteBack | None,
        error: str | None = None,
        fixing: Fixing | None = None,
    ) -> Outcome:
        """What is observed now, as the result of a pass."""
        observed = self.context.observed
        rows = dict(observed.rows)
        verdicts = await verdicts_of(self.context, rows)
        users = Counter(verdict.account for verdict in verdicts.values() if verdict.user is not None)
        return Outcome(
            started=started,
            seconds=seconds,
            list_title=self.settings.sharepoint.agent_list,
            rows=rows,
            verdicts=verdicts,
            writes=Writes() if back is None else back.writes,
            accounts={
                id_: AccountState(users[id_], state, self.foresight.ends_of(id_), self.accounts[id_].notice)
                for id_, state in self.account_states().items()
            },
            held=None if back is None else back.held,
            plan=Plan() if back is None else back.plan,
            refusals={id_: reason for id_, reason in observed.refusals.items() if id_ in rows},
            requests=dict(self.transport.requests),
            error=error,
            fixing=fixing,
        )

    async def save(self, outcome: Outcome) -> None:
        """Put a pass into the history; a database that cannot be used costs history, not service."""
        await self.history.save(outcome, self.context.quarantines.to_keep, self.context.observed.answered)

    async def known_rows(self) -> int | None:
        """How many rows the list had in the last pass that was not held, of this run or an earlier one."""
        return await self.history.known_rows(self.settings.sharepoint.agent_list)

    async def _remember(self) -> None:
        """Of earlier runs: by whom rows were matched, which tells a user who was renamed from a cell that was edited;
        how old what is shown is; and what was spent of limits of 24 hours.
        """
        await self.day.remember()
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
    async with aclosing(Transport(ca_bundles=bundles, proxy=settings.proxy, sleep=timing.sleep)) as transport:
        accounts = open_accounts(settings, transport, announce, clock=timing.clock, sleep=timing.sleep)
        store = open_store(settings, read_only=read_only)
        history = History(store)
        lease = HoldLease(store, list_name(settings), settings.safety.lease)
        context = wired(settings, transport, accounts, progress, clock, timing, history, store)
        context = replace(context, may_write=lease.may_write)
        day = SpentOfDay(None if read_only else store, context.budgets, timing.clock, clock)
        sessions = {id_: directory_session(account, transport) for id_, account in accounts.items()}
        foresight = Foresight(accounts, sessions, history, settings.sharepoint.agent_list, clock)
        try:
            yield Service(settings, transport, accounts, context, store, history, lease, day, foresight)
        finally:
            await context.writers.end()
            await day.end()
            await context.edges.presence.aclose()
            for account in accounts.values():
                await account.aclose()
            if store is not None:
                store.close()
