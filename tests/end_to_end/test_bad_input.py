"""What is set up wrong, and lists that are strange: the right result or one clear sentence, and nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync_agent.simulator.lab import Api
from sync_agent.simulator.messy import build
from tests.lab import Lab, Ran, lab


@pytest.fixture(params=["graph", "rest"])
def api(request: pytest.FixtureRequest) -> Api:
    chosen: Api = request.param
    return chosen


@pytest.fixture
def opened(api: Api, tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, rows=45, api=api) as made:
        yield made


def cells(lab_: Lab) -> dict[int, dict[str, Any]]:
    return {id_: dict(item.fields) for id_, item in lab_.agents.items.items()}


def told(ran: Ran, *words: str, code: int = 2) -> None:
    """One sentence on stderr with these words, and the exit code."""
    assert ran.code == code, ran.err
    last = ran.err.strip().splitlines()[-1]
    assert last.startswith("sync-agent: ")
    for word in words:
        assert word in last


def test_a_list_without_our_columns_names_the_command_that_makes_them(opened: Lab) -> None:
    before = cells(opened)
    for command in (["sync"], ["sync", "--dry-run"], ["sync", "--json"]):
        told(opened.run(*command), "sync-agent provision", "SyncStatus")
    assert cells(opened) == before


def test_a_wrong_list_title_names_those_that_exist(opened: Lab) -> None:
    opened.replace("agent_list: Agents", "agent_list: Agnets")
    told(opened.run("sync"), "sharepoint.agent_list", "Agnets", "Agents")


def test_a_wrong_site(opened: Lab) -> None:
    opened.replace("/sites/ucc", "/sites/uccc")
    told(opened.run("sync"), "sharepoint.site_url", "uccc")


def test_a_list_without_the_upn_column(opened: Lab) -> None:
    opened.replace("upn: UPN", "upn: Sign-in name")
    told(opened.run("sync"), "sharepoint.columns.upn", "Sign-in name")


def test_a_wrong_tenant(opened: Lab) -> None:
    tenant = opened.world.accounts[0][1].id
    opened.replace(f"tenant_id: {tenant}", "tenant_id: 00000000-0000-4000-8000-000000000000")
    told(opened.run("sync"), "contoso.com", "AADSTS90002", "tenant_id", code=1)


def test_a_wrong_secret_of_one_tenant_leaves_the_others_alone(opened: Lab) -> None:
    opened.provisioned()
    secret = opened.folder / "secrets" / opened.world.accounts[1][0]
    secret.write_text("not-the-secret")
    ran = opened.run("sync", "--json")
    assert ran.code == 1
    document = ran.json()
    assert document["accounts"]["contoso.com"]["state"] == "ok"
    assert "AADSTS7000215" in document["accounts"]["fabrikam.com"]["state"]
    assert "not-the-secret" not in ran.out + ran.err
    other = opened.world.accounts[1][1].id
    for row_id, truth in opened.world.truth.items():
        if truth.tenant_id == other:
            codes = {anomaly["code"] for anomaly in document["anomalies"] if anomaly["row"] == row_id}
            assert codes <= {"account_unavailable", "upn_duplicate"}
            assert opened.shown(row_id, "SyncStatus") == "Unknown"
        elif truth.tenant_id:
            assert opened.shown(row_id, "SyncStatus") == truth.status


def test_a_tenant_that_comes_back_is_judged_in_the_next_pass(opened: Lab) -> None:
    opened.provisioned()
    secret = opened.folder / "secrets" / opened.world.accounts[1][0]
    right = secret.read_text()
    secret.write_text("not-the-secret")
    assert opened.run("sync").code == 1
    secret.write_text(right)
    assert opened.run("sync").code == 0
    assert {id_: opened.shown(id_, "SyncStatus") for id_ in opened.world.truth} == {
        id_: truth.status for id_, truth in opened.world.truth.items()
    }


def test_a_tenant_that_falls_silent_leaves_its_rows_as_they_were(opened: Lab) -> None:
    assert opened.provisioned().run("sync").code == 0
    before = cells(opened)
    (opened.folder / "secrets" / opened.world.accounts[1][0]).write_text("not-the-secret")
    ran = opened.run("sync", "--json")
    assert ran.code == 1
    assert ran.json()["status"]["Unknown"] > 0
    assert ran.json()["writes"]["planned"] == 0
    assert cells(opened) == before


def test_a_missing_secret_file_is_named_before_anything_is_asked(opened: Lab) -> None:
    (opened.folder / "secrets" / opened.world.accounts[1][0]).unlink()
    told(opened.run("sync"), "accounts.fabrikam.com.client_secret", "cannot be read")
    assert opened.world.requests["all"] == 0


def test_nobody_answers_at_the_address(opened: Lab) -> None:
    text = opened.settings.read_text()
    opened.settings.write_text(text.replace(opened.world.origin, "https://127.0.0.1:9"))
    told(opened.run("sync"), "could not be reached", code=1)


def test_a_dry_run_writes_nothing_and_plans_the_same(opened: Lab) -> None:
    opened.provisioned()
    before = cells(opened)
    dry = opened.run("sync", "--dry-run", "--json").json()
    assert cells(opened) == before
    wet = opened.run("sync", "--json").json()
    assert dry["writes"] == {"planned": 45, "done": 0, "conflicts": 0, "failed": 0}
    assert wet["writes"]["planned"] == wet["writes"]["done"] == 45
    assert dry["anomalies"] == wet["anomalies"]


def test_an_empty_list(api: Api, tmp_path: Path) -> None:
    with lab(tmp_path, rows=0, api=api) as empty:
        ran = empty.provisioned().run("sync", "--json")
        assert ran.code == 0
        assert ran.json()["rows"] == 0
        assert empty.run("sync").code == 0


@pytest.mark.parametrize("title", ['Terry\'s "Agents" & <script>alert(1)</script> 100% #1', "Agenten für Köln"])
def test_a_list_with_a_strange_title(title: str, api: Api, tmp_path: Path) -> None:
    world = build(45, 2)
    agents = next(iter(next(iter(world.sites.values())).lists.values()))
    agents.title = title
    agents.edit(20, {"Title": "<script>alert(1)</script>"})
    with lab(tmp_path, api=api, world=world) as strange:
        strange.replace(
            "agent_list: Agents", f"agent_list: {title!r}" if "'" not in title else "agent_list: >-\n    " + title
        )
        assert strange.provisioned().run("sync").code == 0
        assert strange.run("report", "--html", "report.html").code == 0
        assert "<script>alert" not in (tmp_path / "report.html").read_text()


def test_twenty_thousand_rows(api: Api, tmp_path: Path) -> None:
    with lab(tmp_path, rows=20_000, api=api) as large:
        ran = large.provisioned().run("sync", "--json", "--dry-run")
        assert ran.code == 0, ran.err
        assert ran.json()["rows"] == 20_000


def test_the_fuse_holds_until_the_plan_is_approved(opened: Lab) -> None:
    assert opened.provisioned().run("sync").code == 0
    right = [id_ for id_, truth in opened.world.truth.items() if not truth.codes]
    for row_id in right:
        opened.agents.edit(row_id, {"UPN": "nobody"})
    before = cells(opened)
    held = opened.run("sync", "--json")
    assert held.code == 3
    checksum = held.json()["held"]["checksum"]
    assert held.json()["held"]["fuse"] == "max_worsened"
    assert cells(opened) == before
    assert checksum in opened.run("sync").out
    assert opened.run("sync", "--approve", "0000").code == 3
    approved = opened.run("sync", "--json", "--approve", checksum)
    assert approved.code == 0
    assert approved.json()["writes"]["done"] == len(right)


def test_wrong_usage() -> None:
    ran = Lab(build(0, 1), Path(), Path("no-such-settings.yaml")).run("sync")
    assert ran.code == 2
    assert "no-such-settings.yaml" in ran.err
    assert "--settings" in ran.err


def test_a_mistyped_tenant_of_another_account_accuses_nobody(opened: Lab) -> None:
    """Its domains are found to be those of some tenant that is not configured, which is not the row's fault."""
    opened.provisioned()
    other = opened.world.accounts[1][1].id
    opened.replace(f"tenant_id: {other}", "tenant_id: 00000000-0000-4000-8000-000000000000")
    ran = opened.run("sync", "--json")
    assert ran.code == 1
    assert "AADSTS90002" in ran.json()["accounts"]["fabrikam.com"]["state"]
    assert {anomaly["code"] for anomaly in ran.json()["anomalies"]} & {"domain_not_configured", "user_not_found"} <= {
        "user_not_found"
    }
    for row_id, truth in opened.world.truth.items():
        if truth.tenant_id == other:
            assert opened.shown(row_id, "SyncStatus") == "Unknown"
