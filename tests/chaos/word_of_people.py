"""What people say to the service by way of the lists: what they approve of its suggestions, and what they have seen."""

from __future__ import annotations

import re

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from sync_agent.model import APPROVAL_COLUMN
from tests.chaos.centre import Centre
from tests.chaos.watched_service import WORK, WatchedService, Work

_NUMBERS = st.integers(0, 30)
_SUGGESTED = re.compile(r"Did you mean (\S+)\?")


class WordOfPeople(RuleBasedStateMachine):
    centre: Centre
    service: WatchedService

    @rule(number=_NUMBERS, blanks=st.sampled_from(["{}", "{}", " {} "]), then=st.sampled_from(WORK))
    def somebody_approves_a_suggestion(self, number: int, blanks: str, then: Work) -> None:
        """As they read it in the list; and the service works."""
        if not self._suggestions:
            self.service.work("pass")
        if suggestions := self._suggestions:
            row_id, suggested = suggestions[number % len(suggestions)]
            self.centre.type(row_id, APPROVAL_COLUMN, blanks.format(suggested))
            self.service.work(then)

    @rule(number=_NUMBERS, text=st.sampled_from(["", "bob.roe@contoso.com", "fay.moe@fabrikam.com", "yes"]))
    def somebody_approves_something_else(self, number: int, text: str) -> None:
        self._edit(number, APPROVAL_COLUMN, text)

    @rule(number=_NUMBERS, ticked=st.booleans())
    def somebody_ticks_an_anomaly(self, number: int, ticked: bool) -> None:
        if len(self.centre.anomalies.items) == 1:
            self.service.work("pass")
        items = sorted(self.centre.anomalies.items)
        self.centre.tick(items[number % len(items)], ticked)

    @precondition(lambda self: len(self.centre.anomalies.items) > 1)
    @rule(number=_NUMBERS)
    def somebody_deletes_an_item(self, number: int) -> None:
        items = sorted(self.centre.anomalies.items.keys() - {self.centre.own_item})
        self.centre.anomalies.delete(items[number % len(items)])

    @property
    def _suggestions(self) -> list[tuple[int, str]]:
        """By row, what its cell says."""
        said = ((row_id, self.centre.shown(row_id, "SyncAnomalies")) for row_id in sorted(self.centre.cells))
        return [(row_id, found[1]) for row_id, text in said if (found := _SUGGESTED.search(text))]

    def _row(self, number: int) -> int:
        rows = sorted(self.centre.cells)
        return rows[number % len(rows)]

    def _edit(self, number: int, column: str, text: str) -> None:
        self.centre.type(self._row(number), column, text)
