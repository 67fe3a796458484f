"""The summary of a pass: a useful choice of anomalies, at any width, whatever the cells hold."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sync_agent.cli.summary import show_outcome, spread
from sync_agent.fuses import Held
from sync_agent.model import Code, Row, Severity
from sync_agent.outcome import AccountState, Mirrored, Outcome, Writes
from tests.outcomes import anomaly, outcome

FOUND = {1: [anomaly(Code.UPN_MISSING)], 2: [anomaly(Code.UPN_IS_ALIAS, "jane@contoso.com"), anomaly(Code.USER_GUEST)]}


def told(pass_: Outcome, width: int = 120, *, dry_run: bool = False, most: int = 40) -> str:
    file = io.StringIO()
    show_outcome(Console(file=file, width=width), pass_, everything="All: elsewhere.", dry_run=dry_run, most=most)
    return file.getvalue()


@given(st.lists(st.sampled_from(Code), min_size=1, max_size=60), st.integers(len(Code), 40))
def test_each_code_is_there_before_any_is_there_twice_over_the_limit(codes: list[Code], most: int) -> None:
    findings = [(Row(number, None), anomaly(code)) for number, code in enumerate(codes)]
    shown = spread(findings, most)
    counts, all_ = Counter(found.code for _, found in shown), Counter(codes)
    assert counts.keys() == all_.keys()
    assert len(shown) <= most
    fewest = max(counts.values())
    assert all(count in {fewest, all_[code]} for code, count in counts.items())
    severities = [list(Severity).index(found.severity) for _, found in shown]
    assert severities == sorted(severities)
    runs = [code for code, _ in groupby(found.code for _, found in shown)]
    assert len(runs) == len(set(runs)), "each code's together"


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_at_any_width_every_word_is_there_and_no_table_line_is_too_long(width: int) -> None:
    pass_ = outcome(FOUND, upns={2: "jane.doe.with.a.long.name@contoso.com"})
    text = told(pass_, width)
    squeezed = "".join(text.split())
    for part in ("upn_is_alias", "It is upn_is_alias. Mend it.", "jane.doe.with.a.long.name@contoso.com"):
        assert "".join(part.split()) in squeezed
    assert max(map(len, text.partition("5 rows")[0].splitlines())) <= width


def test_what_is_left_out_is_said_with_where_it_is() -> None:
    many = outcome({row: [anomaly(Code.UPN_MISSING)] for row in range(1, 11)}, rows=10)
    assert "3 of 10 anomalies shown. All: elsewhere." in told(many, most=3)
    assert "elsewhere" not in told(many, most=10)


def test_cells_cannot_write_to_the_terminal() -> None:
    text = told(outcome(FOUND, upns={1: "\x1b[31mred\u202e\u200b", 2: "[bold]x[/bold] "}))
    assert "\x1b" not in text
    assert "‹U+001B›[31mred‹U+202E›‹U+200B›" in text
    assert "“[bold]x[/bold] ”" in text


def test_the_work_is_said_in_rows_and_requests() -> None:
    pass_ = replace(
        outcome({}), writes=Writes(planned=9, done=6, conflicts=2, failed=1), requests={"list": 1_200, "directory": 3}
    )
    assert (
        "6 of 9 rows written, 2 changed by others meanwhile, 1 could not be written"
        " · 1,203 requests (3 directory, 1,200 list) · 1.5 s"
    ) in told(pass_)
    assert "9 rows would be written" in told(pass_, dry_run=True)


def test_accounts_in_trouble_are_named() -> None:
    accounts = {"a": AccountState(3), "b": AccountState(0, "account b cannot sign in"), "c": AccountState(0, "slow")}
    lines = told(replace(outcome({}), accounts=accounts)).splitlines()
    assert [line for line in lines if "account" in line] == ["account b cannot sign in", "account c: slow"]


def test_a_held_plan_for_missing_rows() -> None:
    held = Held("max_missing_rows", "c0ffee", 60, 100, "50%", "60 of 100 rows are no longer in the list")
    text = told(replace(outcome({}), held=held))
    assert (
        "60 of 100 rows are no longer in the list. If that is as it should be, run this again with --approve c0ffee"
        in text
    )


def test_the_list_of_anomalies_has_a_line_where_there_is_one() -> None:
    assert "List of anomalies" not in told(outcome(FOUND))
    done = told(replace(outcome(FOUND), mirrored=Mirrored(3, 1, 1, 1)))
    assert "List of anomalies: 1 made, 1 changed, 1 resolved\n" in done
    failed = told(replace(outcome(FOUND), mirrored=Mirrored(3, 1, failed=2, error="It is throttled")))
    assert "1 made, 0 changed, 0 resolved, 2 could not be written. It is throttled" in failed


def test_rows_that_cannot_be_written_are_listed_with_the_reason_a_line_each() -> None:
    unwritten = {**dict.fromkeys(range(100, 130), "Graph answered 423: the item is checked out."), 7: "It is locked."}
    writes = Writes(planned=40, done=9, failed=31, put_right=2, unwritten=unwritten)
    text = " ".join(told(replace(outcome({}), writes=writes)).split())
    assert "Not written: row 7: It is locked." in text
    assert "Not written: rows 100, 101," in text and "119 and 10 more (--json has them all): Graph answered 423" in text
    assert "9 of 40 rows written, 2 of them put right after somebody had changed what is shown" in text
