"""Every row of a messy list against what is known to be true of it, by both APIs, over HTTPS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from sync_agent.model import OurColumn
from sync_agent.simulator.graph_presence import presence_of
from sync_agent.simulator.lab import Api
from tests.lab import Lab, Ran, lab
from tests.published import as_published

ROWS = 1_000
OURS = {column.value for column in OurColumn}


@pytest.fixture(scope="module", params=["graph", "rest"])
def synced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Ran, Any]]:
    api: Api = request.param
    with lab(tmp_path_factory.mktemp(api), rows=ROWS, tenants=3, api=api) as opened:
        before = {id_: (dict(item.fields), item.modified, item.editor) for id_, item in opened.agents.items.items()}
        opened.provisioned()
        yield opened, opened.run("sync", "--json"), before


def test_every_row_has_the_anomalies_and_the_suggestion_that_are_true(synced: tuple[Lab, Ran, Any]) -> None:
    lab_, ran, _ = synced
    codes: defaultdict[int, set[str]] = defaultdict(set)
    suggestions: dict[int, str] = {}
    for anomaly in ran.json()["anomalies"]:
        codes[anomaly["row"]].add(anomaly["code"])
        if anomaly["suggestion"]:
            suggestions[anomaly["row"]] = anomaly["suggestion"]
    wrong = {
        row_id: (lab_.agents.items[row_id].fields.get("UPN"), codes[row_id], truth, suggestions.get(row_id))
        for row_id, truth in lab_.world.truth.items()
        if codes[row_id] != truth.codes or suggestions.get(row_id) != truth.suggestion
    }
    assert wrong == {}
    assert {code for truth in lab_.world.truth.values() for code in truth.codes} == {
        anomaly["code"] for anomaly in ran.json()["anomalies"]
    }


def test_the_document_is_as_published(synced: tuple[Lab, Ran, Any]) -> None:
    _, ran, _ = synced
    document = ran.json()
    as_published(document)
    assert ran.code == 0
    assert document["rows"] == ROWS == sum(document["status"].values())
    assert document["writes"] == {"planned": ROWS, "done": ROWS, "conflicts": 0, "failed": 0}


def test_the_list_shows_what_is_true(synced: tuple[Lab, Ran, Any]) -> None:
    lab_, _, _ = synced
    tenants = {tenant.id: account for account, tenant, _ in lab_.world.accounts}
    for row_id, truth in lab_.world.truth.items():
        shown = lab_.agents.items[row_id].fields
        assert shown["SyncStatus"] == truth.status
        lines = shown.get("SyncAnomalies", "").splitlines()
        assert {line.partition(":")[0] for line in lines} == truth.codes
        assert shown.get("EntraObjectId", "") == truth.object_id
        assert shown.get("SyncAccount", "") == tenants.get(truth.tenant_id, "")
        assert shown["SyncChangedAt"]
        user = lab_.world.user(truth.object_id)
        if user is None:
            assert not shown.keys() & {"Presence", "PresenceActivity", "PresenceChangedAt"}
        else:
            presence = presence_of(lab_.world, user) if user.has_presence else ("PresenceUnknown", "PresenceUnknown")
            assert (shown["Presence"], shown["PresenceActivity"]) == presence
            assert shown["PresenceChangedAt"]


def test_nothing_but_our_columns_was_touched(synced: tuple[Lab, Ran, Any]) -> None:
    lab_, _, before = synced
    after = {id_: {k: v for k, v in i.fields.items() if k not in OURS} for id_, i in lab_.agents.items.items()}
    assert after == {
        id_: {k: v for k, v in fields.items() if v} for id_, (fields, _, _) in before.items()
    } or after == {id_: fields for id_, (fields, _, _) in before.items()}


def test_rest_adds_no_version_and_leaves_modified_alone(synced: tuple[Lab, Ran, Any]) -> None:
    lab_, _, before = synced
    if lab_.settings.read_text().count("api: graph"):
        # Graph has no such write: there each row gets exactly one version for all its columns.
        assert {len(item.versions) for item in lab_.agents.items.values()} == {2}
        return
    for id_, item in lab_.agents.items.items():
        assert len(item.versions) == 1
        assert (item.modified, item.editor) == before[id_][1:]


def test_a_second_run_writes_nothing(synced: tuple[Lab, Ran, Any]) -> None:
    lab_, _, _ = synced
    revisions = {id_: item.revision for id_, item in lab_.agents.items.items()}
    again = lab_.run("sync", "--json")
    assert again.code == 0
    assert again.json()["writes"] == {"planned": 0, "done": 0, "conflicts": 0, "failed": 0}
    assert {id_: item.revision for id_, item in lab_.agents.items.items()} == revisions
    assert lab_.run("sync", "--json", "--exit-code").code == 4
