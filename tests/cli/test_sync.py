"""`sync`: what a person, a script and an exit code say of one pass."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from sync_agent.simulator.lists import SharePointList
from tests.cli.commands import sentence
from tests.lab import Lab

NO_TENANT = "00000000-0000-4000-8000-000000000000"


def codes(lab: Lab) -> Counter[str]:
    return Counter(code for truth in lab.world.truth.values() for code in truth.codes)


def shown(agents: SharePointList) -> dict[int, dict[str, object]]:
    return {id_: dict(item.fields) for id_, item in agents.items.items()}


def with_wrong_tenant(lab: Lab) -> Lab:
    lab.replace(lab.world.accounts[0][1].id, NO_TENANT)
    return lab


def with_wrong_secret(lab: Lab, account: int) -> Lab:
    (lab.folder / "secrets" / lab.world.accounts[account][0]).write_text("not-the-secret")
    return lab


def test_the_summary_has_status_anomalies_requests_and_time(ready: Lab) -> None:
    ran = ready.run("sync")
    assert ran.code == 0
    counts = Counter(truth.status for truth in ready.world.truth.values())
    assert f"45 rows   {counts['OK']} OK   {counts['Warning']} Warning   {counts['Error']} Error   0 Unknown" in ran.out
    for code, count in codes(ready).items():
        assert [code, str(count)] in [line.split()[:2] for line in ran.out.splitlines()]
    assert "45 of 45 rows written" in ran.out
    assert " list, " in ran.out
    assert ran.out.rstrip().endswith(" s")


def test_away_from_a_terminal_each_stage_is_a_line_on_stderr(ready: Lab) -> None:
    stages = [
        "Reading the list",
        "Asking the tenants",
        "Looking for who is meant",
        "Reading presence",
        "Writing to the list",
    ]
    assert [line.partition(":")[0] for line in ready.run("sync").err.splitlines()] == stages
    assert [line.partition(":")[0] for line in ready.run("sync", "--dry-run").err.splitlines()] == stages[:4]


def test_a_dry_run_writes_nothing_and_says_what_it_would(ready: Lab) -> None:
    before = shown(ready.agents)
    ran = ready.run("sync", "--dry-run")
    assert ran.code == 0
    assert "45 rows would be written" in ran.out
    assert shown(ready.agents) == before
    assert ready.run("report").code == 1, "a dry run is no pass to report"


def test_anomalies_make_exit_code_4_only_where_asked_for(ready: Lab) -> None:
    assert ready.run("sync").code == 0
    assert ready.run("sync", "--exit-code").code == 4
    for row_id, truth in ready.world.truth.items():
        if truth.codes:
            del ready.agents.items[row_id]
    assert ready.run("sync", "--exit-code").code == 0


def test_json_is_one_document_on_stdout_and_logs_are_on_stderr(ready: Lab) -> None:
    with ready.settings.open("a") as file:
        file.write("log: {format: json, level: debug}\n")
    ran = ready.run("sync", "--json")
    assert ran.code == 0
    document = json.loads(ran.out)
    assert document["rows"] == 45
    assert Counter(anomaly["code"] for anomaly in document["anomalies"]) == codes(ready)
    assert document["writes"] == {"planned": 45, "done": 45, "conflicts": 0, "failed": 0}
    assert {account["state"] for account in document["accounts"].values()} == {"ok"}
    assert document["held"] is None
    assert '"event": "list_read"' in ran.err
    assert ready.run("sync", "--json", "--exit-code").json()["writes"]["planned"] == 0


def test_a_list_that_cannot_be_read_is_one_sentence_and_nothing_else(bare: Lab) -> None:
    ran = with_wrong_tenant(bare).run("sync")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.strip() == f"sync-agent: {sentence(ran)}"
    for word in ("contoso.com", "AADSTS90002", "tenant_id"):
        assert word in sentence(ran)


def test_with_json_the_document_has_the_reason_too(bare: Lab) -> None:
    ran = with_wrong_tenant(bare).run("sync", "--json")
    assert ran.code == 1
    assert ran.json()["error"] == sentence(ran)
    assert ran.json()["rows"] == 0


def test_an_account_in_trouble_is_told_once(ready: Lab) -> None:
    ran = with_wrong_secret(ready, 1).run("sync")
    assert ran.code == 1
    assert (ran.out + ran.err).count("account fabrikam.com cannot sign in") == 1
    assert "the client secret is wrong (AADSTS7000215)" in ran.out


def test_a_held_plan_says_how_it_is_let_through(ready: Lab) -> None:
    assert ready.run("sync").code == 0
    right = [row_id for row_id, truth in ready.world.truth.items() if not truth.codes]
    for row_id in right:
        ready.agents.edit(row_id, {"UPN": "nobody"})
    before = shown(ready.agents)
    held = ready.run("sync")
    assert held.code == 3
    assert shown(ready.agents) == before
    told = next(line for line in held.out.splitlines() if line.startswith("Held by the fuse max_worsened"))
    assert "29 rows are not written" in told
    assert f"{len(right)} of {len(right)} rows that show OK" in told
    assert "at most 30% may" in told
    checksum = told.rpartition("--approve ")[2]
    assert ready.run("sync", "--approve", checksum).code == 0
    assert shown(ready.agents) != before


def test_ctrl_c_is_one_sentence(ready: Lab) -> None:
    ready.world.latency = 0.5
    asked = ready.world.requests["all"]
    command = [sys.executable, "-m", "sync_agent", "--settings", str(ready.settings), "sync"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while ready.world.requests["all"] == asked and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (1, "")
    assert err.split("\n")[-2] == "sync-agent: stopped before the end; running it again is safe."
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [("sync",), ("sync", "--json")])
def test_a_reader_that_goes_away_is_no_crash(ready: Lab, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "sync_agent", "--settings", str(ready.settings), *arguments]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    running.stdout.close()
    _, err = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "Traceback" not in err
    assert "Exception ignored" not in err


def test_a_dry_run_shows_what_it_would_write_and_the_real_one_writes_that(ready: Lab) -> None:
    shown = ready.run("sync", "--dry-run")
    assert "Would be written:\nRow 1: SyncStatus = Error; SyncAnomalies = upn_missing: " in shown.out
    assert "… and 35 more rows; --json has them all." in shown.out
    planned = {change["row"]: change["values"] for change in ready.run("sync", "--dry-run", "--json").json()["changes"]}
    ready.run("sync")
    for row_id, values in planned.items():
        for column in ("SyncStatus", "SyncAnomalies", "SyncAccount", "EntraObjectId", "Presence", "PresenceActivity"):
            assert (ready.shown(row_id, column) or "") == (values.get(column) or "")


def test_with_json_a_list_without_our_columns_is_told_in_the_document_too(bare: Lab) -> None:
    ran = bare.run("sync", "--json")
    assert (ran.code, ran.json()["rows"]) == (2, 0)
    assert "provision" in ran.json()["error"]
    assert ran.json()["error"].splitlines()[0] in ran.err
