"""A canary in the settings: nobody is called missing in its tenant unless it is found in the same pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sync_agent.simulator.world import SimUser
from tests.lab import Lab, lab


def with_canary(made: Lab, upn: str) -> str:
    """Named for the first account, whose id is returned."""
    account = made.world.accounts[0][0]
    made.replace(f"- id: {account}\n", f"- id: {account}\n    canary: {upn}\n")
    return account


def statuses(made: Lab) -> dict[int, Any]:
    return {id_: item.fields.get("SyncStatus") for id_, item in made.agents.items.items()}


def test_one_that_is_there_changes_nothing(tmp_path: Path) -> None:
    with lab(tmp_path, rows=40) as made:
        tenant = made.world.accounts[0][1]
        tenant.add(SimUser("99999999-0000-4000-8000-000000000001", f"Canary@{tenant.domains[0]}", "Canary"))
        with_canary(made, f"CANARY@{tenant.domains[0]}")
        assert made.provisioned().run("sync").code == 0
        assert statuses(made) == {id_: truth.status for id_, truth in made.world.truth.items()}


def test_one_that_is_gone_calls_nobody_missing_and_comes_back_alone(tmp_path: Path) -> None:
    with lab(tmp_path, rows=40) as made:
        tenant = made.world.accounts[0][1]
        domain = tenant.domains[0]
        canary = tenant.add(SimUser("99999999-0000-4000-8000-000000000001", f"canary@{domain}", "Canary"))
        account = with_canary(made, canary.upn)
        assert made.provisioned().run("sync").code == 0
        before = statuses(made)
        tenant.remove(canary)
        gone = next(user for user in tenant.users.values() if user.id in shown_ids(made))
        row_id = shown_ids(made)[gone.id]
        tenant.remove(gone)
        typed = made.agents.add({"Title": "New", "UPN": f"nobody.at.all@{domain}"})
        ran = made.run("sync", "--json")
        assert ran.code == 1
        assert "the canary of account" in ran.json()["accounts"][account]["state"]
        assert made.shown(typed, "SyncStatus") == "Unknown"
        assert made.shown(row_id, "SyncStatus") == before[row_id]
        assert {id_: status for id_, status in statuses(made).items() if id_ != typed} == before

        tenant.add(canary)
        assert made.run("sync").code == 0
        for id_ in (row_id, typed):
            assert made.shown(id_, "SyncStatus") == "Error"
            assert "user_not_found" in made.shown(id_, "SyncAnomalies")


def test_a_canary_misspelt_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with lab(tmp_path, rows=20) as made:
        with_canary(made, "canary")
        ran = made.run("sync")
        assert ran.code == 2
        assert "the UPN of a user, such as canary@contoso.com" in ran.err


def shown_ids(made: Lab) -> dict[str, int]:
    return {made.shown(id_, "EntraObjectId"): id_ for id_ in made.agents.items if made.shown(id_, "SyncStatus") == "OK"}
