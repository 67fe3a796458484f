"""`provision`: says what it makes, makes it once, and touches nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from sync_agent.model import APPROVAL_COLUMN, OurColumn
from sync_agent.simulator.lab import Api
from sync_agent.simulator.lists import ListColumn
from tests.cli.commands import sentence
from tests.lab import Lab, lab


@pytest.fixture(params=["graph", "rest"])
def listed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    api: Api = request.param
    with lab(tmp_path, rows=5, tenants=1, api=api) as made:
        yield made


def made(out: str) -> list[str]:
    """The names of what is, or would be, created."""
    return [line.split()[1] for line in out.splitlines() if line.startswith("  column ")]


def test_a_dry_run_names_everything_and_makes_nothing(listed: Lab) -> None:
    before = deepcopy(listed.agents.columns)
    ran = listed.run("provision", "--dry-run")
    assert ran.code == 0
    assert ran.out.startswith("Would be created:\n")
    assert made(ran.out) == list(OurColumn)
    assert listed.agents.columns == before


def test_it_makes_what_is_missing_once_and_leaves_the_rest_alone(listed: Lab) -> None:
    theirs, rows = deepcopy(listed.agents.columns), {i: dict(r.fields) for i, r in listed.agents.items.items()}
    ran = listed.run("provision")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Created:\n")
    assert made(ran.out) == list(OurColumn)
    once = deepcopy(listed.agents.columns)
    again = listed.run("provision")
    assert again.code == 0
    assert "Nothing to do" in again.out
    assert made(again.out) == []
    assert listed.agents.columns == once
    assert {name: once[name] for name in theirs} == theirs
    assert {i: dict(r.fields) for i, r in listed.agents.items.items()} == rows


def test_a_check_says_what_it_would_still_do(listed: Lab) -> None:
    assert found(listed).keys() >= {"columns_missing"}
    listed.provisioned()
    assert not found(listed).keys() & {"columns_missing", "provision_unfinished"}
    listed.agents.columns["SyncStatus"].indexed = False
    listed.agents.columns["Presence"].description = ""
    said = found(listed)["provision_unfinished"]
    assert said.endswith("lacks: index of the column SyncStatus, description of the column Presence.")
    listed.provisioned()
    assert "provision_unfinished" not in found(listed)


def test_what_a_person_made_is_told_and_stays(listed: Lab) -> None:
    listed.provisioned()
    listed.agents.columns["Presence"].description = "Ask Toni."
    out = listed.run("provision").out
    assert "Left as it is: the description of the column Presence, which somebody wrote." in out
    assert "Nothing to do" in out
    assert listed.agents.columns["Presence"].description == "Ask Toni."


def test_a_column_of_the_wrong_type_ends_it_with_two_and_nothing_is_made(listed: Lab) -> None:
    listed.agents.columns["Presence"] = ListColumn("Presence", "Presence", "Number")
    before = deepcopy((listed.agents.columns, listed.agents.views))
    ran = listed.run("provision")
    assert (ran.code, ran.out) == (2, "")
    assert 'The column "Presence"' in ran.err
    assert "is of type number, but the service needs single line of text" in ran.err
    assert (listed.agents.columns, listed.agents.views) == before


def found(listed: Lab) -> dict[str, str]:
    """What a check finds, by id."""
    return {each["id"]: each["message"] for each in listed.run("check", "--json").json()["findings"]}


def test_the_view_is_made_or_it_is_said_why_not(listed: Lab) -> None:
    out = listed.run("provision").out
    if "api: rest" in listed.settings.read_text():
        assert "  view Agents needing attention" in out
    else:
        assert "No view Agents needing attention: Graph cannot make views" in out


def test_a_site_that_is_not_granted_is_one_sentence(listed: Lab) -> None:
    next(iter(listed.world.sites.values())).grants.clear()
    ran = listed.run("provision")
    assert ran.code in {1, 2}
    assert ran.out == ""
    assert ran.err.strip() == f"sync-agent: {sentence(ran)}"


def test_the_column_of_approvals_is_made_with_the_setting_and_not_without(listed: Lab) -> None:
    listed.provisioned()
    assert APPROVAL_COLUMN not in listed.agents.columns
    listed.replace("pacing:", "safety: {approved_fixes: true}\npacing:")
    assert made(listed.run("provision").out) == [APPROVAL_COLUMN]
    assert "Nothing to do" in listed.run("provision").out
    in_view = APPROVAL_COLUMN in listed.agents.views["All Items"]["ViewFields"]
    assert in_view == ("api: rest" in listed.settings.read_text())
