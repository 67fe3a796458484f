"""A tenant that suddenly does not know most of the list's users is not believed, from one command to the next, until
they come back or an operator says that it is so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync_agent.simulator.world import SimUser, Tenant
from tests.cli.commands import sentence
from tests.lab import Lab, lab


@pytest.fixture
def synced(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path, rows=60) as made:
        assert made.provisioned().run("sync").code == 0
        yield made


def listed(made: Lab) -> list[tuple[SimUser, int]]:
    """Users of the first tenant that rows were matched with."""
    tenant = first(made)
    shown = {made.shown(id_, "EntraObjectId"): id_ for id_ in made.agents.items}
    return [(user, shown[user.id]) for user in tenant.users.values() if user.id in shown]


def first(made: Lab) -> Tenant:
    return made.world.accounts[0][1]


def leave(made: Lab, part: float) -> list[tuple[SimUser, int]]:
    """For good, without a trace."""
    users = listed(made)
    gone = users[: round(len(users) * part)]
    for user, _ in gone:
        first(made).remove(user)
    return gone


def statuses(made: Lab) -> dict[int, Any]:
    return {id_: item.fields.get("SyncStatus") for id_, item in made.agents.items.items()}


def accounts(made: Lab) -> dict[str, Any]:
    return {each["id"]: each for each in made.run("account", "list", "--json").json()["accounts"]}


def test_most_users_gone_accuses_nobody_until_they_come_back(synced: Lab) -> None:
    before = statuses(synced)
    account, other = (synced.world.accounts[number][0] for number in (0, 1))
    gone = leave(synced, 0.6)
    assert len(listed(synced)) >= 4
    for _ in range(2):
        ran = synced.run("sync", "--json")
        assert ran.code == 1
        assert ran.json()["held"] is None
        assert ran.json()["writes"]["done"] == 0
        assert f"no longer knows {len(gone)} of them" in ran.json()["accounts"][account]["state"]
        assert f"sync-agent account release {account}" in ran.json()["accounts"][account]["state"]
        assert statuses(synced) == before
    told = accounts(synced)
    assert told[other]["quarantine"] is None
    assert told[account]["quarantine"]["gone"] == len(gone)
    assert told[account]["quarantine"]["released"] is None
    assert f"account release {account}" in synced.run("account", "list").out

    for user, _ in gone:
        first(synced).add(user)
    assert synced.run("sync").code == 0
    assert statuses(synced) == before
    assert accounts(synced)[account]["quarantine"] is None


def test_a_new_row_of_such_a_tenant_is_not_accused_either(synced: Lab) -> None:
    leave(synced, 0.6)
    typed = synced.agents.add({"Title": "New", "UPN": f"nobody.at.all@{first(synced).domains[0]}"})
    assert synced.run("sync").code == 1
    assert synced.shown(typed, "SyncStatus") == "Unknown"
    shown = synced.shown(typed, "SyncAnomalies")
    assert synced.run("sync", "--json").json()["writes"]["planned"] == 0
    assert synced.shown(typed, "SyncAnomalies") == shown


def test_an_operator_may_say_that_it_is_so_for_as_many_as_are_gone(synced: Lab) -> None:
    account = synced.world.accounts[0][0]
    synced.replace("accounts:", "safety: {max_worsened: 100%}\naccounts:")
    gone = leave(synced, 0.6)
    assert synced.run("account", "release", account).code == 1  # no pass has seen it yet
    assert synced.run("sync").code == 1
    assert synced.run("account", "release", account).code == 0
    assert synced.run("sync").code == 0
    for _, row_id in gone:
        assert synced.shown(row_id, "SyncStatus") == "Error"
        assert "user_not_found" in synced.shown(row_id, "SyncAnomalies")
    assert synced.run("sync", "--json").json()["writes"]["planned"] == 0
    assert accounts(synced)[account]["quarantine"] is None


def test_a_release_is_not_for_those_who_go_after_it(synced: Lab) -> None:
    account = synced.world.accounts[0][0]
    leave(synced, 0.6)
    assert synced.run("sync").code == 1
    assert synced.run("account", "release", account).code == 0
    leave(synced, 1)
    before = statuses(synced)
    assert synced.run("sync").code == 1
    assert statuses(synced) == before
    assert accounts(synced)[account]["quarantine"]["released"] is None


def test_a_permission_that_is_lost_in_silence_looks_like_one(synced: Lab) -> None:
    """Graph answers 200 with nobody in it."""
    before = statuses(synced)
    for user in list(first(synced).users.values()):
        first(synced).remove(user)
    account = synced.world.accounts[0][0]
    ran = synced.run("sync", "--json")
    assert ran.code == 1
    assert statuses(synced) == before
    assert "User.Read.All" in ran.json()["accounts"][account]["state"]
    assert accounts(synced)[account]["quarantine"]["released"] is None


def test_users_who_are_explained_one_by_one_are_believed(synced: Lab) -> None:
    _, *gone = listed(synced)
    synced.replace("accounts:", "safety: {max_worsened: 100%}\naccounts:")
    half = len(gone) // 2
    for user, _ in gone[:half]:
        first(synced).remove(user, "2026-11-01T08:00:00Z")
    for number, (user, _) in enumerate(gone[half:]):
        first(synced).rename(user, f"renamed{number}@{first(synced).domains[0]}")
    assert synced.run("sync").code == 0
    said = [synced.shown(row_id, "SyncAnomalies").partition(":")[0] for _, row_id in gone]
    assert set(said[:half]) == {"user_deleted"}
    assert set(said[half:]) <= {"user_renamed", "upn_is_alias"}


def test_without_history_it_is_not_believed_either(synced: Lab) -> None:
    before = statuses(synced)
    leave(synced, 0.6)
    for file in (synced.folder / "state").glob("*.db*"):
        file.unlink()
    assert synced.run("sync").code == 1
    assert statuses(synced) == before


def test_a_dry_run_leaves_no_trace(synced: Lab) -> None:
    account = synced.world.accounts[0][0]
    leave(synced, 0.6)
    assert synced.run("sync", "--dry-run").code == 1
    assert accounts(synced)[account]["quarantine"] is None


def test_explain_does_not_believe_it_either(synced: Lab) -> None:
    gone = leave(synced, 0.6)
    assert synced.run("sync").code == 1
    ran = synced.run("explain", str(gone[0][1]), "--json")
    assert ran.code == 1
    assert ran.json()["verdict"]["status"] == "Unknown"


def test_an_account_that_is_none_is_told(synced: Lab) -> None:
    ran = synced.run("account", "release", "contosso.com")
    assert ran.code == 2
    assert "There is no account contosso.com" in sentence(ran)


def test_before_the_first_pass_there_is_nothing_to_list_or_release(tmp_path: Path) -> None:
    with lab(tmp_path, rows=20) as made:
        account = made.world.accounts[0][0]
        assert accounts(made)[account] == {
            "id": account,
            "tenant_id": first(made).id,
            "users": 0,
            "quarantine": None,
        }
        ran = made.run("account", "release", account)
        assert ran.code == 1
        assert "not under quarantine" in sentence(ran)
        assert not (made.folder / "state").exists()
