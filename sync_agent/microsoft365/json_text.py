"""JSON as it comes. A cell with half a character, as programs leave that cut texts, must not make a page unreadable."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

T = TypeVar("T")

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""One escape of a JSON text: a pair of surrogates, a lone one (the group), or any other."""


def decoded(body: bytes, type_: type[T]) -> T:
    """With U+FFFD for each half of a character. Raises msgspec's errors where the body is not JSON of that type."""
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.DecodeError:
        mended = _with_whole_characters(body)
        if mended == body:
            raise
        return msgspec.json.decode(mended, type=type_)


def _with_whole_characters(body: bytes) -> bytes:
    """The writers of OData escape each half of a character by itself, and so half a one too."""
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], body)
