"""The jobs of one service: what there is to run."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import cast

import structlog

from sync_agent.freshness import Promise, Told
from sync_agent.fuses import Held
from sync_agent.jobs.follow_users import FollowUsers
from sync_agent.jobs.measure_capacity import PART_FOR_ANOMALIES
from sync_agent.jobs.notify import Notifier, troubles
from sync_agent.jobs.poll_presence import follow_presence
from sync_agent.jobs.report import write_report
from sync_agent.jobs.share_budgets import ShareBudgets
from sync_agent.jobs.sign_ins import SignIns
from sync_agent.jobs.spent_of_day import EVERY
from sync_agent.jobs.watch_freshness import LOOKS_EVERY, WatchFreshness
from sync_agent.jobs.write_back import WriteBack
from sync_agent.lease import RENEWALS
from sync_agent.microsoft365.anomaly_list import WRITE_UNITS
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.outcome import Writes
from sync_agent.plan import Plan
from sync_agent.scheduler.events import set_before
from sync_agent.scheduler.guard import Guard, Job
from sync_agent.scheduler.looks import ListLooks
from sync_agent.scheduler.standing import Standing, tell_held
from sync_agent.scheduler.writes import NAME as WRITE_BACK
from sync_agent.scheduler.writes import WriteTurns
from sync_agent.service import Service
from sync_agent.state.freshness_kept import FreshnessRecord
from sync_agent.state.store import StateUnavailable
from sync_agent.web.metrics import Watched
from sync_agent.web.push import pushed
from sync_agent.wiring import wired_push

_log = structlog.get_logger()

_BETWEEN_FAULTS = 10.0
_LONG_JOBS = ("mirror_anomalies", "poll_presence", "follow_push", WRITE_BACK, "watch_freshness")
"""Which go on until the service stops."""
_JOBS = ("read_list", "apply_fixes", "resolve_users", *_LONG_JOBS, "hold_lease", "foresee", "report")


class Jobs:
    """The jobs of one service, made safe to run for months: each reports its failures and leaves the others alone."""

    def __init__(self, service: Service, stop: asyncio.Event) -> None:
        self._service = service
        self._context = service.context
        self._stop = stop
        times = service.settings.schedule
        self.guard = Guard()
        self.standing = Standing()
        self.users = FollowUsers(self._context, times.resolve_users, times.resolve_everybody)
        self.looks = ListLooks(service, self.standing, self.users)
        self.writes = WriteTurns(service, self.standing, self.guard, stop)
        self._fixes_held: Held | None = None
        self._budgets = ShareBudgets(service.store, service.context.budgets, service.day)
        self._notifier = Notifier(service.settings)
        promise = Promise(service.settings.presence.target_age)
        self._watch = WatchFreshness(service.context, times.presence, promise)
        self._sign_ins = SignIns(service.accounts)
        self._asked: frozenset[str] = frozenset()
        """The sign-ins that people were asked for at the last look."""
        self._judged = asyncio.Event()
        """The list was looked at, and what came of it may be mirrored."""
        self._push = wired_push(service.settings, service.transport, service.accounts, service.context)
        self._under_way: set[asyncio.Task[None]] = set()

    async def tracked(self, job: Job) -> None:
        """Run a job so that a stop can wait for it. APScheduler cannot: it cancels, and reports that as an error."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        task.set_name(job.__name__)
        self._under_way.add(task)
        try:
            await job()
        except asyncio.CancelledError:
            _log.warning("job_cut_off", job=job.__name__)
        finally:
            self._under_way.discard(task)

    async def wind_down(self, grace: float) -> None:
        """Give what is under way ``grace`` seconds to end, cut off what does not, and save what is known."""
        if self._under_way:
            _, late = await asyncio.wait(set(self._under_way), timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._budgets.leave()
        if self._context.observed.rows and self._context.may_write():
            last = WriteBack(Writes(), Plan(), self.standing.held)
            await self._service.save(await self._service.outcome(self._context.clock(), 0.0, last))

    def watched(self) -> Watched:
        """What /metrics tells."""
        return Watched(
            context=self._context,
            freshness=self._watch.latest,
            target_missed=self._watch.promise.missed,
            held=self.standing.held,
            jobs=_JOBS,
            failing=frozenset(self.guard.failing),
            failures=self.guard.failures,
            written=self.writes.ever,
            requests=self._service.transport.requests,
            accounts=self._service.account_states(),
            push=self._push,
        )

    def ailments(self) -> list[str]:
        """Why this service is not well. What ails Microsoft, the network or the settings is not among it."""
        working = {task.get_name() for task in self._under_way}
        ended = [f"{job} has ended" for job in _LONG_JOBS if job not in working]
        return ended + self.guard.broken() + self.writes.hanging()

    async def read_list(self) -> None:
        await self.guard.turn("read_list", self.looks.turn)
        if self.standing.held is None and "read_list" not in self.guard.failing and self._context.may_write():
            await self.guard.turn("apply_fixes", self._apply_fixes)
            self._judged.set()

    async def mirror_anomalies(self) -> None:
        """After each turn of read_list that let the rows pass; never in its way: it may wait for units for long."""
        while await set_before(self._judged, self._stop):
            self._judged.clear()
            await self.guard.turn("mirror_anomalies", self._mirror_anomalies)

    async def hold_lease(self) -> None:
        if length := self._service.settings.safety.lease:
            await self._loop(length / RENEWALS, "hold_lease", self._service.lease.turn)

    async def share_budgets(self) -> None:
        await self._loop(EVERY, "share_budgets", self._budgets.turn)

    async def resolve_users(self) -> None:
        if self._context.observed.rows:
            await self.guard.turn("resolve_users", self.users.turn)

    async def follow_push(self) -> None:
        """Ends when the service does."""
        await self._loop(_BETWEEN_FAULTS, "follow_push", self._follow_push)

    async def poll_presence(self) -> None:
        await self._loop(self._service.settings.schedule.presence, "poll_presence", self._poll_presence)

    async def write_back(self) -> None:
        await self.writes.run()

    async def watch_freshness(self) -> None:
        await self._loop(LOOKS_EVERY, "watch_freshness", self._watch_freshness)

    async def report(self) -> None:
        await self.guard.turn("report", self._report)

    async def _apply_fixes(self) -> None:
        """What a fixed row shows is then written with everything else, once its new user's presence is read."""
        fixing = await self._service.apply_fixes(ask=self.users.ask, stop=self._stop)
        if fixing is None:
            return
        before, self._fixes_held = self._fixes_held, fixing.held
        if fixing.held is not None and (before is None or before.checksum != fixing.held.checksum):
            tell_held(fixing.held)
        if fixing.done or fixing.conflicts:
            await self.users.news()
        if fixing.error is not None:
            raise ServiceError(fixing.error)

    async def _mirror_anomalies(self) -> None:
        """As many items as take a small part of the budget until the next turn: the Agent list comes first."""
        settings = self._service.settings
        units = settings.pacing.sharepoint_units_per_minute * settings.pacing.share / 60 * settings.schedule.read_list
        most = max(1, int(units * PART_FOR_ANOMALIES / WRITE_UNITS))
        mirrored = await self._service.mirror_anomalies(most=most, stop=self._stop)
        if mirrored is not None and mirrored.error is not None:
            raise ServiceError(mirrored.error)

    async def _watch_freshness(self) -> None:
        """An alarm goes out at once; that it is over is in the log, and in no digest any more."""
        failing = self.guard.failing
        unreachable = next((failing[job] for job in ("read_list", WRITE_BACK) if job in failing), "")
        waits = [f"account {id_} waits for a person's sign-in" for id_, a in self._service.accounts.items() if a.prompt]
        told = await self._watch.look(self.standing.held, unreachable, "; ".join(waits))
        store, title = self._service.store, self._service.settings.sharepoint.agent_list
        if store is not None and self._context.may_write() and (found := self._watch.to_keep()) is not None:
            record = FreshnessRecord(self._context.clock(), found)
            with suppress(StateUnavailable):  # told by whoever keeps the history
                await asyncio.to_thread(store.keep_freshness, title, record)
        asked = frozenset(self._sign_ins.troubles())
        news, self._asked = told is Told.MISSED or bool(asked - self._asked), asked
        for id_ in self._sign_ins.signed_in():
            self._notifier.over(id_)
        if news and store is not None and self._context.may_write():
            await self._notifier.tell(store, "`sync-agent report`", self._troubles())

    def _troubles(self) -> dict[str, str]:
        late = {"presence.target_age": self._watch.trouble} if self._watch.trouble else {}
        ends = {each.name: each.sentence for each in self._service.foresight.warned}
        ends |= self._sign_ins.troubles()
        ends |= {f"notice {id_}": a.notice for id_, a in self._service.accounts.items() if a.notice}
        return {**troubles(self._service.account_states(), self.standing.held, self._fixes_held), **late, **ends}

    async def foresee(self) -> None:
        await self.guard.turn("foresee", self._foresee)

    async def _foresee(self) -> None:
        await self._service.foresight.look(keep=self._context.may_write())

    async def _report(self) -> None:
        """Write the report, then tell people of what is new in it."""
        store = self._service.store
        if store is None or not self._context.may_write():
            return
        path = await asyncio.to_thread(write_report, store, self._service.report_folder, self._context.clock())
        where = "`sync-agent report`" if path is None else f"the report {path.name}"
        await self._notifier.tell(store, where, self._troubles())

    async def _follow_push(self) -> None:
        if self._push is not None and (settings := self._service.settings.presence.push) is not None:
            await pushed(self._push, settings, self._stop)
        await self._stop.wait()

    async def _poll_presence(self) -> None:
        """Ends when the service does, or by a fault of our own."""
        await follow_presence(self._context, self._service.settings.schedule.presence, self._stop)

    async def _loop(self, interval: float, name: str, turn: Job) -> None:
        """Turns at a steady pace by the clock; a turn that takes longer than the interval delays the next, never
        overlaps it.
        """
        due = time.monotonic()
        while not self._stop.is_set():
            await self.guard.turn(name, turn)
            due = max(due + interval, time.monotonic())
            try:
                await asyncio.wait_for(self._stop.wait(), due - time.monotonic())
            except TimeoutError:
                continue
