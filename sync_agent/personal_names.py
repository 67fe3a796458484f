"""Comparing what people are called, and how their names are spelt in sign-in names.

Accents, case, the order of words and punctuation are no difference: "Müller, Jürgen" is jürgen müller is jurgen.muller.
Tenants spell ü both u and ue, so a text has several spellings in plain letters.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from functools import lru_cache

from rapidfuzz.distance import OSA

_ALONE = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ŋ": "n"}
)
"""Letters that Unicode does not take apart into a plain one and an accent."""
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_LETTERS = re.compile(r"[^\W\d_]+")
_LONGEST = 256
_SHORTEST_NEAR = 4
"""Letters. Of shorter words a single other letter makes another word."""


class Likeness(Enum):
    """What two names have in common."""

    SAME = "the same words"
    SHARED = "some words"
    NOTHING = "nothing"
    INCOMPARABLE = "one of them tells nothing, or they are written in different scripts"


def folded(text: str) -> str:
    """In lower case, without accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold().translate(_ALONE))
    return "".join(character for character in parts if not unicodedata.combining(character))


def spellings(text: str) -> tuple[str, ...]:
    """The text in plain letters, as tenants may spell it; the commonest first."""
    if text.isascii():
        return (text.lower(),)
    composed = unicodedata.normalize("NFC", text.casefold())
    return tuple(dict.fromkeys((folded(composed), folded(composed.translate(_TWO_LETTERS)))))


@lru_cache(maxsize=1 << 16)
def words(name: str) -> frozenset[str]:
    """The words of a name that have two letters or more; titles and numbers tell nothing."""
    found = _LETTERS.findall(folded(name[:_LONGEST]).replace("'", "").replace("’", ""))
    return frozenset(word for word in found if len(word) > 1) - _TITLES


_TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof", "herr", "frau"})


def is_persons(name: str) -> bool:
    """Whether it looks like somebody's whole name: two words or more, and no number, except at the end of a word."""
    return len(words(name)) > 1 and not any(word[0].isdigit() for word in name.split())


def likeness(one: str, other: str) -> Likeness:
    ours, theirs = words(one), words(other)
    if not ours or not theirs or not _same_script(ours, theirs):
        return Likeness.INCOMPARABLE
    if ours == theirs:
        return Likeness.SAME
    if ours & theirs or any(_near(word, another) for word in ours for another in theirs):
        return Likeness.SHARED
    return Likeness.NOTHING


def may_be_one(name: str, spelt: str, other: str) -> bool:
    """Whether one of two names has its like for every word of the other: Lucía and Lucas Doe have not.

    ``spelt``: what stands before an @, which may tell more of the first one's name.
    """
    ours, theirs = words(name), words(other)
    return _has_all(theirs, ours | words(spelt)) or _has_all(ours, theirs)


def _has_all(wanted: frozenset[str], there: frozenset[str]) -> bool:
    return all(any(word == another or _near(word, another) for another in there) for word in wanted)


def _same_script(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    """As far as it is told by plain letters, which is what sign-in names are made of."""
    return any(map(str.isascii, ours)) == any(map(str.isascii, theirs))


def _near(word: str, another: str) -> bool:
    """One slip apart, or one the beginning of the other, as Alex and Alexander are."""
    if min(len(word), len(another)) < _SHORTEST_NEAR:
        return False
    return word.startswith(another) or another.startswith(word) or OSA.distance(word, another, score_cutoff=1) <= 1
