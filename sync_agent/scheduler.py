"""`sync-agent run`: the jobs at their intervals, all day, until told to stop.

Read_list, resolve_users and report are interval and cron jobs. Presence and write-back are one long job each, a paced
loop inside: APScheduler cannot say "the next as soon as this one ends", and a tick of half a second overlapping itself
would only fill the log. So is the list of anomalies, which follows read_list.
The list is read whole at first and at every ``schedule.read_whole_list``; at the turns of
``schedule.read_list`` between, what changed in it is followed, where the service tells that. Nothing a tenant or the
list does ends a job: what failed is tried again at the next turn.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from sync_agent.freshness import Promise, Told
from sync_agent.fuses import Held
from sync_agent.jobs.backlog_told import BacklogTold
from sync_agent.jobs.follow_users import FollowUsers
from sync_agent.jobs.measure_capacity import PART_FOR_ANOMALIES
from sync_agent.jobs.notify import Notifier, troubles
from sync_agent.jobs.poll_presence import follow_presence
from sync_agent.jobs.read_list import follow_list, read_list
from sync_agent.jobs.report import write_report
from sync_agent.jobs.share_budgets import ShareBudgets
from sync_agent.jobs.spent_of_day import EVERY
from sync_agent.jobs.watch_freshness import LOOKS_EVERY, WatchFreshness
from sync_agent.jobs.write_back import WriteBack, not_held, take_due, write_back
from sync_agent.lease import RENEWALS
from sync_agent.list_pause import ListPause
from sync_agent.microsoft365.agent_list import ListProblem
from sync_agent.microsoft365.anomaly_list import WRITE_UNITS
from sync_agent.microsoft365.errors import ServiceError, SignInPending
from sync_agent.outcome import Writes
from sync_agent.plan import Plan
from sync_agent.service import Service
from sync_agent.state.freshness_kept import FreshnessRecord
from sync_agent.state.store import StateUnavailable
from sync_agent.web.metrics import Watched
from sync_agent.web.pages import pages
from sync_agent.web.push import pushed
from sync_agent.web.server import serving
from sync_agent.wiring import wired_push

_log = structlog.get_logger()

_GRACE = 6.0
"""Seconds that writes under way get to end after a stop; with what follows, an exit takes less than ten."""
_A_TURN = 400
"""Rows written before the rest is planned anew: enough to fill every place on the wire, few enough that what waits is
planned on fresh presence.
"""

_TOGETHER = 0.1
"""Seconds for which news is gathered: what one answer tells is written together."""

_BETWEEN_FAULTS = 10.0

_BROKEN = 60.0
"""Seconds for which a service whose job broke counts as not well; it is tried again all the time."""
_LONG_JOBS = ("mirror_anomalies", "poll_presence", "follow_push", "write_back", "watch_freshness")
"""Which go on until the service stops."""
_JOBS = ("read_list", "apply_fixes", "resolve_users", *_LONG_JOBS, "hold_lease", "foresee", "report")

Job = Callable[[], Coroutine[Any, Any, object]]


class Jobs:
    """The jobs of one service, made safe to run for months: each reports its failures and leaves the others alone."""

    def __init__(self, service: Service, stop: asyncio.Event, settle: Callable[[], None] = lambda: None) -> None:
        """``settle``: called when the list was just read and everybody asked about, every few hours."""
        self._service = service
        self._settle = settle
        self._settle_due = 0.0
        self._context = service.context
        self._stop = stop
        times = service.settings.schedule
        self._users = FollowUsers(self._context, times.resolve_users, times.resolve_everybody)
        self._known_rows: int | None = None
        """Of the last pass that no fuse held."""
        self._held: Held | None = None
        self._fixes_held: Held | None = None
        self._budgets = ShareBudgets(service.store, service.context.budgets, service.day)
        self._notifier = Notifier(service.settings)
        promise = Promise(service.settings.presence.target_age)
        self._watch = WatchFreshness(service.context, times.presence, promise)
        self._backlog_told = BacklogTold()
        self._judged = asyncio.Event()
        """The list was looked at, and what came of it may be mirrored."""
        self._push = wired_push(service.settings, service.transport, service.accounts, service.context)
        self._rows_wait = False
        """Whether more rows could have been written, but for the budget."""
        self._pause = ListPause()
        self._written: Counter[str] = Counter()
        """Rows since the list was last looked at."""
        self._whole_due = 0.0
        """When the whole list is to be read again, by the monotonic clock."""
        self._failing: dict[str, str] = {}
        self._failures: Counter[str] = Counter()
        """Of each job, turns since the start."""
        self._broke: dict[str, tuple[float, str]] = {}
        """By job: when a fault of our own last ended a turn of it, and which."""
        self._ever_written: Counter[str] = Counter()
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
            last = WriteBack(Writes(), Plan(), self._held)
            await self._service.save(self._service.outcome(self._context.clock(), 0.0, last))

    def watched(self) -> Watched:
        """What /metrics tells."""
        return Watched(
            context=self._context,
            freshness=self._watch.latest,
            target_missed=self._watch.promise.missed,
            held=self._held,
            jobs=_JOBS,
            failing=frozenset(self._failing),
            failures=self._failures,
            written=self._ever_written,
            requests=self._service.transport.requests,
            accounts=self._service.account_states(),
            push=self._push,
        )

    def ailments(self) -> list[str]:
        """Why this service is not well. What ails Microsoft, the network or the settings is not among it."""
        working = {task.get_name() for task in self._under_way}
        now, ended = time.monotonic(), [job for job in _LONG_JOBS if job not in working]
        broke = {job: why for job, (at, why) in self._broke.items() if now - at < _BROKEN}
        said = [f"{job} has ended" for job in ended]
        return said + [f"{job} broke: {why}; see the log" for job, why in broke.items()]

    async def read_list(self) -> None:
        await self._guarded("read_list", self._read_list)
        if self._held is None and "read_list" not in self._failing and self._context.may_write():
            await self._guarded("apply_fixes", self._apply_fixes)
            self._judged.set()

    async def mirror_anomalies(self) -> None:
        """After each turn of read_list that let the rows pass; never in its way: it may wait for units for long."""
        while await _set_before(self._judged, self._stop):
            self._judged.clear()
            await self._guarded("mirror_anomalies", self._mirror_anomalies)

    async def hold_lease(self) -> None:
        if length := self._service.settings.safety.lease:
            await self._loop(length / RENEWALS, "hold_lease", self._service.lease.turn)

    async def share_budgets(self) -> None:
        await self._loop(EVERY, "share_budgets", self._budgets.turn)

    async def resolve_users(self) -> None:
        if self._context.observed.rows:
            await self._guarded("resolve_users", self._users.turn)

    async def follow_push(self) -> None:
        """Ends when the service does."""
        await self._loop(_BETWEEN_FAULTS, "follow_push", self._follow_push)

    async def poll_presence(self) -> None:
        await self._loop(self._service.settings.schedule.presence, "poll_presence", self._poll_presence)

    async def write_back(self) -> None:
        """A turn whenever there is news; at every ``schedule.write_back`` what waits for room or for its time."""
        interval, news = self._service.settings.schedule.write_back, self._context.observed.news
        quick = False
        while not self._stop.is_set():
            news.clear()
            await self._guarded("write_back", partial(self._write_back, quick=quick))
            self._backlog_told.look(self._context)
            pause = interval if self._rows_wait else _TOGETHER
            quick = await self._news_within(min(pause, interval), interval)

    async def watch_freshness(self) -> None:
        await self._loop(LOOKS_EVERY, "watch_freshness", self._watch_freshness)

    async def report(self) -> None:
        await self._guarded("report", self._report)

    async def _read_list(self) -> None:
        """Look at the list, whole or at what changed in it, and judge what comes of it; nothing is written here."""
        started, clock = self._context.clock(), time.perf_counter()
        followed = await self._followed()
        planned = await (self._planned() if followed else self._planned_on_the_whole())
        if followed and planned.held is not None:  # before a person is asked, nothing that was missed may be in it
            planned = await self._planned_on_the_whole()
        await self._service.note_approvals()
        self._note_held(planned.held)
        if planned.held is None:
            self._known_rows = len(self._context.observed.rows)
        rows, to_write = len(self._context.observed.rows), planned.writes.planned
        _log.info("list_followed" if followed else "list_read", rows=rows, to_write=to_write, **self._written)
        self._written.clear()
        if self._context.may_write():  # else it is in the history of the service that does
            await self._service.save(self._service.outcome(started, time.perf_counter() - clock, planned))

    def _may_follow(self) -> bool:
        """A held plan is judged on the whole list each time: its checksum is what `sync --approve` finds there."""
        return self._held is None and time.monotonic() < self._whole_due

    async def _followed(self) -> bool:
        if not self._may_follow():
            return False
        followed = await follow_list(self._context)
        if not followed:  # the log is read on from here: what it told is lost unless the whole list is read
            self._whole_due = 0.0
        return followed

    async def _planned_on_the_whole(self) -> WriteBack:
        began, times = time.monotonic(), self._service.settings.schedule
        await self._service.open_list()
        if self._known_rows is None or self._held is not None:
            # A held plan may have been approved meanwhile, by `sync --approve` in another process.
            self._known_rows = await self._service.known_rows()
        await read_list(self._context, follow=True)
        # Half a turn early, for turns are never quite punctual.
        self._whole_due = began + times.read_whole_list - times.read_list / 2
        planned = await self._planned()
        if began >= self._settle_due:
            self._settle_due = began + times.resolve_everybody
            self._settle()
        return planned

    async def _planned(self) -> WriteBack:
        """Ask at once about whatever nobody was asked about yet, or could not be asked; then plan."""
        await self._users.news()
        return await write_back(self._context, dry_run=True, known_rows=self._known_rows)

    async def _apply_fixes(self) -> None:
        """What a fixed row shows is then written with everything else, once its new user's presence is read."""
        fixing = await self._service.apply_fixes(ask=self._users.ask, stop=self._stop)
        if fixing is None:
            return
        before, self._fixes_held = self._fixes_held, fixing.held
        if fixing.held is not None and (before is None or before.checksum != fixing.held.checksum):
            _tell_held(fixing.held)
        if fixing.done or fixing.conflicts:
            await self._users.news()
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
        unreachable = next((self._failing[job] for job in ("read_list", "write_back") if job in self._failing), "")
        waits = [f"account {id_} waits for a person's sign-in" for id_, a in self._service.accounts.items() if a.prompt]
        told = self._watch.look(self._held, unreachable, "; ".join(waits))
        store, title = self._service.store, self._service.settings.sharepoint.agent_list
        if store is not None and self._context.may_write() and (found := self._watch.to_keep()) is not None:
            record = FreshnessRecord(self._context.clock(), found)
            with suppress(StateUnavailable):  # told by whoever keeps the history
                await asyncio.to_thread(store.keep_freshness, title, record)
        if told is Told.MISSED and store is not None and self._context.may_write():
            await self._notifier.tell(store, "`sync-agent report`", self._troubles())

    def _troubles(self) -> dict[str, str]:
        late = {"presence.target_age": self._watch.trouble} if self._watch.trouble else {}
        ends = {each.name: each.sentence for each in self._service.foresight.warned}
        return {**troubles(self._service.account_states(), self._held, self._fixes_held), **late, **ends}

    async def foresee(self) -> None:
        await self._guarded("foresee", self._foresee)

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

    async def _news_within(self, least: float, most: float) -> bool:
        """Wait so many seconds at least; then whether there was news before the ``most``, or a stop."""
        if await _set_within(least, self._stop):
            return True
        return await _set_within(most - least, self._context.observed.news, self._stop)

    async def _write_back(self, *, quick: bool = False) -> None:
        """What a fuse holds is looked at again when the list is: planning it each second would hold up all else."""
        self._rows_wait = False
        now, pause = self._context.clock().timestamp(), self._pause
        if pause.is_over(now):
            self._context.observed.backlog.hurry()
        take_due(self._context)
        if not self._context.may_write() or not not_held(self._context, self._held):
            return
        most = pause.most(_A_TURN, now)
        result = await write_back(
            self._context, known_rows=self._known_rows, leave=self._held, most=most, quick=quick, stop=self._stop
        )
        writes = result.writes
        pause.heard(writes.done + writes.conflicts, writes.failed, self._context.clock().timestamp())
        self._rows_wait = result.left > 0 or result.writes.failed > 0
        if result.held is not None:
            self._note_held(result.held.and_before(self._held))
        self._written.update(written=result.writes.done, failed=result.writes.failed)
        self._ever_written.update(written=result.writes.done, failed=result.writes.failed)
        if result.error is not None:
            raise ServiceError(result.error)
        if result.held is None:
            self._known_rows = len(self._context.observed.rows)

    def _note_held(self, held: Held | None) -> None:
        before, self._held = self._held, held
        if held is not None and (before is None or before.checksum != held.checksum):
            _tell_held(held)
        elif held is None and before is not None:
            _log.info("no_longer_held", fuse=before.fuse)

    async def _loop(self, interval: float, name: str, turn: Job) -> None:
        """Turns at a steady pace by the clock; a turn that takes longer than the interval delays the next, never
        overlaps it.
        """
        due = time.monotonic()
        while not self._stop.is_set():
            await self._guarded(name, turn)
            due = max(due + interval, time.monotonic())
            try:
                await asyncio.wait_for(self._stop.wait(), due - time.monotonic())
            except TimeoutError:
                continue

    async def _guarded(self, name: str, turn: Job) -> None:
        """Log what keeps a job from its work once per reason, and that it works again."""
        try:
            await turn()
        except SignInPending:
            self._failing[name] = "waits for a person"  # who was asked already
            self._failures[name] += 1
        except (ServiceError, ListProblem, StateUnavailable) as failure:
            self._failures[name] += 1
            if self._failing.get(name) != str(failure):
                self._failing[name] = str(failure)
                said = failure.told if isinstance(failure, ServiceError) else str(failure)
                _log.error("job_failed", job=name, reason=said, effect="tried again at its next turn")
        except Exception as fault:
            self._failures[name] += 1
            self._broke[name] = (time.monotonic(), _named(fault))
            _log.exception("job_broke", job=name, effect="tried again at its next turn; please report this")
        else:
            if self._failing.pop(name, None):
                _log.info("job_recovered", job=name)


async def _set_before(wanted: asyncio.Event, end: asyncio.Event) -> bool:
    """Wait for one of them; whether to go on."""
    waits = [asyncio.ensure_future(event.wait()) for event in (wanted, end)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    return not end.is_set()


async def _set_within(seconds: float, *events: asyncio.Event) -> bool:
    """Whether one of the events is set before so many seconds have passed."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    done, waiting = await asyncio.wait(waits, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
    return bool(done)


def _named(fault: Exception) -> str:
    """The kind of fault alone: what it says may hold what is nobody's business on an open page."""
    while isinstance(fault, ExceptionGroup):
        fault = fault.exceptions[0]
    return type(fault).__name__


def _tell_held(held: Held) -> None:
    todo = {"what_to_do": held.todo} if held.todo else {}
    _log.error("held", fuse=held.fuse, rows=held.rows, of=held.of, cause=held.cause, **todo)


async def run(service: Service, stop: asyncio.Event, settle: Callable[[], None] = lambda: None) -> None:
    """Run until ``stop`` is set, then end the writes under way and save the state. ``settle``: as `Jobs` has it."""
    jobs = Jobs(service, stop, settle)
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    _schedule(scheduler, service, jobs)
    await service.lease.begin()
    scheduler.start()
    _log.info("started", list=service.settings.sharepoint.agent_list, accounts=list(service.accounts))
    async with serving(service.settings.web.listen, pages(jobs.watched, jobs.ailments)):
        await stop.wait()
    _log.info("stopping")
    scheduler.pause()
    await jobs.wind_down(_GRACE)
    await service.lease.give_up()
    scheduler.shutdown(wait=False)
    _log.info("stopped")


def _schedule(scheduler: AsyncIOScheduler, service: Service, jobs: Jobs) -> None:
    """The first reading of the list is at once and asks about all its names; resolve_users then follows in its turn."""
    times = service.settings.schedule
    now = datetime.now(UTC)
    table: list[tuple[Job, object]] = [
        (jobs.read_list, IntervalTrigger(seconds=times.read_list, timezone=UTC)),
        (jobs.resolve_users, IntervalTrigger(seconds=times.resolve_users, timezone=UTC)),
        (jobs.poll_presence, DateTrigger(now, timezone=UTC)),
        (jobs.follow_push, DateTrigger(now, timezone=UTC)),
        (jobs.mirror_anomalies, DateTrigger(now, timezone=UTC)),
        (jobs.write_back, DateTrigger(now, timezone=UTC)),
        (jobs.hold_lease, DateTrigger(now, timezone=UTC)),
        (jobs.share_budgets, DateTrigger(now, timezone=UTC)),
        (jobs.watch_freshness, DateTrigger(now, timezone=UTC)),
        (jobs.foresee, IntervalTrigger(days=1, start_date=now, timezone=UTC)),
        (jobs.report, CronTrigger.from_crontab(times.report, timezone=UTC)),
    ]
    for job, trigger in table:
        scheduler.add_job(jobs.tracked, trigger, args=(job,), id=job.__name__, replace_existing=True)
    scheduler.modify_job(jobs.read_list.__name__, next_run_time=now)
