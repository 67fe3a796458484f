"""A UPN cell taken apart: what can be seen of it, what it is wrapped in, and what it would be if it were cleaned.

Any text is read in bounded time, a million characters too: of very long ones only the ends are looked at.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from sync_agent.characters import BLANKS, PLAIN, without_outer_blanks

_LONGEST_READ = 2_048
"""Of each side of an @ no more is looked at, half from its start and half from its end. A text column holds 255."""
_LONGEST_MEANT = 512
"""Something longer than this is not one UPN with something around it."""

_WRAPPINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a mail or chat address with its prefix", re.compile(r"(?:mailto|smtp|sip):([^?]*)(?:\?.*)?", re.IGNORECASE)),
    ("a SharePoint login", re.compile(r"[ic]:0[^|]*\|(?:[^|]*\|)*([^|]*)", re.IGNORECASE)),
    ("a name with an address in brackets", re.compile(r"[^<>@]*<([^<>]*)>[;,.]*")),
    ("a name with an address in brackets", re.compile(r"[^()@]+\(([^()]*@[^()]*)\)[;,.]*")),
    ("an address with its mail link", re.compile(r"([^<>]+)<(?:mailto:)?\1>[;,.]*", re.IGNORECASE)),
    ("a Teams link", re.compile(r"(?:https|msteams):.*[?&]users=([^&,]*)(?:&.*)?", re.IGNORECASE)),
    ("an address with a word before it", re.compile(r"[^:@/|<>\\]{1,40}:([^:@/]+@[^:/]*)")),
    ("a Windows domain before an address", re.compile(r"[^\\@]*\\([^\\]*)")),
)
_PERHAPS_WRAPPED = re.compile(r"[:|<\\(]")
"""Each wrapping has one of these."""
_DEEPEST = 4
"""Wrappings in each other: `Jane <mailto:jane@contoso.com>;` has three."""

_WHOLE = re.compile(r"[^@]+@[^@.]+(?:\.[^@.]+)*\.\w{2,}")
"""A word that is an address already, so that the words around it are not pieces of it."""
_MARK = re.compile(r"[^\w'.!#^~-]+|\w{1,3}\)")
"""A bullet, or a number in a list: no UPN begins like that."""
_REMARK = re.compile(r"[^\w.@'-]|[^\W\d_a-z]")
"""How a single word after an address begins if it is none of its pieces: with a bracket, say, or a capital."""

DOTS = re.compile(r"[.,。｡．]")
"""Dots, and what is typed for one: the neighbour on the keyboard, and those of East Asian ones (RFC 3490, 3.1)."""
_ANGLES = str.maketrans("‹›«»＜＞〈〉《》", "<><><><><>")
_AT_IN_WORDS = re.compile(r"\s*[(\[{]\s*(?:at|@|ät)\s*[)\]}]\s*|(?<=\w)\s+at\s+(?=[\w.-]+\.\w+\Z)", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s;,<>()\[\]\"|/:]+@[^\s;,<>()\[\]\"|/:@]+")
_BULLET = re.compile(r"[*•-]\s+")
_AROUND = re.compile(r"\A[^\w'.!#^~<-]+|[^\w'>]+\Z")
_LEFT_OVER = re.compile(r"\A[^\w'.!#^~-]+|[\W_]+\Z")
"""What no UPN begins and none ends with; around what is still wrapped, the wrapping's own ends excepted."""


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
    wrapping, address = _unwrapped(core)
    return Reading(cell, core, before, after, BLANKS.sub("", core), wrapping, address)


def addresses(reading: Reading) -> list[str]:
    """Those in the cell, each once, as `cleaned` would have them; none of what is far too long."""
    if len(reading.core) > _LONGEST_MEANT:
        return []
    found = [_mended(_without_punctuation(one)) for one in _ADDRESS.findall(_typewritten(reading.core))]
    return list({one.lower(): one for one in found}.values())


def cleaned(reading: Reading) -> str | None:
    """What is left without compatibility forms, wrappings and left-over punctuation; None of what is far too long."""
    if len(reading.core) > _LONGEST_MEANT:
        return None
    text = _BULLET.sub("", _AT_IN_WORDS.sub("@", _typewritten(reading.core)), count=1)
    for _ in range(2 * _DEEPEST):
        wrapping, inner = _unwrapped(text)
        before, text = text, inner if wrapping else _AROUND.sub("", text)
        if text == before:
            break
    text = _without_punctuation(BLANKS.sub("", text))
    if text.count("@") > 1 and len(several := addresses(reading)) == 1:
        return several[0]
    return _mended(text)


def _bounded(core: str) -> str:
    """The core with its sides cut, if it is longer than anybody types; as many @ as it has, up to two."""
    if len(core) <= _LONGEST_READ:
        return core
    half = _LONGEST_READ // 2
    sides = core.split("@", 2)
    return "@".join(side if len(side) <= _LONGEST_READ else side[:half] + side[-half:] for side in sides)


def _unwrapped(core: str) -> tuple[str, str]:
    """The outermost wrapping and what is inside the innermost, without blanks."""
    outermost = ""
    for _ in range(_DEEPEST):
        wrapping, inner = _peeled(BLANKS.sub("", core))
        if not wrapping:
            wrapping, inner = _without_words(core)
        if not wrapping:
            break
        outermost, core = outermost or wrapping, inner
    return outermost, BLANKS.sub("", core)


def _peeled(text: str) -> tuple[str, str]:
    text = text.translate(_ANGLES)
    for wrapping, pattern in _WRAPPINGS if _PERHAPS_WRAPPED.search(text) or "<" in text else ():
        if match := pattern.fullmatch(text):
            return wrapping, match[1]
    return "", text


def _without_words(core: str) -> tuple[str, str]:
    """The one address among other words; nothing where these may be pieces of it, torn off by a blank."""
    words = BLANKS.split(core)
    with_at = [place for place, word in enumerate(words) if "@" in word]
    if len(words) == 1 or len(with_at) != 1:
        return "", core
    (place,) = with_at
    address = words[place].rstrip(";,:")
    before, behind = words[:place], words[place + 1 :]
    if not _WHOLE.fullmatch(address) or not (_stand_before(before, address) and _stand_behind(behind)):
        return "", core
    return "an address among other words", address


def _stand_before(words: list[str], address: str) -> bool:
    """Two words or more, a mark, or a name that the address holds too."""
    if len(words) != 1:
        return True
    local = re.split(r"[._-]", address.lower().partition("@")[0])
    return bool(_MARK.fullmatch(words[0])) or (len(words[0]) > 2 and len(local) > 1 and words[0].lower() in local)


def _stand_behind(words: list[str]) -> bool:
    return not words or bool(_REMARK.match(words[0])) or (len(words) > 1 and not words[0].startswith("."))


def _typewritten(text: str) -> str:
    """In the characters of a typewriter, as far as they look like these: full-width letters, curly quotes, Cyrillic."""
    return unicodedata.normalize("NFKC", text.translate(PLAIN)).translate(PLAIN)


def _without_punctuation(text: str) -> str:
    """Nothing that a UPN may begin or end with is taken; an apostrophe only where it is a quotation mark."""
    if len(text) > 1 and text[0] == text[-1] == "'":
        text = text[1:-1]
    return _LEFT_OVER.sub("", text)


def _mended(address: str) -> str:
    """With dots where commas are, and one @ for several."""
    if "@" not in address:
        return address
    local, _, domain = re.sub("@+", "@", address).rpartition("@")
    tidy = local.replace(",", ".").rstrip(".")
    return f"{tidy or local}@{'.'.join(filter(None, DOTS.split(domain)))}"
