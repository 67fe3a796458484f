"""The CSV says what the other forms say, and no spreadsheet finds a formula in it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync_agent.characters import BLANK
from sync_agent.model import Code
from sync_agent.report.csv_file import harmless, write_csv
from sync_agent.report.document import document
from tests.report.records import content, record

SIGNS = "=+-@＝＋－＠"
INVISIBLE = " \t\r\n\u00a0\u200b\u200e\ufeff\u2060\u00ad\x00\u3000"


def written(*anomalies: object) -> str:
    file = io.StringIO(newline="")
    write_csv(content(anomalies), file)  # type: ignore[arg-type]
    return file.getvalue()


def test_it_has_team_tenant_age_and_how_often_it_came_back() -> None:
    text = written(
        record(7, Code.UPN_IS_ALIAS, stands=timedelta(days=12, hours=3), team="Inbound", times=3, suggestion="j@x.com"),
        record(8, account="", upn=None),
    )
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert first == {
        "row": "7",
        "name": "Jane Doe",
        "upn": "jane@contoso.com",
        "team": "Inbound",
        "tenant": "contoso.com",
        "code": "upn_is_alias",
        "severity": "error",
        "message": "Nobody in contoso.com has this UPN. Check the spelling.",
        "suggestion": "j@x.com",
        "opened": "2026-02-18T05:00:00+00:00",
        "days": "12",
        "times": "3",
        "object_id": "",
    }
    assert (second["upn"], second["team"], second["tenant"], second["days"]) == ("", "(none)", "(none)", "0")


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", ["", *INVISIBLE, " \u200b \ufeff"])
def test_whatever_starts_a_formula_is_kept_as_text(before: str, sign: str) -> None:
    assert harmless(f"{before}{sign}1+1").startswith("'")


@pytest.mark.parametrize("cell", ["", "jane@contoso.com", "O'Neil-Smith", "a=b", "5 - 3", "x; y", "Müller, Jörg"])
def test_what_is_no_formula_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


_CELLS = st.text(st.sampled_from(SIGNS + INVISIBLE + ";,|\"'ax1()") | st.characters(codec="utf-8"), max_size=30)


@given(_CELLS, _CELLS, st.sampled_from(",;\t|"))
@example("x;=1+1", 'x";"=1+1', ";")
@example("\n=1+1", "x\r\n@SUM(A1)", ";")
@example("\t+1", "x\t-1", "\t")
def test_no_cell_of_it_is_a_formula_however_it_is_cut(name: str, team: str, delimiter: str) -> None:
    """Also where a spreadsheet cuts at semicolons or tabs, and has its own idea of quotes."""
    text = written(record(name=name, team=team, upn=name, message=team or "x"))
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE) if delimiter != "," else (csv.QUOTE_MINIMAL,):
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting):
            for cell in row:
                seen = BLANK.sub("", cell)
                assert not seen.startswith(tuple(SIGNS)), repr(cell)


def test_a_million_blanks_take_no_time() -> None:
    for cell in ("\n" * 1_000_000, "; " * 500_000, " " * 1_000_000 + "=1"):
        assert len(harmless(cell)) <= len(cell) + 1


@pytest.mark.parametrize("upn", ["a" * 1_000_000, "=1\t" * 300_000])
def test_a_cell_without_end_is_cut_to_what_every_reader_takes(upn: str) -> None:
    [row] = csv.DictReader(io.StringIO(written(record(upn=upn, name=upn)), newline=""))
    for cell in (row["upn"], row["name"]):
        assert len(cell) == 32_001 and cell.endswith("…")


def test_the_document_cuts_it_too() -> None:
    [told] = document(content([record(upn="a" * 1_000_000, name="b" * 10_000)]))["anomalies"]
    assert told["upn"] == "a" * 10_000 + "…"
    assert told["name"] == "b" * 10_000
