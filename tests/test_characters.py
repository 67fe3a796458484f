"""What counts as blank, and that messages repeat no harm."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from sync_agent.characters import BLANK, joined, listed, printable, without_outer_blanks


def test_all_blanks_of_unicode_are_blanks() -> None:
    categories = {"Cc", "Zs", "Zl", "Zp", "Cf"}
    blanks = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in categories]
    assert [f"U+{ord(c):04X}" for c in blanks if not BLANK.match(c)] == []


@pytest.mark.parametrize("code_point", [0x34F, 0x115F, 0x1160, 0x180B, 0x180E, 0x2800, 0x3164, 0xFE0F, 0xFFA0, 0xE0100])
def test_so_are_characters_that_show_nothing(code_point: int) -> None:
    assert BLANK.match(chr(code_point))


def test_nothing_that_can_be_seen_is_a_blank() -> None:
    for character in "aZ0'._-!#^~@äжא漢🙂;<\\":
        assert not BLANK.match(character)


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("a", ("a", False, False)),
        (" a b\n", ("a b", True, True)),
        ("\u200ba", ("a", True, False)),
        ("a\xa0", ("a", False, True)),
        (" \t", ("", False, False)),
        ("", ("", False, False)),
    ],
)
def test_outer_blanks_are_told_from_the_core(cell: str, parts: tuple[str, bool, bool]) -> None:
    assert without_outer_blanks(cell) == parts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("contoso.com", "contoso.com"),
        ("Jörg 🙂", "Jörg 🙂"),
        ("a\nb\u202e\ud800\u3164", "a‹U+000A›b‹U+202E›‹U+D800›‹U+3164›"),
        ("x" * 65, "x" * 64 + "…"),
    ],
)
def test_foreign_text_is_made_printable_and_short(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("characters", "said"),
    [
        ("ü", "“ü”"),
        ("+;", "“+” and “;”"),
        ("\u0430", "“а” (U+0430)"),
        ("\u0301", "U+0301"),
        ("\u05d0", "U+05D0"),
        ("\ud800", "U+D800"),
        ("+;/", "“+”, “;” and “/”"),
        ("+;/%", "“+”, “;” and 2 more"),
    ],
)
def test_characters_are_named_so_that_they_can_be_told_apart(characters: str, said: str) -> None:
    assert listed(characters) == said


def test_words_are_joined_as_people_do() -> None:
    assert [joined(list(words)) for words in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]
