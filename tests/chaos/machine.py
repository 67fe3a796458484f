"""The service under anything that may happen, in any order: Hypothesis looks for an order in which it does harm.

Real: the service with its jobs and its database, HTTPS, Entra, Graph and SharePoint as embedded. Waiting takes no time.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import structlog
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from sync_agent.microsoft365.agent_list import ListProblem
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.pacing import Timing
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.model import Change
from sync_agent.outcome import Outcome
from sync_agent.progress import Silent
from sync_agent.scheduler import Job, Jobs
from sync_agent.service import open_service
from sync_agent.simulator.failures import FAILURES
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import SimUser, Tenant
from sync_agent.state.store import StateUnavailable
from tests.chaos.centre import Centre
from tests.chaos.truth import ABSENT, status, told
from tests.microsoft365.contoso import id_of
from tests.microsoft365.list_office import Api

T = TypeVar("T")

_PATIENCE = 0.3
"""Seconds of real time in which an answer must come while some never do."""
_LATER = 3_600.0
"""Seconds: longer than anything is waited for, or remembered as refused."""
_CACHED = timedelta(days=1)
_FEWEST_ROWS, _MOST_ROWS = 18, 26

REQUESTS = {
    "any": ".",
    "sign-in": "oauth2/v2.0/token",
    "discovery": "well-known",
    "users": r"/v1\.0/users",
    "users by name": r"userPrincipalName in",
    "changes of users": r"/users/delta",
    "mail addresses": "proxyAddresses",
    "recycle bin": "deletedItems",
    "organization": r"/organization",
    "presence": "getPresencesByUserId",
    "people": "getByIds",
    "graph batch": r"POST /v1\.0/\$batch",
    "list": r"/sites/",
    "list columns": r"/(columns|fields)",
    "rows": r"GET .*/items",
    "changes of rows": r"(delta|GetListItemChangesSinceToken|getchanges)",
    "writing": r"(PATCH|POST .*_api/\$batch|ValidateUpdateListItem)",
}
"""Whole requests and parts of batches."""

NAMES = st.sampled_from(
    ["jane.doe", "bob.roe", "carla.poe", "sean.o'neil", "fay.moe", "finn.loe", "new.hire", "ann.lee"]
)
DOMAINS = st.sampled_from(["contoso.com", "fabrikam.com"])
UPNS = st.builds("{}@{}".format, NAMES, DOMAINS)
CELLS = st.one_of(
    UPNS,
    UPNS.map(str.upper),
    UPNS.map(lambda upn: f" {upn}"),
    st.sampled_from(["", "Jane Doe", "jane.doe@woodgrove.com", "jnae.doe@contoso.com", "jane.doe@contoso"]),
)
NUMBERS = st.integers(0, 30)
STATES = st.sampled_from(["Available", "Away", "Busy", "Offline"])


class ExposedJobs(Jobs):
    """What is no failure of the world's is not only logged."""

    async def _guarded(self, name: str, turn: Job) -> None:
        try:
            await turn()
        except (ServiceError, ListProblem, StateUnavailable):
            return

    async def sweep_and_write(self) -> None:
        await self._guarded("poll_presence", self._poll_presence)
        await self._guarded("write_back", self._write_back)


class AnyFailure(RuleBasedStateMachine):
    """One sequence of what people, Microsoft and the machine do, with passes of the service between."""

    api: Api

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-")
        self.centre = Centre(self.api, Path(self._folder.name))
        self._runner = asyncio.Runner()
        self._off = timedelta()
        self._opened = AsyncExitStack()
        self._numbers = itertools.count()
        self._failing: list[str] = []
        self._open()

    # People and the list

    @rule(upn=CELLS)
    def somebody_adds_a_row(self, upn: str) -> None:
        if len(self.centre.cells) < _MOST_ROWS:
            self.centre.add_row(upn)

    @rule(number=NUMBERS, upn=CELLS)
    def somebody_edits_a_upn(self, number: int, upn: str) -> None:
        self._edit(number, "UPN", upn)

    @rule(number=NUMBERS, name=st.sampled_from(["Jane Doe", "Desk 7", "Bob Roe", ""]))
    def somebody_edits_a_name(self, number: int, name: str) -> None:
        self._edit(number, "Title", name)

    @rule(
        number=NUMBERS,
        edit=st.sampled_from(
            [
                ("SyncStatus", "OK"),
                ("SyncStatus", "Error"),
                ("SyncStatus", ""),
                ("SyncAnomalies", "looks fine to me"),
                ("EntraObjectId", ""),
                ("EntraObjectId", "mine"),
                ("Presence", "Lunch"),
            ]
        ),
    )
    def somebody_edits_a_cell_of_ours(self, number: int, edit: tuple[str, str]) -> None:
        self._edit(number, *edit)

    @rule(number=NUMBERS)
    def somebody_deletes_a_row(self, number: int) -> None:
        if len(self.centre.cells) > _FEWEST_ROWS:
            self.centre.delete_row(self._row(number))

    # The directories

    @rule(upn=UPNS)
    def somebody_is_hired(self, upn: str) -> None:
        tenant = next(each for each in self.centre.tenants if upn.endswith(each.domains[0]))
        if tenant.by_upn(upn) is None:
            tenant.add(SimUser(id_of(f"{upn}{next(self._numbers)}"), upn, upn.partition("@")[0]))
            self.centre.note()

    @rule(number=NUMBERS, name=NAMES)
    def somebody_is_renamed(self, number: int, name: str) -> None:
        tenant, user = self._user(number)
        upn = f"{name}@{tenant.domains[0]}"
        if tenant.by_upn(upn) is None:
            user.proxy_addresses = (*user.proxy_addresses, f"smtp:{user.upn}")
            tenant.rename(user, upn)
            self.centre.note()

    @rule(number=NUMBERS, what=st.sampled_from(["enabled", "licensed", "guest"]))
    def somebody_is_changed(self, number: int, what: str) -> None:
        _, user = self._user(number)
        setattr(user, what, not getattr(user, what))
        self.centre.note()

    @rule(number=NUMBERS, for_good=st.booleans())
    def somebody_is_deleted(self, number: int, for_good: bool) -> None:
        tenant, user = self._user(number)
        if len(tenant.users) > 2:
            tenant.remove(user, None if for_good else "2026-11-20T10:00:00Z")
            self.centre.note()

    @precondition(lambda self: self.centre.deleted)
    @rule(number=NUMBERS)
    def somebody_is_restored(self, number: int) -> None:
        deleted = self.centre.deleted
        tenant, user = deleted[number % len(deleted)]
        if tenant.by_upn(user.upn) is None:
            tenant.restore(user)
            self.centre.note()

    @rule(number=NUMBERS, state=STATES)
    def somebody_has_another_presence(self, number: int, state: str) -> None:
        _, user = self._user(number)
        user.availability = user.activity = state
        self.centre.note()

    # Microsoft and the machine

    @rule(
        failure=st.sampled_from(sorted(FAILURES)),
        requests=st.sampled_from(sorted(REQUESTS)),
        times=st.sampled_from([1, 2, 5, None]),
        every=st.sampled_from([1, 1, 2, 3]),
        then=st.sampled_from(["pass", "list", "users", "presence"]),
    )
    def requests_fail(self, failure: str, requests: str, times: int | None, every: int, then: str) -> None:
        """And the service has something to ask."""
        self.centre.world.faults.add(REQUESTS[requests], **FAILURES[failure], times=times, every=every)
        self._failing.append(failure)
        self._work(then)

    @rule(number=NUMBERS, upn=CELLS)
    def somebody_types_while_rows_are_written(self, number: int, upn: str) -> None:
        """Just before a write arrives."""

        def meanwhile(call: Call, truly: Truly) -> Reply:
            self._edit(number, "UPN", upn)
            return truly(call)

        self.centre.world.faults.add(REQUESTS["writing"], instead=meanwhile, times=1)

    @precondition(lambda self: self._failing)
    @rule()
    def nothing_fails_any_more(self) -> None:
        self._mend()

    @rule(hours=st.sampled_from([-48, -1, 1, 48]))
    def the_clock_jumps(self, hours: int) -> None:
        self._off += timedelta(hours=hours)

    @rule(seconds=st.sampled_from([1.0, 61.0, _LATER]))
    def time_passes(self, seconds: float) -> None:
        self.centre.contoso.clock.now += seconds
        self._off += timedelta(seconds=seconds)

    @rule(state=st.sampled_from(["kept", "kept", "deleted"]))
    def the_service_is_restarted(self, state: str) -> None:
        self._close()
        if state == "deleted":
            for path in self.centre.folder.glob("state.db*"):
                path.unlink()
        self._open()

    # The service

    @rule()
    def one_pass(self) -> None:
        self._work("pass")

    @rule()
    def the_list_is_read(self) -> None:
        self._work("list")

    @rule()
    def users_are_followed(self) -> None:
        self._work("users")

    @rule()
    def presence_is_swept_and_written(self) -> None:
        self._work("presence")

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self._all_heals()
        finally:
            self._close()
            self._runner.close()
            self.centre.contoso.mend()
            self._folder.cleanup()

    def _all_heals(self) -> None:
        """However it went: once nothing fails any more, two passes are enough, and all is true."""
        self._mend()
        for _ in range(2):
            self._later()
            self._healthy_pass()
        self._all_is_shown()
        before = self.centre.revisions()
        assert self._healthy_pass() == (), "a third pass writes"
        self._close()
        self._open()
        assert self._healthy_pass() == (), "a fresh service writes"
        assert self.centre.revisions() == before

    # How it is done

    def _open(self) -> None:
        ticking = self.centre.contoso.clock
        self._service = self._run(
            self._opened.enter_async_context(
                open_service(
                    self.centre.settings(), progress=Silent(), clock=self._clock, timing=Timing(ticking, ticking.sleep)
                )
            )
        )
        self._service.transport._retrying = Retrying(attempts=2)
        self._jobs = ExposedJobs(self._service, asyncio.Event())
        self._jobs._users._clock = ticking

    def _close(self) -> None:
        self._run(self._opened.aclose())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def _clock(self) -> datetime:
        return datetime.now(UTC) + self._off

    def _later(self) -> None:
        self.centre.contoso.clock.now += _LATER
        self._off += _CACHED

    def _mend(self) -> None:
        self.centre.contoso.mend()
        self._failing.clear()

    def _row(self, number: int) -> int:
        rows = sorted(self.centre.cells)
        return rows[number % len(rows)]

    def _edit(self, number: int, column: str, text: str) -> None:
        self.centre.type(self._row(number), column, text)

    def _user(self, number: int) -> tuple[Tenant, SimUser]:
        users = self.centre.users
        return users[number % len(users)]

    def _patient(self) -> None:
        read = _PATIENCE if "silence" in self._failing else 30.0
        self._service.transport._extensions["timeout"]["read"] = read

    def _work(self, what: str) -> None:
        """Whatever the service has to do: a whole pass, or the turn of a job."""
        match what:
            case "pass":
                self._sync()
            case "list":
                self._turn(self._jobs.read_list)
            case "users":
                self._turn(self._jobs.resolve_users)
            case "presence":
                self._turn(self._jobs.sweep_and_write)

    def _sync(self) -> Outcome | None:
        """None: an operator would be told to mend the settings."""
        self._patient()
        before = self._shown()
        try:
            outcome = self._run(self._service.sync())
        except ListProblem:
            outcome = None
        self._no_harm(before)
        if outcome is not None:
            assert outcome.verdicts.keys() == outcome.rows.keys()
            assert outcome.error or set(outcome.rows) == set(self.centre.cells), "a half-read list is the list"
        return outcome

    def _healthy_pass(self) -> tuple[Change, ...]:
        outcome = self._sync()
        assert outcome is not None and outcome.error is None, "nothing fails, and yet the pass did"
        return outcome.plan.changes

    def _turn(self, turn: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._patient()
        before = self._shown()
        self._run(turn())
        observed = self._service.context.observed
        assert observed.verdicts.keys() == observed.rows.keys()
        self._no_harm(before)

    def _shown(self) -> dict[int, tuple[str, str]]:
        return {
            id_: (self.centre.shown(id_, "SyncStatus"), self.centre.shown(id_, "SyncAnomalies"))
            for id_ in self.centre.cells
        }

    def _no_harm(self, before: dict[int, tuple[str, str]]) -> None:
        assert self.centre.foreign_cells() == self.centre.cells, "a cell of people's is not as people left it"
        for row_id, shown in self._shown().items():
            if shown == before.get(row_id):
                continue
            false = told(shown[1]) - self.centre.ever[row_id] - {"account_unavailable", "user_duplicate"}
            assert not false, f"row {row_id} is accused of what never was: {false}, {self.centre.cells[row_id]}"
            presence = self.centre.shown(row_id, "Presence")
            assert presence in {"", "Lunch", "PresenceUnknown"} | self.centre.presences[row_id], (
                f"row {row_id} shows {presence}"
            )

    def _all_is_shown(self) -> None:
        for row_id, cells in self.centre.cells.items():
            true = self.centre.codes(row_id)
            said = told(self.centre.shown(row_id, "SyncAnomalies"))
            if ABSENT in true:
                assert ABSENT in said, f"row {row_id}, {cells}: {said}, not {true}"
            else:
                assert said - {"user_duplicate"} == true, f"row {row_id}, {cells}: {said}, not {true}"
            assert self.centre.shown(row_id, "SyncStatus") == status(said)
            user = self.centre.user(row_id)
            assert self.centre.shown(row_id, "EntraObjectId") == ("" if user is None else user.id) or ABSENT in true
            if user is not None and user.has_presence:
                assert self.centre.shown(row_id, "Presence") == user.availability
