"""docs/upn-rules.md is what the rules say today."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from sync_agent.upn import RULES, Source

DOCS = Path(__file__).parents[1] / "docs"
MADE: dict[str, Any] = runpy.run_path(str(DOCS / "upn_rules.py"))
TEXT = (DOCS / "upn-rules.md").read_text(encoding="utf-8")


def test_it_is_made_from_the_rules_as_they_are() -> None:
    assert MADE["text"]() == TEXT, "stale: run `make docs`"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.sentence)
def test_every_rule_is_in_it_with_its_source(rule: Any) -> None:
    section = TEXT.partition(f"`{rule.code}`: {rule.sentence}\n")[2].partition("\n### ")[0]
    assert rule.remedy in section
    assert f"[{rule.source.title}]({rule.source.url})" in section


@pytest.mark.parametrize("one", MADE["DISAGREEMENTS"], ids=lambda one: one.question)
def test_every_disagreement_has_its_sources_and_what_is_done_here(one: Any) -> None:
    section = TEXT.partition(f"### {one.question}\n")[2].partition("\n### ")[0]
    assert one.here in section
    assert one.cells
    sources: list[Source] = [source for _, source in one.said]
    assert sources
    assert all(source.url in section for source in sources)


def test_it_is_reached_from_the_readme() -> None:
    assert "docs/upn-rules.md" in (DOCS.parent / "README.md").read_text(encoding="utf-8")
