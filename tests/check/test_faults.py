"""Every fault of the table is found, by itself and with its remedy, where just that is broken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sync_agent.check.faults import FAULTS
from sync_agent.check.finding import Level
from sync_agent.simulator.lab import Api
from tests.check import list_cases, machine_cases, sign_in_cases, way_cases
from tests.check.cases import Case, made_ready
from tests.lab import Lab, Ran, lab

CASES: Mapping[str, Case] = {**way_cases.CASES, **sign_in_cases.CASES, **list_cases.CASES, **machine_cases.CASES}
SCHEMA = Draft202012Validator(json.loads((Path(__file__).parents[2] / "docs" / "check.schema.json").read_text()))


def checked(made: Lab) -> tuple[Ran, list[dict[str, Any]]]:
    ran = made.run("check", "--json")
    document = ran.json()
    SCHEMA.validate(document)
    assert document["ok"] is (ran.code == 0)
    return ran, document["findings"]


@pytest.mark.parametrize("id_", FAULTS)
def test_exactly_that_is_found(id_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[id_]
    with lab(tmp_path, rows=case.rows, tenants=case.tenants, api=case.api) as made:
        made_ready(made)
        with case.broken(made, monkeypatch):
            ran, findings = checked(made)
    wrong = [each for each in findings if each["level"] != "ok"]
    assert [each["id"] for each in wrong] == [id_], wrong
    (found,) = wrong
    entry = FAULTS[id_]
    assert found["level"] == entry.level
    assert found["remedy"], "says what to do"
    assert "None" not in found["message"] + found["remedy"]
    assert ".." not in found["message"].replace("...", "")
    assert "?." not in found["message"] + found["remedy"]
    assert "{" not in found["message"]
    assert ran.code == (2 if id_ in ("settings_wrong", "settings_unreadable") else int(entry.level is Level.ERROR))
    assert not [secret for secret in secrets(made) if secret in ran.out + ran.err]


def secrets(made: Lab) -> list[str]:
    return [secret for _, _, app in made.world.accounts for secret in app.secrets]


@pytest.mark.parametrize("api", ["graph", "rest"])
def test_where_all_is_right_nothing_else_is_found(api: Api, tmp_path: Path) -> None:
    with lab(tmp_path, rows=45, api=api) as made:
        made_ready(made)
        ran, findings = checked(made)
        page = made.run("check")
    assert ran.code == 0
    assert [each for each in findings if each["level"] != "ok"] == []
    assert {each["subject"] for each in findings} >= {"accounts.contoso.com", "accounts.fabrikam.com", "clock"}
    assert "Everything is right." in page.out
    assert "\x1b" not in page.out


def test_no_case_is_of_a_fault_that_is_not_told() -> None:
    assert set(CASES) == set(FAULTS)
