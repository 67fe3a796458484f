"""The catalogue over any text at all, and over texts made of what cells are made of."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from sync_agent.characters import BLANK
from sync_agent.model import Code
from sync_agent.upn import Findings, examine, judge, key
from sync_agent.upn_reading import read

PIECES = [
    "jane.doe",
    "JANE",
    "o'brien",
    "contoso.com",
    "contoso",
    ".com",
    "@",
    "@",
    ".",
    "-",
    " ",
    "\u200b",
    "\n",
    "ü",
    "+",
    "mailto:",
    "smtp:",
    "<",
    ">",
    "\\",
    "i:0#.f|membership|",
    ";",
    ",",
    '"',
    "＠",
    "\u212a",
    "\ud800",
    "\u202e",
    "#EXT#",
    "j" * 64,
    "c" * 44,
    "'",
    "Jane Doe ",
]
ANY_TEXT = st.text(st.characters(), max_size=300) | st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
CLEAN = st.builds(
    "{}@{}".format,
    st.from_regex(r"[A-Za-z0-9'._!#^~-]{0,20}[A-Za-z0-9'_!#^~-]", fullmatch=True),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?(\.[a-z0-9]{1,6}){1,3}", fullmatch=True),
)


@given(ANY_TEXT)
@example("\u0130@contoso.com")
@example("jane@contoso.com\n")
def test_any_text_is_examined_and_what_comes_out_is_fit_to_use(cell: str) -> None:
    findings = examine(cell)
    assert findings.anomalies or findings.name is not None
    assert len({anomaly.code for anomaly in findings.anomalies}) == len(findings.anomalies)
    for anomaly in findings.anomalies:
        assert anomaly.line.isprintable()
        assert len(anomaly.line) < 400
    if findings.name is not None:
        assert findings.name == key(cell)
        assert findings.name.isprintable()
        assert {anomaly.code for anomaly in findings.anomalies} <= {Code.UPN_CHARACTER, Code.UPN_LENGTH}


@given(ANY_TEXT)
def test_the_short_way_for_right_cells_agrees_with_the_catalogue(cell: str) -> None:
    assert (examine(cell) == Findings(name=key(cell))) is (not list(judge(read(cell))))


@given(ANY_TEXT)
def test_a_candidate_is_a_upn_without_fault_and_another_than_the_cell(cell: str) -> None:
    findings = examine(cell)
    if findings.candidate is not None:
        assert examine(findings.candidate) == Findings(name=findings.candidate)
        assert findings.anomalies
        assert findings.candidate != findings.name


@given(CLEAN)
def test_a_right_upn_is_never_accused(upn: str) -> None:
    assert examine(upn) == Findings(name=key(upn))


@given(CLEAN, st.text(st.sampled_from(" \t\n\xa0\u200b\ufeff\u3164"), min_size=1), st.data())
def test_blanks_anywhere_are_one_anomaly_and_hide_nothing(upn: str, blanks: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(upn)))
    findings = examine(upn[:place] + blanks + upn[place:])
    assert [anomaly.code for anomaly in findings.anomalies] == [Code.UPN_WHITESPACE]
    assert findings.name is None
    assert examine(findings.candidate).anomalies == ()


@given(CLEAN, st.sampled_from(["{}", "mailto:{}", "Jane <{}>", "<{}>;", "i:0#.f|membership|{}", "{};", "SMTP:{} "]))
def test_what_is_around_a_upn_does_not_hide_it(upn: str, around: str) -> None:
    findings = examine(around.format(upn))
    if not (upn.startswith("'") and upn.endswith("'")):
        assert key(upn) in (findings.name, findings.candidate)


@given(st.text(st.characters(), min_size=1, max_size=20).filter(lambda text: not BLANK.search(text)))
def test_a_cell_without_at_has_one_anomaly(text: str) -> None:
    cell = text.replace("@", "")
    assert len(examine(cell).anomalies) == 1
