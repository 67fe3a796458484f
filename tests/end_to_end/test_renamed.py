"""People of a synced list get other UPNs, and the next pass says which."""

from __future__ import annotations

from pathlib import Path

from sync_agent.simulator.later import rename_some
from tests.lab import lab


def test_who_was_renamed_after_a_sync_is_told_with_the_new_upn(tmp_path: Path) -> None:
    with lab(tmp_path, rows=120, tenants=2) as opened:
        assert opened.provisioned().run("sync").code == 0
        rename_some(opened.world, 10)
        ran = opened.run("sync", "--json")
        assert ran.code == 0, ran.err
        truth = opened.world.truth
        renamed = {id_: each.suggestion for id_, each in truth.items() if "user_renamed" in each.codes}
        assert len(renamed) == 10
        said = {each["row"]: each["suggestion"] for each in ran.json()["anomalies"] if each["code"] == "user_renamed"}
        assert said == renamed
        assert {id_: opened.shown(id_, "SyncStatus") for id_ in truth} == {id_: t.status for id_, t in truth.items()}
