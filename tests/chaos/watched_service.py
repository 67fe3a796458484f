"""The service at work in a contact centre, watched: after whatever it does, what must hold is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal, TypeVar, get_args

from sync_agent.fuses import Held
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.microsoft365.agent_list import ListProblem
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.pacing import Timing
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.outcome import Outcome
from sync_agent.progress import Silent
from sync_agent.scheduler import Guard, Job, Jobs
from sync_agent.service import Service, open_service
from sync_agent.state.store import StateUnavailable
from tests.chaos.centre import Centre
from tests.chaos.invariants import all_is_shown, no_harm, shown

T = TypeVar("T")
Work = Literal["pass", "list", "users", "presence"]
"""A whole pass, or the turn of a job of `run`."""
WORK = get_args(Work)

_ANY_ANSWER, _BESIDE_SILENCE = 30.0, 0.3
"""Seconds of real time in which an answer must come; and while some never do."""
_LATER = 3_600.0
"""Seconds: longer than anything is waited for, or remembered as refused."""
_NEXT_DAY = timedelta(days=1)
_EVERYBODY = 22_000.0
"""Seconds: longer than `schedule.resolve_everybody`, which heals what is told in no other way."""
_FEW_PLACES = 6
_MOST_QUESTIONS = 4
"""To an operator: that users are gone, that many rows worsen by it, that rows are gone."""


class ExposedGuard(Guard):
    """What is no failure of the world's is not only logged."""

    def __init__(self) -> None:
        super().__init__()
        self.met: list[Exception] = []

    async def turn(self, name: str, turn: Job) -> None:
        try:
            await turn()
        except (ServiceError, ListProblem, StateUnavailable) as failure:
            self.met.append(failure)


class ExposedJobs(Jobs):
    def __init__(self, service: Service) -> None:
        super().__init__(service, asyncio.Event())
        self.guard = self.writes._guard = self.exposed = ExposedGuard()

    def go_by(self, clock: Callable[[], float]) -> None:
        self.users._clock, self.users._due = clock, clock()

    def everything_is_due(self) -> None:
        """But asking about everybody: whose users changed is told."""
        self.looks.read_whole()

    async def look_and_list(self) -> None:
        """A turn of read_list, and of the job that waits for it."""
        await self.read_list()
        if self._judged.is_set():
            self._judged.clear()
            await self.guard.turn("mirror_anomalies", self._mirror_anomalies)

    async def sweep_and_write(self) -> None:
        await self.guard.turn("poll_presence", partial(poll_presence, self._context))
        await self._some_turns_side_by_side()
        await self.guard.turn("write_back", self.writes.turn)

    async def _some_turns_side_by_side(self) -> None:
        """Of a few rows each."""
        places, self.writes._places = self.writes._places, _FEW_PLACES
        async with asyncio.TaskGroup() as turns:
            for _ in range(3):
                await self.writes._begin(turns, quick=False)
        self.writes._places = places


class WatchedService:
    """``off``: how far its clock is off. Its waiting moves the centre's clock."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self.off = timedelta()
        self._held: Held | None = None
        self._by_jobs = False
        self._runner = asyncio.Runner()
        self._opened = AsyncExitStack()
        self.start()

    def start(self) -> None:
        ticking = self.centre.contoso.clock
        timing = Timing(ticking, ticking.sleep)
        opening = open_service(self.centre.settings(), progress=Silent(), clock=self._clock, timing=timing)
        self._service = self._run(self._opened.enter_async_context(opening))
        self._service.transport._retrying = Retrying(attempts=2)
        self._jobs = ExposedJobs(self._service)
        self._jobs.go_by(ticking)

    def stop(self) -> None:
        self._run(self._opened.aclose())

    def aclose(self) -> None:
        self.stop()
        self._runner.close()

    def work(self, what: Work) -> None:
        self._by_jobs = what != "pass"
        match what:
            case "pass":
                self._sync()
            case "list":
                self._turn(self._jobs.look_and_list)
            case "users":
                self._turn(self._jobs.resolve_users)
            case "presence":
                self._turn(self._jobs.sweep_and_write)

    def heals(self) -> None:
        """However it went: once nothing fails any more, two rounds of whatever ran last are enough, and all is true."""
        healthy = self._healthy_turns if self._by_jobs else self._healthy_pass
        if self.awaits_an_operator:  # a look lifts what holds no longer; until then nothing is written
            self._later()
            healthy()
        for _ in range(_MOST_QUESTIONS):
            self._two_rounds_and_a_third(healthy)
            if not self.awaits_an_operator:
                break
            self.operator_agrees()
        assert not self.awaits_an_operator, "an operator is asked again and again"
        all_is_shown(self.centre)
        before = self.centre.revisions()
        self.stop()
        self.start()
        self._healthy_pass()
        assert self.centre.revisions() == before, "a fresh service writes"

    def _two_rounds_and_a_third(self, healthy: Callable[[], None]) -> None:
        for _ in range(2):
            self._later()
            healthy()
        before = self.centre.revisions()
        healthy()
        assert self.centre.revisions() == before, "a third round writes"

    @property
    def awaits_an_operator(self) -> bool:
        return self._held is not None or bool(self._unbelieved())

    def operator_agrees(self) -> None:
        """As `account release` and `sync --approve` do."""
        for tenant_id in self._unbelieved():
            assert self._service.store is not None
            self.centre.released |= self._service.store.release("Agents", tenant_id, self._clock())
        if self._held is not None:
            self._sync(self._held.checksum)

    def _unbelieved(self) -> list[str]:
        return [id_ for id_, one in self._service.context.quarantines.standing.items() if one.released is None]

    def _healthy_pass(self) -> None:
        outcome = self._sync()
        assert outcome is not None and outcome.error is None, "nothing fails, and yet the pass did"

    def _healthy_turns(self) -> None:
        self._jobs.exposed.met.clear()
        self._jobs.everything_is_due()
        for turn in (self._jobs.look_and_list, self._jobs.resolve_users, self._jobs.sweep_and_write):
            self._turn(turn)
        assert self._jobs.exposed.met == [], "nothing fails, and yet a job did"

    def _sync(self, approved: str | None = None) -> Outcome | None:
        """None: an operator would be told to mend the settings."""
        self._begins()
        before, doubted = shown(self.centre), self.centre.must_be_doubted()
        try:
            outcome = self._run(self._service.sync(approved=approved))
        except ListProblem:
            outcome = None
        no_harm(self.centre, before, doubted)
        self._held = None if outcome is None else outcome.held
        if outcome is not None and outcome.error is None:
            self.centre.approvals_are_seen()
        if outcome is not None:
            assert outcome.verdicts.keys() == outcome.rows.keys()
            whole = set(outcome.rows) == set(self.centre.cells)
            assert outcome.error or self.centre.is_lied_to or whole, "a half-read list is the list"
        return outcome

    def _turn(self, turn: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._begins()
        before, doubted = shown(self.centre), set[int]()
        if turn == self._jobs.resolve_users:  # a reading of the list asks about a few alone
            doubted = self.centre.must_be_doubted()
        self._run(turn())
        self._held = self._jobs.standing.held
        observed = self._service.context.observed
        assert observed.verdicts.keys() == observed.rows.keys()
        no_harm(self.centre, before, doubted)

    def _begins(self) -> None:
        self.centre.touched.clear()
        silent = self.centre.some_answers_never_come
        self._service.transport._extensions["timeout"]["read"] = _BESIDE_SILENCE if silent else _ANY_ANSWER

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def _clock(self) -> datetime:
        return datetime.now(UTC) + self.off

    def _later(self) -> None:
        self.centre.contoso.clock.now += _EVERYBODY if self.centre.was_kept_from_it else _LATER
        self.off += _NEXT_DAY
