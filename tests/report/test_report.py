"""The report in its three forms: what it says, and that no cell can harm whoever opens it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sync_agent.model import Anomaly, Code
from sync_agent.outcome import Outcome
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
    for text in (
        "upn_missing",
        "jane@contoso.com",
        "It is upn_is_alias. Mend it.",
        "4 hours",
        "The last 2 days",
        "2026-03-01 to 2026-03-02",
    ):
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


@pytest.mark.parametrize(
    "harm", ["<script>alert(1)</script>", '"><img onerror=x>', "'onmouseover='x", "</title></style>"]
)
def test_html_takes_every_value_as_text(harm: str, tmp_path: Path) -> None:
    """The list's title, names, UPNs, messages, suggestions, accounts and codes come from others."""
    pass_ = outcome({1: [Anomaly(Code.UPN_IS_ALIAS, harm, harm, harm)]}, names={1: harm}, upns={1: harm})
    pass_ = replace(pass_, list_title=harm, verdicts={**pass_.verdicts, 1: replace(pass_.verdicts[1], account=harm)})
    store = Store.open(f"sqlite:///{tmp_path}/history.db")
    store.save(pass_)
    seen = _Reader(to_html(gather(store, STARTED)))
    harmless_one = _Reader(
        to_html(gather(_store_of(outcome({1: [anomaly(Code.UPN_IS_ALIAS, "x")]}), tmp_path), STARTED))
    )
    assert seen.tags == harmless_one.tags
    assert seen.text.count(harm) == 8


def _store_of(pass_: Outcome, folder: Path) -> Store:
    store = Store.open(f"sqlite:///{folder}/other.db")
    store.save(pass_)
    return store


class _Reader(HTMLParser):
    """The tags of a page with the names of their attributes, and its text, as a browser takes them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_loads_nothing_from_anywhere(content: Content) -> None:
    html = to_html(content)
    assert "default-src 'none'" in html
    for way_out in ("http:", "https://cdn", "url(", "@import", "<link", "<img", "<iframe", "fetch(", "src="):
        assert way_out not in html


def test_html_shows_what_cannot_be_seen(tmp_path: Path) -> None:
    upns = {1: "\u200bjane@contoso.com", 2: " jane@contoso.com", 3: None}
    html = to_html(
        gather(_store_of(outcome({row: [anomaly(Code.UPN_MISSING)] for row in upns}, upns=upns), tmp_path), STARTED)
    )
    for seen in ("‹U+200B›jane@contoso.com", "“ jane@contoso.com”", "(empty)"):
        assert f"<code>{seen}</code>" in html


def test_html_counts_by_status_and_by_code(content: Content) -> None:
    html = " ".join(to_html(content).split())
    for status, count in (("OK", 3), ("Error", 2), ("Warning", 0), ("Unknown", 0)):
        assert f'<div class="tile {status}"><b>{count}</b>{status}</div>' in html
    assert 'data-code="upn_missing" aria-pressed="false">upn_missing<b>1</b>' in html
    assert '<code class="right">jane@contoso.com</code>' in html


def test_html_of_a_list_that_is_right(tmp_path: Path) -> None:
    html = to_html(gather(_store_of(outcome({}), tmp_path), STARTED))
    assert "Anomalies: 0" in html
    assert "<table" not in html


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
