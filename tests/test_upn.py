"""The UPN catalogue by example: each rule's own examples, then what is asked for and what was meant."""

from __future__ import annotations

import time

import pytest

from sync_agent.model import Code
from sync_agent.upn import RULES, Findings, Rule, examine, key


def codes(cell: str | None) -> list[Code]:
    return [anomaly.code for anomaly in examine(cell).anomalies]


def said(cell: str | None) -> list[str]:
    return [anomaly.wrong for anomaly in examine(cell).anomalies]


@pytest.mark.parametrize(("rule", "cell"), [(rule, cell) for rule in RULES for cell in rule.right])
def test_what_a_rule_calls_right_is_right_for_all_rules(rule: Rule, cell: str) -> None:
    assert examine(cell) == Findings(name=cell.lower())


@pytest.mark.parametrize(("rule", "cell"), [(rule, cell) for rule in RULES for cell in rule.wrong])
def test_what_a_rule_calls_wrong_is_found_by_that_rule_first(rule: Rule, cell: str | None) -> None:
    first = examine(cell).anomalies[0]
    if rule.code is Code.UPN_LENGTH and cell is not None:
        assert "more than" in first.wrong
    assert (first.code, first.remedy) == (rule.code, rule.remedy)


def test_the_catalogue_is_whole() -> None:
    assert list(dict.fromkeys(rule.code for rule in RULES)) == [
        Code.UPN_MISSING,
        Code.UPN_FORMAT,
        Code.UPN_WHITESPACE,
        Code.UPN_CHARACTER,
        Code.UPN_LENGTH,
    ]
    for rule in RULES:
        assert rule.sentence.endswith(".")
        assert rule.source.title
        assert rule.source.url.startswith("https://")
        assert rule.right
        assert rule.wrong


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("Jane Doe", [Code.UPN_FORMAT]),
        ("  Doe, Jäne  ", [Code.UPN_FORMAT]),
        ("Jane Doe <jane@contoso.com>", [Code.UPN_FORMAT]),
        ("mailto: jane@contoso.com ", [Code.UPN_FORMAT]),
        ("jane@contoso.com ; joe@contoso.com", [Code.UPN_FORMAT]),
        (" jane.doe @ contoso.com", [Code.UPN_WHITESPACE]),
        ("ja\u200bne@con\xadtoso.com\u202c", [Code.UPN_WHITESPACE]),
        ("jänë@cöntoso.com", [Code.UPN_CHARACTER]),
        ("j" * 70 + "@contoso.com", [Code.UPN_LENGTH]),
    ],
)
def test_one_defect_gives_one_anomaly(cell: str, wanted: list[Code]) -> None:
    assert codes(cell) == wanted


def test_several_defects_are_all_told() -> None:
    assert codes(f" ü{'j' * 70}@contoso") == [
        Code.UPN_FORMAT,
        Code.UPN_WHITESPACE,
        Code.UPN_CHARACTER,
        Code.UPN_LENGTH,
    ]


@pytest.mark.parametrize(
    ("cell", "wrong"),
    [
        (None, "The UPN is empty."),
        (" \u3164", "The UPN holds only blanks."),
        ("jane＠contoso.com", "There is no @ in it: “＠” (U+FF20) only looks like one."),
        ("jane@contoso.com ", "There is a blank after the UPN."),
        (" j ane@contoso.com\n", "There is a blank before, inside and after the UPN."),
        ("\u200bjane@contoso.com ", "There is an invisible character (U+200B) before and after the UPN."),
        ("jane+x@conto_so.com", "“+” cannot stand before the @; “_” cannot stand after the @."),
        ("j\u0430ne@contoso.com", "“а” (U+0430) cannot stand before the @."),
        (
            f"{'j' * 65}@{'c' * 45}.com",
            "There are more than 64 characters before the @ and more than 48 characters after the @.",
        ),
    ],
)
def test_the_message_says_just_what_is_wrong(cell: str | None, wrong: str) -> None:
    assert said(cell) == [wrong]


def test_no_suggestion_is_made_before_a_directory_confirms_it() -> None:
    assert all(anomaly.suggestion is None for anomaly in examine(" jane@contoso.com").anomalies)


@pytest.mark.parametrize(
    "cell",
    [
        "jane@contoso.com",
        "JANE@Contoso.COM",
        "$jane@contoso.com",
        "müller@contoso.com",
        "o'brien@contoso.com",
        "jane_fabrikam.com#EXT#@contoso.onmicrosoft.com",
        "j" * 70 + "@contoso.com",
        "jane@conto_so.com",
    ],
)
def test_what_has_the_shape_of_a_upn_is_asked_for_verbatim(cell: str) -> None:
    assert examine(cell).name == key(cell)


@pytest.mark.parametrize(
    "cell",
    [
        None,
        "",
        "Jane Doe",
        " jane@contoso.com",
        "jane@contoso",
        "<jane@contoso.com>",
        "jane.@contoso.com",
        'ja"ne@contoso.com',
        "ja\x07ne@contoso.com",
        "jane\ud800@contoso.com",
        "j" * 250 + "@contoso.com",
        "\u212aate@contoso.com",
        "jane@contoso.com;",
        "jane@contoso.com´",
        "jane@contoso。com",
    ],  # the Kelvin sign: in lower case it would be Kate
)
def test_what_cannot_be_a_upn_or_is_not_safe_to_ask_is_not(cell: str | None) -> None:
    assert examine(cell).name is None


@pytest.mark.parametrize(
    "cell",
    [
        " Jane.Doe@contoso.com",
        "jane.doe@contoso.com\u200b",
        "jane .doe@ contoso.com",
        "mailto:jane.doe@contoso.com?subject=hello",
        "Mailto: jane.doe@contoso.com",
        "smtp:jane.doe@contoso.com",
        "Jane Doe <jane.doe@contoso.com>",
        "Jane Doe <jane.doe@contoso.com>;",
        "Jane <mailto:jane.doe@contoso.com>",
        "jane.doe@contoso.com<mailto:jane.doe@contoso.com>",
        "i:0#.f|membership|jane.doe@contoso.com",
        "i:05.t|adfs|jane.doe@contoso.com",
        r"CONTOSO\jane.doe@contoso.com",
        "jane.doe@contoso.com;",
        "jane.doe@contoso.com,",
        "jane.doe@contoso.com.",
        "'jane.doe@contoso.com'",
        "“jane.doe@contoso.com”",
        "(jane.doe@contoso.com)",
        "ｊａｎｅ．ｄｏｅ＠ｃｏｎｔｏｓｏ．ｃｏｍ",
        "\u212aate@contoso.com",
        "o’brien@contoso.com",
        "mary‑ann@contoso.com",
    ],
)
def test_what_was_meant_is_found_under_what_is_around_it(cell: str) -> None:
    wanted = {"\u212a": "kate@contoso.com", "o": "o'brien@contoso.com", "mary": "mary-ann@contoso.com"}
    expected = next((upn for start, upn in wanted.items() if cell.startswith(start)), "jane.doe@contoso.com")
    findings = examine(cell)
    assert findings.anomalies
    assert findings.candidate == expected


@pytest.mark.parametrize(
    "cell",
    [
        None,
        "",
        "Jane Doe",
        "jane@contoso",
        "a@contoso.com;b@contoso.com",
        "müller@contoso.com",
        "x " * 300 + "<jane@contoso.com>",
    ],
)
def test_where_it_is_unclear_nothing_is_guessed(cell: str | None) -> None:
    assert examine(cell).candidate is None


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("a" * 1_000_000, Code.UPN_FORMAT),
        ("a" * 1_000_000 + "@contoso.com", Code.UPN_LENGTH),
        ("@" * 1_000_000, Code.UPN_FORMAT),
        (" " * 1_000_000, Code.UPN_MISSING),
        ("\u200b " * 500_000, Code.UPN_MISSING),
        ("jane@contoso.com" + " " * 1_000_000, Code.UPN_WHITESPACE),
        ("ж " * 500_000, Code.UPN_FORMAT),
        ("<" * 1_000_000, Code.UPN_FORMAT),
        ("i:0|" * 250_000 + "@", Code.UPN_FORMAT),
        ("é@" + "\u0301\u0316" * 500_000, Code.UPN_FORMAT),
        ("mailto:" * 150_000, Code.UPN_FORMAT),
    ],
    ids=range(11),
)
def test_a_million_characters_are_judged_at_once(cell: str, code: Code) -> None:
    started = time.process_time()
    findings = examine(cell)
    assert time.process_time() - started < 0.2  # measured: below 0.03
    assert findings.anomalies[0].code is code
    assert all(len(anomaly.line) < 400 for anomaly in findings.anomalies)


def test_a_million_blanks_hide_no_upn() -> None:
    assert examine("jane@contoso.com" + " " * 1_000_000).candidate == "jane@contoso.com"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("+49 30 1234567", "phone number"),
        ("01.23.45.67.89", "phone number"),
        ("030\u2013123 45 67", "phone number"),
        ("4711", "no @"),
        ("1234567 Doe", "display name"),
    ],
)
def test_a_phone_number_is_no_display_name(cell: str, said: str) -> None:
    (anomaly,) = examine(cell).anomalies
    assert anomaly.code is Code.UPN_FORMAT
    assert said in anomaly.wrong
