"""The list of anomalies as people see it: from `provision` through the life of an item, by both APIs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync_agent.anomaly_item import ACKNOWLEDGED, ItemColumn
from sync_agent.simulator.lab import Api
from sync_agent.simulator.lists import SharePointList
from sync_agent.simulator.messy import SITE_PATH
from tests.lab import Lab, lab

TITLE = "Agent anomalies"


@pytest.fixture(params=["graph", "rest"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """A list of anomalies is wished for, and not there yet."""
    api: Api = request.param
    with lab(tmp_path, rows=45, api=api) as made:
        made.replace("  columns:", f"  anomaly_list: {TITLE}\n  columns:")
        yield made


@pytest.fixture
def opened(bare: Lab) -> Lab:
    return bare.provisioned()


def anomalies(opened: Lab) -> SharePointList:
    return next(found for found in opened.world.sites[SITE_PATH].lists.values() if found.title == TITLE)


def items(opened: Lab) -> list[dict[str, Any]]:
    return [dict(item.fields) for item in anomalies(opened).items.values()]


def standing(opened: Lab) -> list[tuple[int, str]]:
    return [(item["AgentRow"], item["AnomalyCode"]) for item in items(opened) if "Resolved" not in item]


def wanted(opened: Lab) -> Counter[tuple[int, str]]:
    return Counter((row_id, code) for row_id, truth in opened.world.truth.items() for code in truth.codes)


def synced(opened: Lab, code: int = 0) -> Any:
    ran = opened.run("sync", "--json")
    assert ran.code == code, ran.err
    return ran.json()["anomaly_list"]


def a_row_with(opened: Lab, code: str) -> int:
    return next(id_ for id_, truth in opened.world.truth.items() if truth.codes == {code})


def mend(opened: Lab, row_id: int) -> None:
    """Give the row the UPN of somebody who is in no row yet."""
    taken = {str(row.fields.get("UPN")).lower() for row in opened.agents.items.values()}
    tenant = opened.world.accounts[0][1]
    free = next(user for user in tenant.users.values() if user.enabled and user.upn.lower() not in taken)
    free.licensed, free.guest, free.availability = True, False, "Available"
    opened.agents.edit(row_id, {"UPN": free.upn})


def test_everything_that_stands_has_an_item_and_a_second_pass_writes_nothing(opened: Lab) -> None:
    first = synced(opened)
    assert Counter(standing(opened)) == wanted(opened)
    assert (first["made"], first["changed"], first["resolved"], first["error"]) == (wanted(opened).total(), 0, 0, None)
    before = {item.id: item.revision for item in anomalies(opened).items.values()}
    assert synced(opened)["to_write"] == 0
    assert {item.id: item.revision for item in anomalies(opened).items.values()} == before


def test_an_item_says_whose_it_is_and_what_to_do(opened: Lab) -> None:
    synced(opened)
    row_id = a_row_with(opened, "user_disabled")
    (item,) = [item for item in items(opened) if item["AgentRow"] == row_id]
    row = opened.agents.items[row_id].fields
    assert (item["Title"], item["AgentUPN"], item["Severity"]) == (row["Title"], row["UPN"], "error")
    assert item["Message"].startswith("This user may not sign in")
    assert item["TimesOpened"] == 1
    assert item["Opened"].endswith("Z")
    assert item[ACKNOWLEDGED] is False
    suggested = {item["AgentRow"]: item.get("Suggestion") for item in items(opened)}
    for row_id, truth in opened.world.truth.items():
        if truth.codes == {"upn_is_alias"}:
            assert suggested[row_id] == truth.suggestion


def test_what_is_mended_is_resolved_and_opens_again_as_an_item_of_its_own(opened: Lab) -> None:
    synced(opened)
    row_id = a_row_with(opened, "user_disabled")
    upn = opened.agents.items[row_id].fields["UPN"]
    mend(opened, row_id)
    assert synced(opened)["resolved"] == 1
    (item,) = [item for item in items(opened) if item["AgentRow"] == row_id]
    assert item["Resolved"] >= item["Opened"]
    opened.agents.edit(row_id, {"UPN": upn})
    assert synced(opened)["made"] == 1
    mine = [item for item in items(opened) if item["AgentRow"] == row_id]
    assert [("Resolved" in item, item["TimesOpened"]) for item in mine] == [(True, 1), (False, 2)]


def tick(opened: Lab, row_id: int, *, ticked: bool = True) -> None:
    found = anomalies(opened)
    (item,) = [id_ for id_, i in found.items.items() if i.fields["AgentRow"] == row_id and "Resolved" not in i.fields]
    found.edit(item, {ACKNOWLEDGED: ticked})


def counted(opened: Lab) -> tuple[int, int]:
    """Anomalies in the report, and those acknowledged."""
    made = opened.run("report", "--json").json()
    return len(made["anomalies"]), made["acknowledged"]


def test_what_is_acknowledged_is_not_counted_until_it_changes(opened: Lab) -> None:
    synced(opened)
    row_id = a_row_with(opened, "user_disabled")
    all_ = wanted(opened).total()
    assert counted(opened) == (all_, 0)
    tick(opened, row_id)
    assert (synced(opened)["acknowledged"], counted(opened)) == (1, (all_ - 1, 1))
    tick(opened, row_id, ticked=False)
    assert (synced(opened)["acknowledged"], counted(opened)) == (0, (all_, 0))

    tick(opened, row_id)
    synced(opened)
    upn = str(opened.agents.items[row_id].fields["UPN"])
    opened.agents.edit(row_id, {"UPN": upn.upper()})  # the same user, and another cell
    changed = synced(opened)
    assert (changed["made"], changed["resolved"], changed["acknowledged"]) == (1, 1, 0)
    assert counted(opened) == (all_, 0)
    assert synced(opened)["to_write"] == 0
    mine = [item for item in items(opened) if item["AgentRow"] == row_id]
    assert [("Resolved" in item, item[ACKNOWLEDGED]) for item in mine] == [(True, True), (False, False)]


def test_the_exit_code_tells_of_no_anomaly_that_is_acknowledged(opened: Lab) -> None:
    synced(opened)
    assert opened.run("sync", "--exit-code").code == 4
    for item in anomalies(opened).items.values():
        item.fields[ACKNOWLEDGED] = True
    ran = opened.run("sync", "--exit-code")
    assert ran.code == 0
    assert f"{wanted(opened).total():,} acknowledged by people" in ran.out
    assert f"Without {wanted(opened).total():,} that people have acknowledged" in opened.run("report").out


def test_items_and_cells_of_people_are_left_alone(opened: Lab) -> None:
    synced(opened)
    found = anomalies(opened)
    theirs = found.add({"Title": "Call IT about the alias"})
    found.items[1].fields["Comment"] = "ask Terry"
    row_id = found.items[1].fields["AgentRow"]
    opened.agents.edit(row_id, {"Title": "Another Name"})
    assert synced(opened)["changed"] >= 1
    assert found.items[1].fields["Title"] == "Another Name"
    assert found.items[1].fields["Comment"] == "ask Terry"
    assert found.items[theirs].fields == {"Title": "Call IT about the alias", ACKNOWLEDGED: False}


def test_what_people_delete_is_made_again_while_it_stands(opened: Lab) -> None:
    synced(opened)
    before = Counter(standing(opened))
    anomalies(opened).delete(1)
    assert synced(opened)["made"] == 1
    assert Counter(standing(opened)) == before


def test_an_item_that_was_made_twice_is_resolved_once(opened: Lab) -> None:
    synced(opened)
    before = Counter(standing(opened))
    found = anomalies(opened)
    twice = found.add(found.items[1].fields)
    assert synced(opened)["resolved"] == 1
    assert Counter(standing(opened)) == before
    assert "Resolved" in found.items[twice].fields


def test_a_list_that_nobody_made_costs_nothing_else(bare: Lab) -> None:
    bare.replace(f"  anomaly_list: {TITLE}\n", "")
    bare.provisioned()
    bare.replace("  columns:", f"  anomaly_list: {TITLE}\n  columns:")
    ran = bare.run("sync")
    assert ran.code == 1
    assert f'has no list "{TITLE}". Run `sync-agent provision`, which makes it.' in " ".join(ran.out.split())
    assert all(row.fields.get("SyncStatus") for row in bare.agents.items.values())
    assert "has no list" in synced(bare, 1)["error"]


def test_a_dry_run_and_a_held_pass_write_no_item(opened: Lab) -> None:
    assert opened.run("sync", "--dry-run").code == 0
    assert items(opened) == []
    synced(opened)
    before = items(opened)
    for row in opened.agents.items.values():
        row.fields["UPN"] = "nobody"
    ran = opened.run("sync", "--json")
    assert ran.code == 3
    assert "anomaly_list" not in ran.json()
    assert items(opened) == before


def test_without_the_setting_there_is_no_such_list(bare: Lab) -> None:
    bare.replace(f"  anomaly_list: {TITLE}\n", "")
    bare.provisioned()
    ran = bare.run("sync", "--json")
    assert ran.code == 0
    assert "anomaly_list" not in ran.json()
    assert len(bare.world.sites[SITE_PATH].lists) == 1


def test_making_the_list_takes_more_than_the_role_write(bare: Lab) -> None:
    bare.replace(f"  anomaly_list: {TITLE}\n", "")
    bare.provisioned()
    bare.replace("  columns:", f"  anomaly_list: {TITLE}\n  columns:")
    site = bare.world.sites[SITE_PATH]
    site.grants = dict.fromkeys(site.grants, "write")
    ran = bare.run("provision")
    assert ran.code == 1
    assert "may not create lists and columns" in ran.err
    assert "the role manage on this site" in ran.err
    assert len(site.lists) == 1


def test_provision_says_what_it_makes_and_makes_it_once(bare: Lab) -> None:
    planned = bare.run("provision", "--dry-run")
    assert f"  list {TITLE}\n" in planned.out
    assert f"  column {ItemColumn.ROW} (number) of the list {TITLE}\n" in planned.out
    assert len(bare.world.sites[SITE_PATH].lists) == 1
    assert f"  list {TITLE}\n" in bare.run("provision").out
    assert "Nothing to do" in bare.run("provision").out


def test_a_throttled_list_of_anomalies_is_told_and_caught_up_with(opened: Lab) -> None:
    """Another process has a budget of its own: the service says by itself when it is open again."""
    made = r"POST .*/items$"
    opened.world.faults.add(made, holding=b"AnomalyCode", status=429, headers={"retry-after": "1000"}, times=1)
    told = synced(opened, 1)
    assert told["failed"] == 1
    assert "throttled" in told["error"]
    assert all(row.fields.get("SyncStatus") for row in opened.agents.items.values())
    opened.world.faults.clear()
    assert synced(opened)["error"] is None
    assert Counter(standing(opened)) == wanted(opened)


def test_lost_answers_leave_no_item_twice(opened: Lab) -> None:
    """The items were made, and nobody knows."""
    opened.world.faults.add(r"POST .*\$batch", holding=b"AnomalyCode", cut=True)
    told = synced(opened, 1)
    assert told["made"] == 0
    opened.world.faults.clear()
    assert synced(opened)["error"] is None
    assert Counter(standing(opened)) == wanted(opened)
