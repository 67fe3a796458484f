"""kill -9 at every write of a sync of 300 rows: what is half done, the next pass completes; what people did meanwhile
stays; and nothing is told of the pass that never ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sync_agent.model import OurColumn
from sync_agent.simulator.lab import Api
from sync_agent.state.records import WriteRecord
from sync_agent.state.store import Store
from tests.chaos import killing
from tests.chaos.killing import killed_at, writes_of
from tests.lab import Lab, lab

ROWS = 300
WRITES: dict[Api, int] = {"graph": 15, "rest": 3}
"""Requests that write rows in one sync: batches of 20 by Graph, of 100 by REST."""
OURS = frozenset(our.value for our in OurColumn)
LATER = {"SyncChangedAt", "PresenceChangedAt"}
"""Columns that tell when: the only ones that may differ from a sync that was not killed."""


class Victim:
    """A lab that can be put back to the day before the first sync."""

    def __init__(self, served: Lab, api: Api) -> None:
        self.served = served
        self.api = api
        self.peoples = self._cells(ours=False)
        self.writes = writes_of(served, killing.WRITES[api])
        self.true = self.shown()

    def begin_anew(self) -> None:
        for row_id, item in self.served.agents.items.items():
            item.fields = dict(self.peoples[row_id])
            item.revision += 1
        for path in self._state.parent.glob("sync-agent.db*"):
            path.unlink()

    def shown(self) -> dict[int, dict[str, Any]]:
        cells = self._cells(ours=True)
        return {row_id: {k: v for k, v in found.items() if k not in LATER} for row_id, found in cells.items()}

    def half_done(self) -> int:
        return sum("SyncStatus" in cells for cells in self.shown().values())

    def passes(self) -> tuple[int, int]:
        """Rows of the last pass that is told of, and anomalies that stand."""
        with self._history() as store:
            last = store.last_pass("Agents")
            return (0 if last is None else last.rows), len(store.open_anomalies("Agents"))

    def journalled(self) -> dict[int, WriteRecord]:
        """By row: the one write that the journal tells of."""
        with self._history() as store:
            journal = store.run_journal("Agents")
            last = journal.last_run()
            lines = [line for run in range(1, last.id + 1 if last else 1) for line in journal.of_run(run)[0]]
        assert len({line.row_id for line in lines}) == len(lines)
        return {line.row_id: line for line in lines}

    def shows(self, line: WriteRecord) -> bool:
        """Whether what the journal says was to be written stands in the row."""
        return bool(self.served.shown(line.row_id, "SyncStatus") == line.after.status)

    def type_elsewhere(self, text: str) -> dict[int, dict[str, Any]]:
        """A person fills a column of theirs in every tenth row; what must stand in people's columns from then on."""
        for row_id in sorted(self.served.agents.items)[::10]:
            self.served.agents.edit(row_id, {"Skill": text})
        return self._cells(ours=False)

    def people_see(self) -> dict[int, dict[str, Any]]:
        return self._cells(ours=False)

    @contextmanager
    def _history(self) -> Iterator[Store]:
        store = Store.look(f"sqlite:///{self._state}")
        assert store is not None
        with closing(store):
            yield store

    @property
    def _state(self) -> Path:
        return self.served.folder / "state" / "sync-agent.db"

    def _cells(self, *, ours: bool) -> dict[int, dict[str, Any]]:
        items = self.served.agents.items.items()
        return {row_id: {k: v for k, v in item.fields.items() if (k in OURS) is ours} for row_id, item in items}


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Api, Victim]]:
    with ExitStack() as opened:
        yield {
            api: Victim(opened.enter_context(lab(tmp_path_factory.mktemp(api), rows=ROWS, api=api)).provisioned(), api)
            for api in WRITES
        }


def test_every_write_is_a_point_to_be_killed_at(victims: dict[Api, Victim]) -> None:
    assert {api: victim.writes for api, victim in victims.items()} == WRITES


@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("api", "number"), [(api, number) for api, count in WRITES.items() for number in range(1, count + 1)]
)
def test_killed_at_a_write_the_next_sync_completes_it_and_one_more_writes_nothing(
    victims: dict[Api, Victim], api: Api, number: int, carried_out: bool
) -> None:
    victim = victims[api]
    victim.begin_anew()
    killed_at(victim.served, killing.WRITES[api], number, carried_out=carried_out)
    written = victim.half_done()
    assert (written == ROWS) is (carried_out and number == victim.writes)
    assert victim.passes() == (0, 0), "a pass is told of that never ended"
    told = victim.journalled()
    assert all(victim.shows(line) for line in told.values() if line.made), "a row claims more than was written"
    assert {row_id for row_id, cells in victim.shown().items() if "SyncStatus" in cells} <= told.keys()
    peoples = victim.type_elsewhere(f"edited at {number}")

    first = victim.served.run("sync", "--json").json()
    left = ROWS - written
    assert first["writes"] == {"planned": left, "done": left, "conflicts": 0, "failed": 0}
    assert victim.shown() == victim.true
    assert victim.people_see() == peoples
    assert victim.passes() == (ROWS, len(first["anomalies"]))
    told = victim.journalled()
    assert len(told) == ROWS and all(line.made and victim.shows(line) for line in told.values())
    again = victim.served.run("sync", "--json").json()
    assert again["writes"] == {"planned": 0, "done": 0, "conflicts": 0, "failed": 0}
