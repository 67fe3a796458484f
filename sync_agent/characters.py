"""Characters in cells: which of them nobody can see, and how to speak of them without repeating the harm they do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Unicode's Cc, Zs, Zl, Zp, Cf and Default_Ignorable_Code_Point, and the braille cell without dots. Written out, for
# asking the database about 1.1 million code points at each start costs 0.2 s; a test compares the two.
_BLANK_CLASS = (
    r"\x00-\x20\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5"
    r"\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
BLANK = re.compile(f"[{_BLANK_CLASS}]")
BLANKS = re.compile(f"[{_BLANK_CLASS}]+")
_INK = re.compile(f"[^{_BLANK_CLASS}]")

_LOOK_ALIKES = (
    "аВсԁеһіјкКмМпоОрРтТуУхХѕЅНԛԝАСЕІЈαΑβΒΕΗιΙκΚΜνΝοΟρΡΤυΥΧΖ",
    "aBcdehijkKmMnoOpPtTyYxXsSHqwACEIJaAbBEHiIkKMvNoOpPTuYXZ",
)
"""Cyrillic and Greek letters, and the Latin ones that nobody can tell from them (Unicode Technical Standard 39)."""
PLAIN = str.maketrans(
    "‘’‛ʼ′´`‐‑‒–—−－" + _LOOK_ALIKES[0],
    "'''''''-------" + _LOOK_ALIKES[1],
)
"""Characters for those that word processors, and keyboards of other languages, have put in their place."""

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
"""Bidirectional classes whose characters would turn the rest of a message round."""
LONGEST_TEXT = 255
"""What a single-line text column of SharePoint holds, in UTF-16 code units as SharePoint counts."""
_MOST_NAMED = 3
"""Characters named in a message, before it says how many more there are."""


def without_outer_blanks(cell: str) -> tuple[str, bool, bool]:
    """The core, and whether there were blanks before and after it. Never backtracks, however many there are."""
    first = _INK.search(cell)
    last = _INK.search(cell[::-1])
    if first is None or last is None:
        return "", False, False
    end = len(cell) - last.start()
    return cell[first.start() : end], first.start() > 0, end < len(cell)


def shortened(text: str, most: int) -> str:
    """At most so many characters of it, and "…" where there were more."""
    return text if len(text) <= most else text[:most] + "…"


def printable(text: str, most: int = 64) -> str:
    """Foreign text for a message: on one line, nothing invisible, shortened to ``most`` characters and "…"."""
    text = shortened(text, most)
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c == " " or (c.isprintable() and not BLANK.match(c)) else f"‹{number(c)}›" for c in text)


def as_line(text: str) -> str:
    """What a single-line column keeps of a text: no outer blanks, and no character cut in two at its end."""
    if 2 * len(text) > LONGEST_TEXT:
        text = text.encode("utf-16-le", "surrogatepass")[: 2 * LONGEST_TEXT].decode("utf-16-le", "ignore")
    return text.strip()


def listed(characters: Iterable[str]) -> str:
    """Characters named one by one, as far as a message has room."""
    named = [_named(character) for character in characters]
    if len(named) > _MOST_NAMED:
        named[_MOST_NAMED - 1 :] = [f"{len(named) - _MOST_NAMED + 1} more"]
    return joined(named)


def joined(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _named(character: str) -> str:
    """The character itself where it is seen for what it is; its number where it is not, or may pass for another."""
    turns = unicodedata.bidirectional(character) in _RIGHT_TO_LEFT
    if turns or unicodedata.combining(character) or not character.isprintable():
        return number(character)
    plain = unicodedata.normalize("NFD", character)[0].isascii()
    return f"“{character}”" if plain else f"“{character}” ({number(character)})"


def number(character: str) -> str:
    return f"U+{ord(character):04X}"
