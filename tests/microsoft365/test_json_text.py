"""Half characters in answers."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.microsoft365.json_text import decoded


@given(st.text(st.characters(), max_size=30))
def test_any_text_is_read_with_a_mark_for_each_half_of_a_character(text: str) -> None:
    """As json.dumps writes it: escaped, so that a lone surrogate gets through."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert decoded(json.dumps([text]).encode(), list[str]) == [whole]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'"a\ud83d\ude42b"', "a🙂b"),
        (rb'"a\ud83db"', "a\ufffdb"),
        (rb'"a\uDE42\ud83db"', "a\ufffd\ufffdb"),
        (rb'"\\ud83d"', "\\ud83d"),
        (rb'"\\\ud83d"', "\\\ufffd"),
    ],
)
def test_escapes_are_told_apart(body: bytes, text: str) -> None:
    assert decoded(body, str) == text


@pytest.mark.parametrize("body", [b'"cut', b'{"a": 1}', rb'"\ud83d', b"", b'"a\xffb"'])
def test_what_is_not_json_of_that_type_is_refused(body: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        decoded(body, str)
