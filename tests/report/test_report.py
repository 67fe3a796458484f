"""The report in its three forms: what it says, and that no cell can harm whoever opens it."""

from __future__ import annotations

import csv
import io
import re
import time
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec import structs

from sync_agent.freshness import Freshness
from sync_agent.model import Anomaly, Code, User
from sync_agent.outcome import Outcome
from sync_agent.report.administrator import advice
from sync_agent.report.age import age
from sync_agent.report.content import Content, NothingToReport, gather
from sync_agent.report.csv_file import write_csv
from sync_agent.report.document import document
from sync_agent.report.html import to_html
from sync_agent.state.store import FreshnessRecord, Store
from tests.outcomes import STARTED, anomaly, outcome
from tests.report import records
from tests.report.records import a_pass, record


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
        "0 on 2026-03-01, 2 on 2026-03-02, at most 2 on 2026-03-02.",
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
    pass_ = replace(
        pass_, list_title=harm, verdicts={**pass_.verdicts, 1: structs.replace(pass_.verdicts[1], account=harm)}
    )
    store = Store.open(f"sqlite:///{tmp_path}/history.db")
    store.save(pass_)
    seen = _Reader(to_html(gather(store, STARTED)))
    harmless_one = _Reader(
        to_html(gather(_store_of(outcome({1: [anomaly(Code.UPN_IS_ALIAS, "x")]}), tmp_path), STARTED))
    )
    assert seen.tags == harmless_one.tags
    assert seen.text.count(harm) == 9


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
    for way_out in ("http:", "https://cdn", "url(", "@import", "<link", "<img", "<iframe", "fetch(", "src=", "import("):
        assert way_out not in html


def test_html_lets_nothing_have_an_effect_but_its_own_style_and_script(content: Content) -> None:
    """The policy holds the two by their digests, so that nothing else runs, whatever slips into the page."""
    html = to_html(content)
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', html)
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(policy).split(";"))
    assert rules.keys() == {"default-src", "style-src", "script-src", "base-uri", "form-action"}
    for tag in ("style", "script"):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert rules.pop(f"{tag}-src") == f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
    assert set(rules.values()) == {"'none'"}
    assert not re.search(r"<[^>]* (style|on[a-z]+)=", html), "the policy would forbid it"


def test_html_lists_everything_before_any_script_runs() -> None:
    anomalies = [record(row) for row in range(1, 1001)]
    html = to_html(records.content(anomalies))
    assert html.count('<tr data-code="') == 1000
    assert re.findall(r"<(?:form|button)[^>]* hidden", html) == [
        '<form id="filter" hidden',
        '<button type="button" id="more" hidden',
    ]


def test_html_counts_by_tenant_team_and_age() -> None:
    anomalies = [
        record(1, team="Inbound", stands=timedelta(days=1)),
        record(2, team="Inbound", stands=timedelta(days=200), account="", times=3),
        record(3, stands=timedelta(minutes=2)),
    ]
    text = " ".join(re.sub("<[^>]+>", " ", to_html(records.content(anomalies))).split())
    for told in (
        "contoso.com 2 1 day (none) 1 200 days",
        "Inbound 2 200 days (none) 1 2 minutes",
        "under a day 1 2 minutes 1 to 6 days 1 1 day 90 days or more 1 200 days",
        "(none) 200 days 3",
    ):
        assert told in text


def test_html_without_teams_has_no_column_for_them() -> None:
    html = to_html(records.content([record(1)]))
    assert 'data-key="team"' not in html
    assert 'data-by="team"' not in html


def test_html_tells_administrators_about_the_codes_that_stand_and_no_others() -> None:
    html = to_html(records.content([record(1, Code.USER_DELETED)]))
    assert advice("user_deleted").look in unescape(html)
    assert advice("user_guest").look not in unescape(html)


def test_html_shows_no_pass_where_none_was_made() -> None:
    html = to_html(records.content([record(1)], [a_pass(3, error=1), a_pass(1, error=1), a_pass(0, error=1)]))
    assert "2026-02-28: no pass was made" in html
    assert html.count('<line class="gap"') == 2  # the day, and the legend
    assert "<title>2026-03-01: OK 10, Warning 0, Error 1, Unknown 0</title>" in html


def test_html_of_many_anomalies_is_made_in_time_that_grows_with_them() -> None:
    """Counting the teams anew for each row took half a minute once."""
    anomalies = [record(row, team=f"Team {row % 40}") for row in range(1, 3001)]
    began = time.process_time()
    to_html(records.content(anomalies))
    assert time.process_time() - began < 5


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
        assert f'<div class="tile {status}"><b>{count}</b><span>{status}</span></div>' in html
    assert '<th scope="row">upn_missing</th><td class="number">1</td><td>4 hours</td>' in html
    assert '<code class="right">jane@contoso.com</code>' in html


def test_html_of_a_list_that_is_right(tmp_path: Path) -> None:
    html = to_html(gather(_store_of(outcome({}), tmp_path), STARTED))
    assert "Anomalies: 0" in html
    assert "<table" not in html


def test_json_has_the_same_anomalies(content: Content) -> None:
    made = document(content)
    assert made["by_code"] == {"upn_missing": 1, "upn_is_alias": 1}
    assert made["anomalies"][1]["suggestion"] == "jane@contoso.com"
    assert len(made["days"]) == 2


def test_json_has_the_same_counts_and_ages() -> None:
    anomalies = [
        record(1, team="Inbound", stands=timedelta(days=12), times=2),
        record(2, account="", stands=timedelta(hours=1)),
    ]
    made = document(records.content(anomalies))
    assert made["by_tenant"] == {"(none)": 1, "contoso.com": 1}
    assert made["by_team"] == {"(none)": 1, "Inbound": 1}
    assert made["by_age"] == {"under a day": 1, "7 to 29 days": 1}
    first, second = made["anomalies"]
    assert (first["team"], first["days"], first["times"], first["tenant"]) == ("Inbound", 12, 2, "contoso.com")
    assert (second["team"], second["account"], second["tenant"]) == (None, None, "(none)")
    assert made["administrator"]["user_not_found"]["request"].startswith("/users")


def test_an_anomaly_of_a_clock_that_ran_ahead_is_new() -> None:
    made = records.content([record(1, stands=-timedelta(hours=1))])
    assert document(made)["anomalies"][0]["days"] == 0
    assert made.ages[0].name == "under a day"


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


def test_the_user_whom_a_row_last_had_is_told_in_every_form(tmp_path: Path) -> None:
    """A row that lost its user to a rename, say, is looked up by an administrator by that user's object id."""
    had = User("5ba0c4e8-0000-4000-8000-00000000000a", "agent1@contoso.com")
    well = outcome({}, started=STARTED - timedelta(days=1))
    well = replace(well, verdicts={**well.verdicts, 1: structs.replace(well.verdicts[1], user=had)})
    store = Store.open(f"sqlite:///{tmp_path}/history.db")
    store.save(well)
    store.save(outcome({1: [anomaly(Code.USER_NOT_FOUND)], 2: [anomaly(Code.UPN_MISSING)]}))
    made = gather(store, STARTED)
    assert [each["object_id"] for each in document(made)["anomalies"]] == [had.id, None]
    file = io.StringIO()
    write_csv(made, file)
    assert [row["object_id"] for row in csv.DictReader(io.StringIO(file.getvalue()))] == [had.id, ""]
    assert re.findall(r'<code class="id">(.*?)</code>', to_html(made)) == [had.id]


def test_an_anomaly_without_a_user_counts_to_the_tenant_of_its_domain() -> None:
    accounts = {"contoso.com": "contoso", "fabrikam.com": "fabrikam"}
    anomalies = [
        record(1, account="northwind", upn="a@contoso.com"),
        record(2, account="", upn=" A@ContoSO.com\u200b"),
        record(3, account="", upn="Jane Doe", suggestion="jane@fabrikam.com"),
        record(4, account="", upn="a@elsewhere.org"),
        record(5, account="", upn=None),
    ]
    made = replace(records.content(anomalies), accounts=accounts)
    assert [each["tenant"] for each in document(made)["anomalies"]] == [
        "northwind",
        "contoso",
        "fabrikam",
        "(none)",
        "(none)",
    ]
    assert {group.name: group.count for group in made.tenants} == {
        "(none)": 2,
        "contoso": 1,
        "fabrikam": 1,
        "northwind": 1,
    }


@pytest.mark.parametrize(("minutes", "told"), [(0, True), (10, True), (11, False)])
def test_how_fresh_the_list_is_is_told_while_a_service_runs(tmp_path: Path, minutes: int, told: bool) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/history.db")
    store.save(outcome({}))
    store.keep_freshness("Agents", FreshnessRecord(STARTED, Freshness(1_000, 938, 2, 0.55, 4.2, 61.6)))
    content = gather(store, STARTED + timedelta(minutes=minutes))
    note = (
        "At 2026-03-02 08:00 UTC 93.8 % of 1,000 rows show what is true; half of what is shown is at most "
        "0.6 s old, 95 % 4.2 s, all 62 s; of 2 agents no presence was read yet."
    )
    assert content.freshness_note == (note if told else "")
    assert (note in to_html(content)) is told
    figures = {"rows": 1_000, "right": 938, "never_read": 2, "p50": 0.55, "p95": 4.2, "longest": 61.6}
    assert document(content)["freshness"] == ({"at": STARTED.isoformat(), **figures} if told else None)


def test_a_list_without_presence_is_right_or_not_and_nearly_right_is_not_right() -> None:
    found = Freshness(20_000, 19_999)
    assert records.content(freshness=FreshnessRecord(STARTED, found)).freshness_note == (
        f"At {STARTED:%Y-%m-%d %H:%M} UTC 99.9 % of 20,000 rows show what is true."
    )
