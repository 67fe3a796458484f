"""The service under anything that may happen, in any order: Hypothesis looks for an order in which it does harm.

Real: the service with its jobs and its database, HTTPS, Entra, Graph and SharePoint as embedded. Waiting takes no time.
"""

from __future__ import annotations

import itertools
import logging
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import structlog
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sync_agent.simulator.failures import FAILURES
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import SimUser, Tenant
from tests.chaos.centre import Centre, name_of
from tests.chaos.requests import FEWEST_ROWS, MOST_ROWS, REQUESTS
from tests.chaos.upheavals import Upheavals
from tests.chaos.watched_service import WORK, WatchedService, Work
from tests.chaos.word_of_people import WordOfPeople
from tests.microsoft365.contoso import id_of
from tests.microsoft365.list_office import Api

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


class AnyFailure(WordOfPeople, Upheavals):
    """One sequence of what people, Microsoft and the machine do, with passes of the service between."""

    api: Api

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-")
        self.centre = Centre(self.api, Path(self._folder.name))
        self.service = WatchedService(self.centre)
        self._numbers = itertools.count()

    # People and the list

    @rule(upn=CELLS)
    def somebody_adds_a_row(self, upn: str) -> None:
        if len(self.centre.cells) < MOST_ROWS:
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
        if len(self.centre.cells) > FEWEST_ROWS:
            self.centre.delete_row(self._row(number))

    # The directories

    @rule(upn=UPNS)
    def somebody_is_hired(self, upn: str) -> None:
        tenant = next(each for each in self.centre.tenants if upn.endswith(each.domains[0]))
        if tenant.by_upn(upn) is None:
            tenant.add(SimUser(id_of(f"{upn}{next(self._numbers)}"), upn, name_of(upn)))
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
            self.centre.delete_user(tenant, user, None if for_good else "2026-11-20T10:00:00Z")

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
        then=st.sampled_from(WORK),
    )
    def requests_fail(self, failure: str, requests: str, times: int | None, every: int, then: Work) -> None:
        """And the service has something to ask."""
        self.centre.fail(REQUESTS[requests], failure, times=times, every=every)
        self.service.work(then)

    @rule(number=NUMBERS, upn=CELLS)
    def somebody_types_while_rows_are_written(self, number: int, upn: str) -> None:
        """Just before a write arrives."""

        def meanwhile(call: Call, truly: Truly) -> Reply:
            self._edit(number, "UPN", upn)
            return truly(call)

        self.centre.world.faults.add(REQUESTS["writing"], instead=meanwhile, times=1)

    @precondition(lambda self: self.centre.failing or self.centre.is_lied_to)
    @rule()
    def nothing_fails_any_more(self) -> None:
        self.centre.mend()

    @rule(hours=st.sampled_from([-48, -1, 1, 48]))
    def the_clock_jumps(self, hours: int) -> None:
        self.service.off += timedelta(hours=hours)

    @rule(seconds=st.sampled_from([1.0, 61.0, 3_600.0]))
    def time_passes(self, seconds: float) -> None:
        self.centre.contoso.clock.now += seconds
        self.service.off += timedelta(seconds=seconds)

    @rule(state=st.sampled_from(["kept", "kept", "deleted"]))
    def the_service_is_restarted(self, state: str) -> None:
        self.service.stop()
        if state == "deleted":
            self.centre.lose_state()
        self.service.start()

    # The service

    @rule(what=st.sampled_from(WORK))
    def the_service_works(self, what: Work) -> None:
        self.service.work(what)

    @rule()
    def one_pass(self) -> None:
        self.service.work("pass")

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.centre.mend()
                self.service.heals()
        finally:
            self.service.aclose()
            self.centre.mend()
            self._folder.cleanup()

    # How it is done

    def _user(self, number: int) -> tuple[Tenant, SimUser]:
        users = self.centre.users
        return users[number % len(users)]
