"""Rows that hold the same UPN, however it is spelt, and rows that lead to the same user by different ones."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sync_agent import anomalies
from sync_agent.characters import joined
from sync_agent.model import Absent, Anomaly, Found, Match, User
from sync_agent.upn import Findings

_MOST_NAMED = 5
"""Rows named in a message; a list may hold one UPN in all its rows."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """By row id, and only where there are any: the rows with the same UPN, and those with the same user by another."""

    same_upn: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    same_user: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def anomalies(self, row_id: int) -> Iterator[Anomaly]:
        if row_id in self.same_upn:
            yield anomalies.same_upn(_besides(row_id, self.same_upn[row_id]))
        if row_id in self.same_user:
            yield anomalies.same_user(_besides(None, self.same_user[row_id]))


def find_duplicates(findings: Mapping[int, Findings], users: Mapping[int, User]) -> Duplicates:
    """Both by row id; ``users`` holds the rows whose UPN leads to somebody, by an alias or a former name too."""
    rows_of: defaultdict[str, list[int]] = defaultdict(list)
    for row_id, found in findings.items():
        if (spelling := spelling_of(found.name)) is not None:
            rows_of[spelling].append(row_id)
    groups = {spelling: tuple(sorted(rows)) for spelling, rows in rows_of.items()}
    same_upn = {row_id: rows for rows in groups.values() if len(rows) > 1 for row_id in rows}
    return Duplicates(same_upn, _with_same_user(groups, users))


def user_of(match: Match | None) -> User | None:
    """The user that a name leads to, by UPN or by alias."""
    match match:
        case Found(user=user):
            return user
        case Absent(alias_of=user):
            return user
        case _:
            return None


def spelling_of(name: str | None) -> str | None:
    """The name in one of the forms that Unicode has for it: a full-width or decomposed letter makes no other UPN."""
    return name if name is None or name.isascii() else unicodedata.normalize("NFKC", name).lower()


def _with_same_user(groups: Mapping[str, tuple[int, ...]], users: Mapping[int, User]) -> dict[int, tuple[int, ...]]:
    spellings_of: defaultdict[str, dict[str, list[int]]] = defaultdict(dict)
    for spelling, rows in groups.items():
        for row_id in rows:
            if row_id in users:
                spellings_of[users[row_id].id].setdefault(spelling, []).append(row_id)
    same_user: dict[int, tuple[int, ...]] = {}
    for spellings in spellings_of.values():
        for spelling, having in spellings.items() if len(spellings) > 1 else ():
            others = (other_id for other, others in spellings.items() if other != spelling for other_id in others)
            same_user |= dict.fromkeys(having, tuple(sorted(others)))
    return same_user


def _besides(row_id: int | None, rows: tuple[int, ...]) -> str:
    """The other rows by id, `rows 3, 5 and 8`; of many, the first few and how many more there are."""
    named = [str(id_) for id_ in rows[: _MOST_NAMED + 1] if id_ != row_id][:_MOST_NAMED]
    left = len(rows) - len(named) - (row_id is not None)
    words = [*named, f"{left:,} more"] if left else named
    return f"{'row' if len(words) == 1 else 'rows'} {joined(words)}"
