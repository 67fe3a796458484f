"""Somebody deletes a column of ours or gives it another type: nothing is written, and everything is said."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync_agent.simulator.lab import Api
from sync_agent.simulator.lists import SharePointList
from tests.end_to_end.test_service import FAST, all_shown, running, until
from tests.lab import Lab, lab


@pytest.fixture(params=["graph", "rest"])
def synced(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    api: Api = request.param
    with lab(tmp_path, rows=30, api=api) as made:
        assert made.provisioned().run("sync").code == 0
        yield made


def _delete(name: str) -> Callable[[SharePointList], None]:
    """As SharePoint does: the cells go with the column."""

    def done(agents: SharePointList) -> None:
        del agents.columns[name]
        for item in agents.items.values():
            item.fields.pop(name, None)

    return done


def _change(name: str, **how: Any) -> Callable[[SharePointList], None]:
    def done(agents: SharePointList) -> None:
        agents.columns[name] = replace(agents.columns[name], **how)
        if how.get("type") == "Number":
            for item in agents.items.values():
                item.fields[name] = 7.0

    return done


SPOILT = {
    "deleted": (_delete("SyncStatus"), '"SyncStatus" is missing: run `sync-agent provision`'),
    "a number": (_change("Presence", type="Number"), '"Presence" is of type number, but the service needs single line'),
    "one line": (_change("SyncAnomalies", type="Text"), '"SyncAnomalies" is of type single line of text, but'),
    "rich text": (_change("SyncAnomalies", rich=True), '"SyncAnomalies" is of type multiple lines of rich text, but'),
    "a date": (_change("SyncChangedAt", date_only=True), '"SyncChangedAt" is of type date without time, but'),
    "no Unknown": (_change("SyncStatus", choices=("OK", "Warning", "Error")), '"SyncStatus" lacks the choice Unknown'),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_column_holds_every_write_and_everything_is_said(synced: Lab, how: str) -> None:
    spoil, cause = SPOILT[how]
    before = synced.run("report", "--json").json()
    spoil(synced.agents)
    row_id = next(row_id for row_id, truth in synced.world.truth.items() if not truth.codes)
    synced.agents.edit(row_id, {"UPN": "nobody"})
    revisions = {id_: item.revision for id_, item in synced.agents.items.items()}

    ran = synced.run("sync", "--json")
    assert ran.code == 3
    document = ran.json()
    assert (document["held"]["fuse"], document["rows"], document["writes"]["done"]) == ("columns", 30, 0)
    assert cause in document["held"]["cause"]
    assert row_id in {found["row"] for found in document["anomalies"]}
    assert sum(document["status"].values()) == 30

    shown = synced.run("sync")
    assert shown.code == 3
    assert "Held by the fuse columns: nothing is written." in shown.out
    assert "--approve" not in shown.out
    approved = synced.run("sync", "--approve", document["held"]["checksum"])
    assert approved.code == 3
    assert f"--approve {document['held']['checksum']} lets nothing through: of the service's columns" in approved.err

    assert {id_: item.revision for id_, item in synced.agents.items.items()} == revisions
    report = synced.run("report", "--json").json()
    assert (report["held"], report["by_code"]) == ("columns", before["by_code"])
    undone = synced.run("undo")
    assert undone.code == 2
    assert f"Nothing can be written: of the service's columns in the list, {cause[:20]}" in undone.err


def test_once_the_columns_are_right_again_the_next_pass_writes_what_is_due(synced: Lab) -> None:
    _delete("SyncStatus")(synced.agents)
    assert synced.run("sync").code == 3
    assert "column SyncStatus (choice)" in synced.run("provision").out
    ran = synced.run("sync", "--json").json()
    assert (ran["held"], ran["writes"]["done"]) == (None, 30)
    assert synced.run("sync", "--json").json()["writes"]["planned"] == 0


def test_a_status_in_a_line_of_text_does_no_harm(synced: Lab) -> None:
    _change("SyncStatus", type="Text")(synced.agents)
    for row_id in list(synced.agents.items)[:5]:
        synced.agents.edit(row_id, {"SyncStatus": "mine"})
    ran = synced.run("sync", "--json")
    assert (ran.code, ran.json()["writes"]["done"]) == (0, 5)
    assert synced.run("sync", "--json").json()["writes"]["planned"] == 0


def test_a_list_of_which_no_column_of_ours_is_left_is_to_be_provisioned(synced: Lab) -> None:
    for name in [name for name in synced.agents.columns if name.startswith(("Sync", "Presence", "Entra"))]:
        _delete(name)(synced.agents)
    ran = synced.run("sync")
    assert ran.code == 2
    assert "Run `sync-agent provision`" in ran.err


@pytest.mark.parametrize("how", ["deleted", "a number", "no Unknown"])
def test_run_writes_nothing_until_the_columns_are_right_again(synced: Lab, how: str) -> None:
    spoil, cause = SPOILT[how]
    row_id = next(row_id for row_id, truth in synced.world.truth.items() if not truth.codes)
    user = synced.world.user(synced.world.truth[row_id].object_id)
    assert user is not None
    columns = dict(synced.agents.columns)
    log = synced.folder / "run.log"
    synced.settings.write_text(synced.settings.read_text() + FAST.replace("}", ", read_whole_list: 2s}"))
    with running(synced) as process:
        until(lambda: "lease_held" in log.read_text() and "list_read" in log.read_text(), synced)
        spoil(synced.agents)
        until(lambda: "fuse=columns" in log.read_text(), synced)
        assert cause in log.read_text()
        revisions = {id_: item.revision for id_, item in synced.agents.items.items()}
        user.availability, user.activity = "DoNotDisturb", "Presenting"
        reads = log.read_text().count("list_read")
        until(lambda: log.read_text().count("list_read") > reads + 2, synced)
        assert {id_: item.revision for id_, item in synced.agents.items.items()} == revisions
        assert log.read_text().count("fuse=columns") == 1

        synced.agents.columns.update(columns)
        if how == "a number":
            for item in synced.agents.items.values():
                item.fields["Presence"] = "7"
        until(lambda: "no_longer_held" in log.read_text(), synced)
        until(lambda: synced.shown(row_id, "Presence") == "DoNotDisturb" and all_shown(synced), synced)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert "Traceback" not in log.read_text()
