"""Presence in a companion list as an operator has it: made, filled, changed over to, followed; by both APIs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync_agent.simulator.lab import Api
from sync_agent.simulator.lists import SharePointList
from sync_agent.simulator.messy import SITE_PATH
from tests.lab import Lab, lab

TITLE = "Agent presence"
LIVE = ("Presence", "PresenceActivity", "PresenceChangedAt")


@pytest.fixture(params=["graph", "rest"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    api: Api = request.param
    with lab(tmp_path, rows=45, api=api) as made:
        yield made


def with_companion(opened: Lab) -> Lab:
    opened.replace("  columns:", f"  presence_list: {TITLE}\n  columns:")
    return opened.provisioned()


def companion(opened: Lab) -> SharePointList:
    return next(found for found in opened.world.sites[SITE_PATH].lists.values() if found.title == TITLE)


def presences(opened: Lab) -> dict[int, Any]:
    return {item.fields["AgentRow"]: item.fields.get("Presence") for item in companion(opened).items.values()}


def wanted(opened: Lab) -> dict[int, str]:
    """Of the right rows."""
    right = {id_: truth for id_, truth in opened.world.truth.items() if not truth.codes}
    found = {id_: opened.world.user(truth.object_id) for id_, truth in right.items()}
    return {id_: user.availability for id_, user in found.items() if user is not None}


def synced(opened: Lab) -> dict[str, int]:
    ran = opened.run("sync", "--json")
    assert ran.code == 0, ran.err
    writes: dict[str, int] = ran.json()["writes"]
    return writes


def test_presence_stands_there_and_verdicts_here_and_a_second_pass_writes_nothing(bare: Lab) -> None:
    opened = with_companion(bare)
    assert synced(opened)["done"] > 0
    shown = presences(opened)
    assert {id_: shown.get(id_) for id_ in wanted(opened)} == wanted(opened)
    assert all(item.fields.get("SyncStatus") for item in opened.agents.items.values())
    assert not set(LIVE) & opened.agents.columns.keys()
    assert synced(opened) == {"planned": 0, "done": 0, "conflicts": 0, "failed": 0}


def test_a_presence_that_changes_makes_no_version_of_the_agents_row(bare: Lab) -> None:
    opened = with_companion(bare)
    synced(opened)
    before = {id_: (item.revision, len(item.versions)) for id_, item in opened.agents.items.items()}
    for row_id in wanted(opened):
        user = opened.world.user(opened.world.truth[row_id].object_id)
        assert user is not None
        user.availability = user.activity = "Offline" if user.availability != "Offline" else "Available"
    assert synced(opened)["done"] > 0
    assert {id_: (item.revision, len(item.versions)) for id_, item in opened.agents.items.items()} == before
    shown = presences(opened)
    assert {id_: shown.get(id_) for id_ in wanted(opened)} == wanted(opened)


def test_changing_over_leaves_no_presence_behind(bare: Lab) -> None:
    """And is done once, with no fuse in the way."""
    synced(bare.provisioned())
    assert any(item.fields.get("Presence") for item in bare.agents.items.values())
    opened = with_companion(bare)
    assert synced(opened)["done"] > 0
    assert not any(item.fields.get(name) for item in opened.agents.items.values() for name in LIVE)
    shown = presences(opened)
    assert {id_: shown.get(id_) for id_ in wanted(opened)} == wanted(opened)
    assert synced(opened)["planned"] == 0


def test_a_companion_that_is_not_there_ends_it_with_two_and_the_command(bare: Lab) -> None:
    bare.provisioned().replace("  columns:", f"  presence_list: {TITLE}\n  columns:")
    ran = bare.run("sync")
    assert ran.code == 2
    assert 'has no list "Agent presence". Run `sync-agent provision`' in ran.err


def test_presence_is_coloured_there_once_or_it_is_said_that_graph_cannot(bare: Lab) -> None:
    opened = bare
    opened.replace("  columns:", f"  presence_list: {TITLE}\n  columns:")
    planned = opened.run("provision", "--dry-run").out
    made = opened.run("provision").out
    told = [line for line in made.splitlines() if not line.startswith("No say by Graph in whether")]
    assert told == planned.replace("Would be created:", "Created:").splitlines()
    by_rest = "api: rest" in opened.settings.read_text()
    assert ("formatting of the column Presence of the list Agent presence" in made) == by_rest
    assert ("No formatting of Presence of the list Agent presence: Graph" in made) != by_rest
    assert bool(companion(opened).columns["Presence"].formatter) == by_rest
    assert "Presence" not in opened.agents.views, "it stands in the other list"
    assert "Nothing to do" in opened.run("provision").out


def test_an_index_that_is_gone_is_found_and_made_anew(bare: Lab) -> None:
    opened = with_companion(bare)
    companion(opened).columns["AgentUPN"].indexed = False
    said = "lacks: index of the column AgentUPN of the list Agent presence"
    assert said in opened.run("check").out.replace("\n", " ").replace("  ", "")
    opened.provisioned()
    assert companion(opened).columns["AgentUPN"].indexed
    assert "provision_unfinished" not in opened.run("check", "--json").out
