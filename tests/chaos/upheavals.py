"""What looks like a mistake at large: most of a tenant leaves, most rows vanish, a service says that there is nobody.

And the operator, without whose word none of it is believed.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from sync_agent.simulator.world import SimUser
from tests.chaos.centre import Centre
from tests.chaos.requests import FEWEST_LEFT, MOST_ROWS, PAGES, REQUESTS
from tests.chaos.watched_service import WORK, WatchedService, Work

_WORK = st.sampled_from(WORK)


class Upheavals(RuleBasedStateMachine):
    centre: Centre
    service: WatchedService

    def __init__(self) -> None:
        super().__init__()
        self.left: list[SimUser] = []
        self.vanished: list[str] = []

    @precondition(lambda self: not self.left)
    @rule(stay=st.integers(1, 4), then=_WORK)
    def most_of_a_tenant_leaves(self, stay: int, then: Work) -> None:
        """Without a trace."""
        home = self.centre.tenants[0]
        self.left = list(home.users.values())[stay:]
        for user in self.left:
            home.remove(user)
        self.centre.note()
        self.service.work(then)

    @precondition(lambda self: self.left)
    @rule()
    def they_come_back(self) -> None:
        home = self.centre.tenants[0]
        for user in self.left:
            if home.by_upn(user.upn) is None:
                home.add(user)
        self.left = []
        self.centre.note()

    @precondition(lambda self: not self.vanished)
    @rule(then=_WORK)
    def most_rows_vanish(self, then: Work) -> None:
        rows = sorted(self.centre.cells)[FEWEST_LEFT:]
        self.vanished = [self.centre.cells[row_id].get("UPN", "") for row_id in rows]
        for row_id in rows:
            self.centre.delete_row(row_id)
        self.service.work(then)

    @precondition(lambda self: self.vanished)
    @rule()
    def somebody_types_them_again(self) -> None:
        for upn in self.vanished[: MOST_ROWS - len(self.centre.cells)]:
            self.centre.add_row(upn)
        self.vanished = []

    @rule(
        requests=st.sampled_from(PAGES),
        times=st.sampled_from([1, 2, None]),
        every=st.sampled_from([1, 1, 2]),
        then=_WORK,
    )
    def there_is_nobody(self, requests: str, times: int | None, every: int, then: Work) -> None:
        """So the service is told, and has something to ask."""
        self.centre.lie(REQUESTS[requests], times=times, every=every)
        self.service.work(then)

    @precondition(lambda self: self.service.awaits_an_operator)
    @rule()
    def an_operator_says_that_it_is_so(self) -> None:
        self.service.operator_agrees()
