"""A lab in which fixes are allowed, and what people do in its list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lab import Api
from sync_agent.simulator.lists import ListItem
from sync_agent.simulator.wire import Call, Reply
from sync_agent.state.store import JournalEntry, Store
from tests.lab import Lab, Ran

FIX = r"(PATCH .*/items/\d+/fields|POST .*/items\(\d+\)$)"
"""The write of a UPN: Graph's in a batch, REST's by itself."""
OF_A_FIX = b"SyncApproveFix"
"""What it holds, and no other write."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A lab whose list was synced once, so that people see suggestions."""

    lab: Lab
    api: Api

    @property
    def wrong(self) -> list[int]:
        """Rows of which the right UPN is known, one that holds an alias first."""
        codes = ("upn_is_alias", "upn_whitespace")
        truths = {row_id: truth for row_id, truth in self.lab.world.truth.items() if truth.suggestion}
        return [row_id for code in codes for row_id, truth in truths.items() if truth.codes == {code}]

    def suggestion(self, row_id: int) -> str:
        return str(self.lab.world.truth[row_id].suggestion)

    def item(self, row_id: int) -> ListItem:
        return self.lab.agents.items[row_id]

    def cell(self, row_id: int, column: str = "UPN") -> Any:
        return self.lab.shown(row_id, column)

    def approve(self, row_id: int, text: str | None = None) -> None:
        """As a person does, in the list."""
        self.lab.agents.edit(row_id, {"SyncApproveFix": self.suggestion(row_id) if text is None else text})

    def sync(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """What became of fixes."""
        ran = self.lab.run("sync", "--json", *arguments)
        assert ran.code == code, ran.err + ran.out
        fixes: dict[str, Any] = ran.json()["fixes"]
        return fixes

    def run(self, *arguments: str) -> Ran:
        return self.lab.run(*arguments)

    def journal(self, row_id: int | None = None) -> list[JournalEntry]:
        store = Store.open(f"sqlite:///{self.lab.folder}/state/sync-agent.db")
        try:
            return store.journalled("Agents", row_id)
        finally:
            store.close()

    def people_edit_before_the_write(self, row_id: int, cells: dict[str, Any], times: int = 1) -> None:
        """In the moment between the last reading of the row and the write of its fix."""

        def edit_first(call: Call, truly: Truly) -> Reply:
            self.lab.agents.edit(row_id, cells)
            return truly(call)

        self.lab.world.faults.add(FIX, holding=OF_A_FIX, instead=edit_first, times=times)

    def answer_of_the_write(self, **how: Any) -> None:
        self.lab.world.faults.add(FIX, holding=OF_A_FIX, **how)
