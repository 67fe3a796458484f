"""Rows that hold the same UPN, and rows that lead to the same user by different ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sync_agent import anomalies
from sync_agent.characters import joined
from sync_agent.model import Absent, Anomaly, Found, Match, User

_MOST_NAMED = 5
"""Rows named in a message; a list may hold one UPN in all its rows."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """By key, and only where there are any: all rows of the key, and the rows of other keys with the same user."""

    same_upn: Mapping[str, tuple[int, ...]]
    same_user: Mapping[str, tuple[int, ...]]

    def anomalies(self, row_id: int, name: str | None) -> Iterator[Anomaly]:
        if name is None:
            return
        if name in self.same_upn:
            yield anomalies.same_upn(_besides(row_id, self.same_upn[name]))
        if name in self.same_user:
            yield anomalies.same_user(_besides(None, self.same_user[name]))


def find_duplicates(names: Mapping[int, str | None], matches: Mapping[str, Match]) -> Duplicates:
    """``names``: the key in each row, by row id."""
    rows_of: defaultdict[str, list[int]] = defaultdict(list)
    for row_id, name in names.items():
        if name is not None:
            rows_of[name].append(row_id)
    return Duplicates(
        {name: tuple(sorted(rows)) for name, rows in rows_of.items() if len(rows) > 1},
        _with_same_user(rows_of, matches),
    )


def user_of(match: Match) -> User | None:
    """The user that a name leads to, by UPN or by alias."""
    match match:
        case Found(user=user):
            return user
        case Absent(alias_of=user):
            return user
        case _:
            return None


def _with_same_user(rows_of: Mapping[str, list[int]], matches: Mapping[str, Match]) -> dict[str, tuple[int, ...]]:
    names_of: defaultdict[str, list[str]] = defaultdict(list)
    for name in rows_of:
        match = matches.get(name)
        user = None if match is None else user_of(match)
        if user is not None:
            names_of[user.id].append(name)
    return {
        name: tuple(sorted(row_id for other in names if other != name for row_id in rows_of[other]))
        for names in names_of.values()
        if len(names) > 1
        for name in names
    }


def _besides(row_id: int | None, rows: tuple[int, ...]) -> str:
    """The other rows by id, `rows 3, 5 and 8`; of many, the first few and how many more there are."""
    named = [str(id_) for id_ in rows[: _MOST_NAMED + 1] if id_ != row_id][:_MOST_NAMED]
    left = len(rows) - len(named) - (row_id is not None)
    words = [*named, f"{left:,} more"] if left else named
    return f"{'row' if len(words) == 1 else 'rows'} {joined(words)}"
