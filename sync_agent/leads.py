"""What a row that leads to no user tells about who is meant, and what to ask the tenants about it.

A *lead* is read from the row alone. The questions are asked of every tenant, many in one request; a row equal to
somebody's UPN never gets this far.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

from sync_agent.characters import BLANK, BLANKS
from sync_agent.duplicates import user_of
from sync_agent.model import Absent, Found, Match, NoTenant, Questions, Row, User
from sync_agent.personal_names import is_persons, spellings, words
from sync_agent.upn import examine, key
from sync_agent.upn_reading import addresses, cleaned, read

_LONGEST = 113
"""Characters of a UPN, or of a name, that are worth a question."""
_FEWEST_TO_COMPARE = 4
"""Characters before the @. Of shorter ones a slip makes anybody's."""
_MOST_ADDRESSES = 4
"""In one cell, that are worth questions."""
_LONGEST_REMEMBERED = 255
"""Characters of a cell: what a text column holds."""
_ASKABLE_LOCAL = re.compile(r"[a-z0-9'._!#^~-]+")
_REMARK = re.compile(r"[(\[{][^)\]}]*[)\]}]")
_HOME = re.compile(r"(?P<local>.+)_(?P<domain>[^_]+)#ext#@", re.IGNORECASE)
"""A guest's UPN holds the one at home, with its @ written _ (external user properties)."""


@dataclass(frozen=True, slots=True)
class Lead:
    """``locals``: what may stand before the @, in plain letters, the likeliest first; ``domain`` what stands after it,
    "" where that is not told; ``called``: names of people, as typed, the cell's own before the row's.
    """

    locals: tuple[str, ...] = ()
    domain: str = ""
    called: tuple[str, ...] = ()

    def questions(self) -> Questions:
        """What to ask so that whoever is meant comes up, and everybody who could be taken for them."""
        near = [f"{local}@{self.domain}" for local in self.locals if self.domain and len(local) >= _FEWEST_TO_COMPARE]
        called = (name for told in self.called for name in ways_to_write(told))
        return Questions(locals=frozenset(self.locals), near=frozenset(near), called=frozenset(called))


def lead(cell: str | None, name: str) -> Lead:
    """Who the cell and the name beside it may mean."""
    longest = max(len(cell or ""), len(name))
    return _remembered(cell, name) if longest <= _LONGEST_REMEMBERED else _lead(cell, name)


def _lead(cell: str | None, name: str) -> Lead:
    if cell is None or not BLANKS.sub("", cell):
        return Lead(called=_names(name))
    reading = read(cell)
    meant = cleaned(reading) or ""
    if len(several := addresses(reading)) > 1:
        locals_ = (local for one in several[:_MOST_ADDRESSES] for local in _locals(one.partition("@")[0]))
        return Lead(tuple(locals_), "", _names(name))
    if (home := _HOME.match(meant)) is not None:
        return Lead(_locals(home["local"]), key(home["domain"]), _names(name))
    if "@" in meant:
        local, _, domain = meant.rpartition("@")
        return Lead(_locals(_without_tag(local.strip("@").partition("@")[0])), key(domain), _names(name))
    if "\\" in reading.text:
        return Lead(_locals(reading.text.rpartition("\\")[2]), "", _names(name))
    if BLANK.search(reading.core) or "," in reading.text:
        return Lead(called=_names(reading.core, name))
    return Lead(_locals(meant), "", _names(name))


_remembered = lru_cache(maxsize=1 << 14)(_lead)


def guest_lead(user: User) -> Lead:
    """Where a guest is at home."""
    found = _HOME.match(user.upn)
    return Lead() if found is None else Lead(_locals(found["local"]), key(found["domain"]))


def questions(rows: Iterable[Row], matches: Mapping[str, Match]) -> Questions:
    """About all rows that lead to no user, or to one who is not to stay. What is not answered yet raises none."""
    everything: dict[str, set[str]] = {each.name: set() for each in fields(Questions)}
    for row in rows:
        for kind, question in _of_row(row, matches):
            everything[kind].add(question)
    return Questions(**{kind: frozenset(asked) for kind, asked in everything.items()})


def _of_row(row: Row, matches: Mapping[str, Match]) -> Iterator[tuple[str, str]]:
    findings = examine(row.upn)
    match = None if findings.name is None else matches.get(findings.name)
    match match:
        case Found(user=user) if user.guest:
            yield from (("locals", local) for local in guest_lead(user).locals)
        case Absent() | NoTenant():
            yield from _of_nobody(row, match, findings.candidate, matches)
        case None if findings.name is None:
            yield from _of_nobody(row, match, findings.candidate, matches)
        case _:
            return


def _of_nobody(
    row: Row, match: Absent | NoTenant | None, candidate: str | None, matches: Mapping[str, Match]
) -> Iterator[tuple[str, str]]:
    if row.shown.object_id:
        yield "ids", row.shown.object_id.lower()
    if isinstance(match, Absent) and match.explained:
        return
    if candidate is not None and user_of(matches.get(candidate)) is not None:
        return
    asked = lead(row.upn, row.name).questions()
    yield from ((each.name, question) for each in fields(Questions) for question in getattr(asked, each.name))


def _without_tag(local: str) -> str:
    """jane+calls is a way to write to jane, and may be anybody else's way to write a name."""
    return local.partition("+")[0] or local


def _locals(text: str) -> tuple[str, ...]:
    found = (spelling.strip(".") for spelling in spellings(text[: _LONGEST + 1]))
    return tuple(local for local in found if len(local) <= _LONGEST and _ASKABLE_LOCAL.fullmatch(local))


def _names(*texts: str) -> tuple[str, ...]:
    cleaned_ = (" ".join(BLANKS.split(text)).strip(" ;,") for text in texts if len(text) <= 2 * _LONGEST)
    return tuple(dict.fromkeys(text for text in cleaned_ if len(text) <= _LONGEST and is_persons(text)))


def ways_to_write(name: str) -> Iterator[str]:
    """The name as directories may have it: "Jane Doe", "Doe, Jane" or "Doe Jane", with and without what is around it.

    Display names are found by these alone, whether the tenant is asked or read whole.
    """
    ways: dict[str, None] = {}
    for spelt in dict.fromkeys((name, bare(name))):
        last, comma, first = (part.strip() for part in spelt.partition(","))
        if not comma:
            first, _, last = spelt.rpartition(" ")
            ways[spelt] = None
        if words(first) and words(last):
            ways |= dict.fromkeys((f"{first} {last}", f"{last}, {first}", f"{last} {first}"))
            given, _, rest = spelt.partition(" ")
            if not comma and " " not in first:
                ways[f"{rest}, {given}"] = None
    return iter(ways)


def bare(name: str) -> str:
    """Without titles, initials and remarks in brackets."""
    kept = [word for word in _REMARK.sub(" ", name).split() if words(word)]
    return " ".join(kept).strip(" ,")
