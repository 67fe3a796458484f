"""kill -9 at every write of a sync that fixes UPNs and keeps the list of anomalies: a row is fixed or it is not, the
journal has what it takes to undo, and one more sync completes what people approved, no matter where it was killed.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sync_agent.anomaly_item import ACKNOWLEDGED
from sync_agent.model import APPROVAL_COLUMN, OurColumn
from sync_agent.simulator.lab import Api
from sync_agent.simulator.lists import ListItem, SharePointList
from sync_agent.simulator.messy import SITE_PATH
from sync_agent.state.store import JournalEntry, Store
from tests.chaos.killing import Writes, killed_at, writes_of
from tests.lab import Lab, lab

ANOMALIES = "Agent anomalies"
APPROVED = 5
"""Rows: fewer than a fuse holds."""
COUNTS: dict[Api, int] = {"graph": 4, "rest": 8}
"""By Graph: a batch of fixes, one of rows, the new items and the old. By REST each fix by itself."""
LATER = {"SyncChangedAt", "PresenceChangedAt"}
"""Columns that tell when: the only ones that may differ from a sync that was not killed."""
OURS = frozenset(our.value for our in OurColumn)

Items = dict[int, ListItem]


class Fixing:
    """A lab in which people approved some suggestions, made a mistake and ticked an anomaly, before the sync."""

    def __init__(self, served: Lab, api: Api) -> None:
        self.served = served
        self.api = api
        assert served.run("sync").code == 0
        truths = served.world.truth.items()
        wrong = [id_ for id_, truth in truths if truth.suggestion and truth.codes <= {"upn_is_alias", "upn_whitespace"}]
        wrong += [id_ for id_, truth in truths if truth.suggestion and id_ not in wrong]
        self.approved = {id_: str(served.world.truth[id_].suggestion) for id_ in wrong[:APPROVED]}
        for row_id, suggestion in self.approved.items():
            served.agents.edit(row_id, {APPROVAL_COLUMN: suggestion})
        right = next(id_ for id_, truth in truths if not truth.codes)
        served.agents.edit(right, {"UPN": "nobody.at.all@contoso.com"})
        self.ticked = next(id_ for id_, item in self.anomalies.items.items() if item.fields["AgentRow"] not in wrong)
        self.anomalies.edit(self.ticked, {ACKNOWLEDGED: True})
        self._before = deepcopy((served.agents.items, self.anomalies.items))
        shutil.copytree(self._state, self._kept)
        self.upns = self.column("UPN")
        self.writes = writes_of(served, self.requests)
        self.true = self.shown()
        self.true_items = self.open_items()

    @property
    def anomalies(self) -> SharePointList:
        lists = self.served.world.sites[SITE_PATH].lists.values()
        return next(found for found in lists if found.title == ANOMALIES)

    @property
    def requests(self) -> Writes:
        """Those that write anything into either list: batches, and by REST a fix by itself."""
        if self.api == "graph":
            return r"POST /v1\.0/\$batch", b'"body"'
        return rf"(POST .*_api/\$batch|POST .*{self.served.agents.id}'\)/items\(\d+\)$)", b""

    def begin_anew(self) -> None:
        agents, anomalies = deepcopy(self._before)
        self._put(self.served.agents, agents)
        self._put(self.anomalies, anomalies)
        shutil.rmtree(self._state)
        shutil.copytree(self._kept, self._state)

    def column(self, name: str) -> dict[int, Any]:
        return {id_: item.fields.get(name) for id_, item in self.served.agents.items.items()}

    def shown(self) -> dict[int, dict[str, Any]]:
        items = self.served.agents.items.items()
        return {id_: {k: v for k, v in item.fields.items() if k not in LATER} for id_, item in items}

    def peoples(self) -> dict[int, dict[str, Any]]:
        """What stands in people's columns, but for those that a fix writes."""
        fixes = {"UPN", APPROVAL_COLUMN}
        return {id_: {k: v for k, v in cells.items() if k not in OURS | fixes} for id_, cells in self.shown().items()}

    def open_items(self) -> Counter[tuple[int, str, bool]]:
        found = [item.fields for item in self.anomalies.items.values() if "Resolved" not in item.fields]
        return Counter((each["AgentRow"], each["AnomalyCode"], each[ACKNOWLEDGED]) for each in found)

    def journal(self, row_id: int) -> list[JournalEntry]:
        store = Store.look(f"sqlite:///{self._state}/sync-agent.db")
        assert store is not None
        with closing(store):
            return store.journalled("Agents", row_id)

    def type_elsewhere(self, text: str) -> None:
        for row_id in sorted(self.served.agents.items)[::3]:
            self.served.agents.edit(row_id, {"Skill": text})

    def _put(self, found: SharePointList, items: Items) -> None:
        """With versions that nobody has seen yet."""
        newest = max(item.revision for item in found.items.values())
        for item in items.values():
            item.revision = newest + 1
        found.items = items

    @property
    def _state(self) -> Path:
        return self.served.folder / "state"

    @property
    def _kept(self) -> Path:
        return self.served.folder / "state-before"


@pytest.fixture(scope="module")
def fixing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fixing]:
    api: Api = request.param
    with lab(tmp_path_factory.mktemp(api), rows=80, api=api) as made:
        made.replace("pacing:", "safety: {approved_fixes: true}\npacing:")
        made.replace("  columns:", f"  anomaly_list: {ANOMALIES}\n  columns:")
        yield Fixing(made.provisioned(), api)


@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("fixing", "number"),
    [(api, number) for api, count in COUNTS.items() for number in range(1, count + 1)],
    indirect=["fixing"],
)
def test_killed_at_a_write_every_fix_is_made_once_and_can_be_undone(
    fixing: Fixing, number: int, carried_out: bool
) -> None:
    assert fixing.writes == COUNTS[fixing.api]
    fixing.begin_anew()
    killed_at(fixing.served, fixing.requests, number, carried_out=carried_out)
    upns, approvals = fixing.column("UPN"), fixing.column(APPROVAL_COLUMN)
    for row_id, suggestion in fixing.approved.items():
        assert (upns[row_id], approvals[row_id]) in ((fixing.upns[row_id], suggestion), (suggestion, None))
        _tells_the_truth(fixing.journal(row_id), fixing.upns[row_id], upns[row_id])
    assert _others(upns, fixing) == _others(fixing.upns, fixing)
    fixing.type_elsewhere(f"edited at {number}")
    peoples = fixing.peoples()

    made = fixing.served.run("sync", "--json").json()
    assert (made["fixes"]["error"], made["fixes"]["failed"], made["anomaly_list"]["error"]) == (None, 0, None)
    assert {id_: {**cells, "Skill": ""} for id_, cells in fixing.shown().items()} == {
        id_: {**cells, "Skill": ""} for id_, cells in fixing.true.items()
    }
    assert (fixing.peoples(), fixing.open_items()) == (peoples, fixing.true_items)
    assert fixing.anomalies.items[fixing.ticked].fields[ACKNOWLEDGED] is True
    for row_id, suggestion in fixing.approved.items():
        entries = fixing.journal(row_id)
        _tells_the_truth(entries, fixing.upns[row_id], suggestion)
        assert entries[-1].after == suggestion
    again = fixing.served.run("sync", "--json").json()
    assert (again["writes"]["planned"], again["fixes"]["planned"], again["anomaly_list"]["to_write"]) == (0, 0, 0)


def _tells_the_truth(entries: list[JournalEntry], before: Any, now: Any) -> None:
    """Whatever was written can be undone by it, and what it says was written was."""
    assert all(entry.before == before for entry in entries)
    if now != before:
        assert entries and entries[-1].after == now
    assert now != before or not any(entry.why == "written" for entry in entries)


def _others(upns: Mapping[int, Any], fixing: Fixing) -> dict[int, Any]:
    return {id_: upn for id_, upn in upns.items() if id_ not in fixing.approved}
