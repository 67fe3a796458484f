"""A digest in words: everything once, bounded, and nothing in it that misleads."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.model import Code
from sync_agent.notify.message import Message, message
from sync_agent.state.records import AnomalyRecord, Digest
from tests.report.records import NOW, record

REPORT = "https://intranet.contoso.com/agents"


def said(
    new: list[AnomalyRecord] | None = None, resolved: list[AnomalyRecord] | None = None, notes: list[str] | None = None
) -> Message:
    return message("Agents", Digest(tuple(new or ()), tuple(resolved or ()), NOW), notes or [], REPORT)


def over(row_id: int, stood: timedelta) -> AnomalyRecord:
    return replace(record(row_id, stands=stood), resolved=NOW)


def test_a_few_are_told_one_by_one() -> None:
    new = [record(7, team="Inbound", times=2), record(8, Code.UPN_MISSING, upn=None, name="", message="It is empty.")]
    made = said(new, [over(9, timedelta(days=3))])
    assert made.title == "Agents: 2 new, 1 resolved"
    assert made.body.split("\n\n") == [
        "New: 1 user_not_found, 1 upn_missing",
        "Row 7, Jane Doe (Inbound), jane@contoso.com: Nobody in contoso.com has this UPN. Check the spelling."
        " This is the 2nd time.",
        "Row 8, (empty): It is empty.",
        "Resolved: 1 user_not_found",
        "Row 9, Jane Doe: user_not_found, after 3 days",
        f"All that stands, with what to do: {REPORT}",
    ]


def test_of_many_there_are_counts_and_the_first_few() -> None:
    new = [record(row, Code.UPN_MISSING if row % 3 else Code.USER_DISABLED) for row in range(1, 1001)]
    paragraphs = said(new).body.split("\n\n")
    assert paragraphs[0] == "New: 667 upn_missing, 333 user_disabled"
    assert [paragraph.split(",")[0] for paragraph in paragraphs[1:6]] == [f"Row {row}" for row in range(1, 6)]
    assert paragraphs[6] == "… and 995 more."
    assert len(paragraphs) == 8


@pytest.mark.parametrize("count", [10, 11])
def test_none_is_left_out_without_being_counted(count: int) -> None:
    body = said([record(row) for row in range(1, count + 1)]).body
    listed = body.count("Row ")
    assert listed == (10 if count == 10 else 5)
    assert ("more." in body) == (count == 11)


def test_what_hinders_the_service_stands_first() -> None:
    made = said([record(1)], notes=["Account contoso: its secret has expired"])
    assert made.title == "Agents: 1 new, needs attention"
    assert made.body.startswith("Account contoso: its secret has expired\n\nNew: ")


@pytest.mark.parametrize(
    ("times", "told"), [(2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st"), (112, "112th")]
)
def test_how_often_it_has_come_back_is_told(times: int, told: str) -> None:
    assert f"This is the {told} time." in said([record(1, times=times)]).body


_CELLS = st.text(st.sampled_from("ab \n\r\t\u202e\u200b\x00ä;<&") | st.characters(codec="utf-8"), max_size=400)
_RECORDS = st.builds(
    record,
    st.integers(1, 99_999),
    st.sampled_from(Code),
    upn=st.none() | _CELLS,
    name=_CELLS,
    team=_CELLS,
    message=_CELLS,
    times=st.integers(1, 200),
)


@given(st.lists(_RECORDS, max_size=25), st.lists(_RECORDS, max_size=25), st.lists(_CELLS, max_size=20), _CELLS)
def test_it_is_bounded_and_no_cell_breaks_out_of_its_line(
    new: list[AnomalyRecord], resolved: list[AnomalyRecord], notes: list[str], title: str
) -> None:
    made = message(title, Digest(tuple(new), tuple(resolved), NOW), notes, REPORT)
    assert len(json.dumps(text_to_markdown(made.body))) <= 20_000
    assert "\n" not in made.title
    assert set(made.body) & set("\r\t\u202e\u200b\x00") == set()
    paragraphs = made.body.split("\n\n")
    assert not any("\n" in paragraph for paragraph in paragraphs)
    assert len(paragraphs) <= 5 + 2 * 12 + 1


def text_to_markdown(text: str) -> str:
    """With a backslash before whatever Markdown may know, as for Teams."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def test_cells_that_would_make_it_too_long_are_left_to_the_report() -> None:
    """Ten rows of what takes eight characters to be shown and six bytes each; a refused message would never get out."""
    harm = "\u200b" * 255
    new = [record(row, upn=harm, name=harm, team=harm, message=harm) for row in range(1, 11)]
    assert said(new, notes=[harm] * 9).body.count("Row ") in (0, 3)
    short = [record(row, upn=harm, name=harm) for row in range(1, 11)]
    assert said(short).body.count("Row ") == 3
    assert "… and 7 more." in said(short).body
