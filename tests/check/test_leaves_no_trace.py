"""The check reads: nothing in the list, in the state or in the tokens is another afterwards, whoever else works."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sync_agent.microsoft365.checking import graph_list
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.lab import Api
from sync_agent.simulator.wire import Call, Reply
from tests.check.cases import made_ready, set_
from tests.check.sign_in_cases import signed_in_by_person
from tests.lab import Lab, lab

APIS: list[Api] = ["graph", "rest"]
LATENCY = 0.5
MOST_IN_SERIES = 8


def of_list(made: Lab) -> Any:
    items = made.agents.items.values()
    return [
        (item.id, item.revision, item.modified, item.editor, dict(item.fields), len(item.versions)) for item in items
    ]


def of_folder(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("api", APIS)
def test_a_write_is_proven_without_a_version_a_value_or_a_stamp(api: Api, tmp_path: Path) -> None:
    with lab(tmp_path, api=api) as made:
        made_ready(made)
        made.world.heard = deque(maxlen=1_000)
        before, columns = of_list(made), {name: str(column) for name, column in made.agents.columns.items()}
        ran = made.run("check", "--json")
        writes = [call for call in made.world.heard if "/lists" in call.path and call.method != "GET"]
        assert "write_proven" in [each["id"] for each in ran.json()["findings"]]
        assert len(writes) == 1
        assert of_list(made) == before
        assert {name: str(column) for name, column in made.agents.columns.items()} == columns


@pytest.mark.parametrize("api", APIS)
def test_a_list_that_takes_the_write_all_the_same_would_have_nothing_of_peoples_changed(
    api: Api, tmp_path: Path
) -> None:
    """Whatever a service makes of the probe: it names one column of ours and no other."""
    with lab(tmp_path, api=api) as made:
        made_ready(made)
        made.world.heard = deque(maxlen=1_000)
        made.run("check")
        (write,) = [call for call in made.world.heard if "/lists" in call.path and call.method != "GET"]
    named = {"SyncChangedAt"} if api == "graph" else {"SyncChangedAt", "formValues"}
    body = write.json()
    if api == "graph":
        assert set(body) == named
    else:
        assert [field["FieldName"] for field in body["formValues"]] == ["SyncChangedAt"]
        assert body["bNewDocumentUpdate"] is True


def test_no_file_is_made_or_changed(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        made_ready(made)
        before = of_folder(tmp_path)
        assert made.run("check").code == 0
        assert of_folder(tmp_path) == before
        signed_in_by_person(made)
        assert made.run("sync").code in (0, 1)
        kept = of_folder(tmp_path / "state" / "tokens")
        database = (tmp_path / "state" / "sync-agent.db").read_bytes()
        ran = made.run("check", "--json")
        assert "signed_in" in [each["id"] for each in ran.json()["findings"]]
        assert of_folder(tmp_path / "state" / "tokens") == kept
        assert (tmp_path / "state" / "sync-agent.db").read_bytes() == database


def test_it_is_right_beside_the_running_service_whose_port_is_known_for_its_own(tmp_path: Path) -> None:
    with lab(tmp_path) as made:
        made_ready(made)
        running = subprocess.Popen(
            [sys.executable, "-m", "sync_agent", "--settings", str(made.settings), "run"],
            stderr=subprocess.DEVNULL,
            env=dict(os.environ),
        )
        try:
            found = re.search(r"listen: (\S+):(\d+)}", made.settings.read_text())
            assert found is not None
            deadline = time.monotonic() + 60
            while "the service runs" not in made.run("check").out:
                assert time.monotonic() < deadline, made.run("check").out
                assert running.poll() is None
                time.sleep(0.2)
        finally:
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 0


@pytest.mark.parametrize("api", APIS)
def test_it_asks_side_by_side(api: Api, tmp_path: Path) -> None:
    """Requests that wait for one another are what takes its time: as many as one needs of the other, and no more."""
    import_module("sync_agent.microsoft365.checking.rest_list")  # takes a second in which nothing is asked
    ends: list[float] = []

    def noted(call: Call, truly: Truly) -> Reply:
        ends.append(time.monotonic())
        return truly(call)

    with lab(tmp_path, tenants=5, api=api) as made:
        made_ready(made)
        made.world.latency = LATENCY
        made.world.faults.add("", instead=noted)
        assert made.run("check").code == 0
    in_series, last = 0, 0.0
    for end in sorted(ends):
        if end - LATENCY >= last:
            in_series, last = in_series + 1, end
    assert in_series <= MOST_IN_SERIES
    assert len(ends) <= 16 + 5 * 5


def test_a_list_of_many_pages_is_read_in_part_and_nothing_said_of_what_was_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_list, "_MOST_PAGES", 3)
    with lab(tmp_path) as made:
        made_ready(made)
        set_(made, r"(- id: fabrikam.com\n)", r"\1    domains: [fabrikam.example]\n")
        made.agents.columns["UPN"].indexed = True
        for _ in range(6_000):
            made.agents.add({"Title": "Somebody", "UPN": "somebody@contoso.com"})
        made.world.heard = deque(maxlen=1_000)
        ran = made.run("check", "--json")
        pages = [call for call in made.world.heard if call.path.endswith("/items")]
    assert len(pages) == 3
    assert ran.code == 0
    findings = {each["id"]: each["message"] for each in ran.json()["findings"]}
    assert "account_without_rows" not in findings
    assert findings["limits_suffice"] == "Microsoft's limits suffice for the first 6,000 rows."
