"""A UPN cell taken apart: what can be seen of it, what it is wrapped in, and what it would be if it were cleaned.

Any text is read in bounded time, a million characters too: of very long ones only the ends are looked at.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from sync_agent.characters import BLANKS, without_outer_blanks

_LONGEST_READ = 2_048
"""Of each side of an @ no more is looked at, half from its start and half from its end. A text column holds 255."""
_LONGEST_MEANT = 512
"""Something longer than this is not one UPN with something around it."""

_WRAPPINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a mail or chat address with its prefix", re.compile(r"(?:mailto|smtp|sip):([^?]*)(?:\?.*)?", re.IGNORECASE)),
    ("a SharePoint login", re.compile(r"[ic]:0[^|]*\|(?:[^|]*\|)*([^|]*)", re.IGNORECASE)),
    ("a name with an address in brackets", re.compile(r"[^<>@]*<([^<>]*)>")),
    ("an address with its mail link", re.compile(r"([^<>]+)<(?:mailto:)?\1>", re.IGNORECASE)),
    ("a Windows domain before an address", re.compile(r"[^\\@]*\\([^\\]*)")),
)
_PERHAPS_WRAPPED = re.compile(r"[:|<\\]")
"""Each wrapping has one of these."""
_DEEPEST = 4
"""Wrappings in each other: `Jane <mailto:jane@contoso.com>;` has three."""

_TYPEWRITTEN = str.maketrans("‘’‛ʼ′‐‑‒–—−", "'''''------")
"""Word processors turn the apostrophe and the hyphen into these; NFKC leaves them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A cell taken apart. ``core``: from its first to its last character that can be seen; ``text``: all such
    characters; ``address``: ``text`` out of its ``wrapping``, which is "" where there is none."""

    cell: str
    core: str
    blanks_before: bool
    blanks_after: bool
    text: str
    wrapping: str
    address: str

    @property
    def local(self) -> str:
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def read(cell: str) -> Reading:
    core, before, after = without_outer_blanks(cell)
    core = _bounded(core)
    text = BLANKS.sub("", core)
    wrapping, address = _unwrapped(text)
    return Reading(cell, core, before, after, text, wrapping, address)


def _bounded(core: str) -> str:
    """The core with its sides cut, if it is longer than anybody types; as many @ as it has, up to two."""
    if len(core) <= _LONGEST_READ:
        return core
    half = _LONGEST_READ // 2
    sides = core.split("@", 2)
    return "@".join(side if len(side) <= _LONGEST_READ else side[:half] + side[-half:] for side in sides)


def _unwrapped(text: str) -> tuple[str, str]:
    """The outermost wrapping and what is inside the innermost."""
    outermost = ""
    for _ in range(_DEEPEST):
        wrapping, inner = _peeled(text)
        if not wrapping:
            break
        outermost, text = outermost or wrapping, inner
    return outermost, text


def _peeled(text: str) -> tuple[str, str]:
    for wrapping, pattern in _WRAPPINGS if _PERHAPS_WRAPPED.search(text) else ():
        if match := pattern.fullmatch(text):
            return wrapping, match[1]
    return "", text


def cleaned(reading: Reading) -> str | None:
    """What is left without compatibility forms, wrappings and left-over punctuation; None of what is far too long."""
    if len(reading.core) > _LONGEST_MEANT:
        return None
    text = BLANKS.sub("", unicodedata.normalize("NFKC", reading.core)).translate(_TYPEWRITTEN)
    for _ in range(_DEEPEST):
        before, text = text, _without_punctuation(_peeled(_without_punctuation(text))[1])
        if text == before:
            break
    return text


def _without_punctuation(text: str) -> str:
    """Nothing that a UPN may begin or end with is taken; an apostrophe only where it is a quotation mark."""
    text = text.strip('"“”„«»()[]{};,:|').rstrip(".")
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text
