"""docs/troubleshooting.md is what `sync-agent check` can find today, and every template of the table can be filled."""

from __future__ import annotations

import runpy
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from sync_agent.check.faults import BY_NUMBER, FAULTS, TABLE, found
from sync_agent.check.finding import Level
from sync_agent.microsoft365.entra_explanations import EXPLANATIONS

DOCS = Path(__file__).parents[2] / "docs"
MADE: dict[str, Any] = runpy.run_path(str(DOCS / "troubleshooting.py"))
TEXT = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")

OFFERED_A_CODE = {70016, 70018, 70019, 70020, 65004, 50126}
"""What Entra says only while a person signs in, which a check does not begin."""
TOLD_IN_ITS_WORDS = {50196, 90033, 90006, 90024, 90025, 90055, 40010} | {
    *(7000216, 700025, 50013, 500133, 700023, 700030),
    *(500021, 500022, 900382, 900432, 900439, 1002016),
}
"""A fault of ours, what passes by itself, and what is rare: told as Entra's refusal, in the words of the table."""


def test_it_is_made_from_the_table_as_it_is() -> None:
    assert MADE["text"]() == TEXT, "stale: run `make docs`"


@pytest.mark.parametrize("id_", FAULTS)
def test_every_fault_is_in_it(id_: str) -> None:
    section = TEXT.partition(f"\n### {id_}\n")[2].partition("\n### ")[0]
    assert section
    assert FAULTS[id_].level in section
    assert all(f"AADSTS{number}" in section for number in FAULTS[id_].numbers)


def test_there_are_more_than_forty() -> None:
    assert len(FAULTS) > 40


@pytest.mark.parametrize("id_", TABLE)
def test_every_template_is_filled_by_names_and_a_fault_has_a_remedy(id_: str) -> None:
    entry = TABLE[id_]
    names = {name for template in (entry.message, entry.remedy) for _, name, *_ in Formatter().parse(template) if name}
    assert all(name.isidentifier() for name in names)
    told = found(id_, "subject", **dict.fromkeys(names, "{braces} of others"))
    assert (told.remedy is None) is (entry.level is Level.OK)
    assert entry.message.endswith((".", "}"))


def test_what_a_fault_follows_from_is_told_and_follows_from_nothing_that_leads_back() -> None:
    def causes(id_: str, seen: tuple[str, ...] = ()) -> None:
        assert id_ not in seen, seen
        for cause in TABLE[id_].follows:
            causes(cause, (*seen, id_))

    for id_ in TABLE:
        causes(id_)


def test_every_number_of_entras_is_a_fault_of_the_table() -> None:
    assert set(EXPLANATIONS) - set(BY_NUMBER) == OFFERED_A_CODE | TOLD_IN_ITS_WORDS


def test_it_is_reached_from_the_readme() -> None:
    assert "docs/troubleshooting.md" in (DOCS.parent / "README.md").read_text(encoding="utf-8")
