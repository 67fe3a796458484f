"""The report in its three forms: what it says, and that no cell can harm whoever opens it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from sync_agent.model import Code
from sync_agent.report.content import Content, NothingToReport, document, gather
from sync_agent.report.csv_file import harmless, write_csv
from sync_agent.report.html import age, to_html
from sync_agent.state.store import Store
from tests.outcomes import STARTED, anomaly, outcome


@pytest.fixture
def content(tmp_path: Path) -> Content:
    store = Store.open(f"sqlite:///{tmp_path}/history.db")
    found = {1: [anomaly(Code.UPN_MISSING)], 2: [anomaly(Code.UPN_IS_ALIAS, "jane@contoso.com")]}
    names = {1: "<script>alert(1)</script>", 2: '=HYPERLINK("https://evil")'}
    store.save(outcome({}, names=names, started=STARTED - timedelta(days=1)))
    store.save(outcome(found, names=names, upns={1: None}))
    return gather(store, STARTED + timedelta(hours=5))


def test_html_says_what_stands_and_for_how_long(content: Content) -> None:
    html = to_html(content)
    for text in ("upn_missing", "jane@contoso.com", "It is upn_is_alias. Mend it.", "4 hours", "The last 2 days"):
        assert text in html


def test_html_runs_nothing_that_a_cell_says_and_loads_nothing(content: Content) -> None:
    html = to_html(content)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "src=" not in html
    assert "href=" not in html


def test_csv_holds_no_formula(content: Content) -> None:
    file = io.StringIO()
    write_csv(content, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert [row["row"] for row in rows] == ["1", "2"]
    assert rows[1]["name"] == '\'=HYPERLINK("https://evil")'


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_whatever_starts_a_formula_is_kept_as_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


def test_json_has_the_same_anomalies(content: Content) -> None:
    made = document(content)
    assert made["by_code"] == {"upn_missing": 1, "upn_is_alias": 1}
    assert made["anomalies"][1]["suggestion"] == "jane@contoso.com"
    assert len(made["days"]) == 2


def test_before_the_first_pass_there_is_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(NothingToReport, match="sync-agent sync"):
        gather(Store.open(f"sqlite:///{tmp_path}/history.db"), STARTED)


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (timedelta(seconds=5), "new"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=30), "1 day"),
        (timedelta(days=3, hours=1), "3 days"),
    ],
)
def test_an_age_is_said_as_people_say_it(standing: timedelta, said: str) -> None:
    assert age(standing) == said
