"""Hundreds of cells as team leaders leave them: what is said of each, and what a person reads in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_agent.model import Absent, Code, Found, Match, Row, User
from sync_agent.reconcile import names_to_ask, reconcile
from sync_agent.upn import examine, key

GROUPS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("upn_corpus.yaml").read_text(encoding="utf-8"))


def _cells() -> Iterator[tuple[str, list[Code], str | None]]:
    for group in GROUPS:
        codes, cells = [Code(code) for code in group["codes"]], group["cells"]
        yield from ((cell, codes, None if isinstance(cells, list) else cells[cell]) for cell in cells)


CELLS = list(_cells())


def test_the_corpus_is_large_and_has_no_cell_twice() -> None:
    assert len(CELLS) >= 250
    assert len({cell for cell, _, _ in CELLS}) == sum(len(group["cells"]) for group in GROUPS)
    assert {code for _, codes, _ in CELLS for code in codes} == {
        code for code in Code if code.name.startswith("UPN_")
    } - {
        Code.UPN_DUPLICATE,
        Code.UPN_IS_ALIAS,
    }


@pytest.mark.parametrize(("cell", "codes", "meant"), CELLS, ids=map(ascii, [cell for cell, _, _ in CELLS]))
def test_a_cell_is_read_as_a_person_reads_it(cell: str, codes: list[Code], meant: str | None) -> None:
    findings = examine(cell)
    assert [anomaly.code for anomaly in findings.anomalies] == codes
    assert findings.candidate == meant
    if not codes:
        assert findings.name == key(cell)


@pytest.mark.parametrize(("cell", "meant"), [(cell, meant) for cell, _, meant in CELLS if meant])
def test_what_is_read_is_asked_for_and_suggested_once_the_directory_confirms_it(cell: str, meant: str) -> None:
    row, user = Row(1, cell), User("id-1", meant.title(), "Jane Doe")
    matches: dict[str, Match] = {name: Absent("contoso") for name in names_to_ask([row])}
    assert {anomaly.suggestion for anomaly in reconcile([row], matches)[1].anomalies} == {None}
    matches[meant] = Found(user, "contoso")
    assert {anomaly.suggestion for anomaly in reconcile([row], matches)[1].anomalies} == {user.upn}
