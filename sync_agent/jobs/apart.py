"""Much to decide at once, as at the start, is decided in a thread beside the event loop, from a picture of that moment.

The interpreter switches between the two every few milliseconds, so presence goes on being read. What comes in meanwhile
is decided as ever, on what was known before; both are brought together in `Observed`, in one step, so that verdicts of
two moments never stand side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from msgspec import structs

from sync_agent.deciding import Deciding
from sync_agent.detective import Clues, Heard, candidates, clues_of
from sync_agent.jobs.watched import Watched, everybody
from sync_agent.leads import lead
from sync_agent.model import CouldNotAsk, Match, Questions, Row, Status, Verdict
from sync_agent.upn import examine

MUCH = 1_000
"""Rows with another UPN, or names with another answer: fewer take some 30 ms on the loop."""


@dataclass(slots=True)
class Apart:
    """``deciding`` is of these ``rows`` and ``matches``, and the rest follows from it, once `decide` was called."""

    deciding: Deciding
    rows: Mapping[int, Row]
    matches: Mapping[str, Match]
    clues: Clues
    tenant_of: Mapping[str, str]
    without_presence: frozenset[str]
    matched: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    """By row id: the key of the UPN by which it has a user, and the user's id."""
    watched: Watched = field(default_factory=dict)

    def decide(self) -> None:
        self.deciding.decide(self.rows, self.matches, self.clues)
        verdicts = self.deciding.verdicts
        self.matched = dict(matched(self.rows, verdicts, self.rows))
        self.watched = everybody(verdicts.values(), self.tenant_of, self.without_presence)

    async def decided(self) -> Apart:
        await asyncio.to_thread(self.decide)
        return self

    def go_on(
        self,
        before: Deciding,
        known: Mapping[int, Row],
        rows: Mapping[int, Row],
        matches: Mapping[str, Match],
        clues: Clues,
    ) -> tuple[set[int], frozenset[str]]:
        """In the place of ``before``, decide what became of rows, answers and people meanwhile; ``known``: the rows
        before those that it was decided of. Gives ids of rows of which something is other than it was decided, and of
        users whom such rows have or had.
        """
        others = {id_ for id_ in self.rows.keys() | rows.keys() if self.rows.get(id_) is not rows.get(id_)}
        self.deciding.note_rows(self.rows, rows, others)
        self.deciding.note_answers(name for name, match in matches.items() if self.matches.get(name) is not match)
        renamed = [id_ for id_, row in rows.items() if (was := known.get(id_)) is not None and was.upn != row.upn]
        self.deciding.take_over(before, renamed)
        since = self.deciding.decide(rows, matches, clues)
        return others.union(since.changed), since.users


def matched(
    rows: Mapping[int, Row], verdicts: Mapping[int, Verdict], row_ids: Iterable[int]
) -> Iterator[tuple[int, tuple[str, str]]]:
    """Of rows that are there and have a user: the id, with the key of the UPN and the user's id."""
    for row in (row for row_id in row_ids if (row := rows.get(row_id)) is not None):
        user, name = verdicts[row.id].user, examine(row.upn).name
        if user is not None and name is not None:
            yield row.id, (name, user.id)


def clues_ahead(
    heard: Collection[Heard],
    asked: Questions,
    before: Mapping[int, tuple[str, str]],
    rows: Iterable[Row],
    verdicts: Mapping[int, Verdict],
) -> Clues:
    """As `clues_of`, where it is worked out already who comes into question for each row without a user, which is what
    takes longest to decide when people are news.
    """
    clues = clues_of(heard, asked, before)
    for row in rows:
        verdict = verdicts[row.id]
        if verdict.user is None and verdict.status is not Status.UNKNOWN:
            candidates(lead(row.upn, row.name), clues, (), examine(row.upn).name)
    return clues


def as_known(read: Iterable[Row], known: Mapping[int, Row]) -> dict[int, Row]:
    """By id. A row that is as it was stays the very one, so that whoever comes across it later sees so at once."""
    return {row.id: row if (before := known.get(row.id)) != row else before for row in read}


def says_other(row: Row, known: Row | None) -> bool:
    """Whether any cell of the row is other, and not only its version."""
    return known is None or structs.replace(row, etag=known.etag) != known


def other_upns(rows: Mapping[int, Row], known: Mapping[int, Row]) -> int:
    """How many rows are new or have another UPN."""
    return sum((before := known.get(id_)) is None or before.upn != row.upn for id_, row in rows.items())


def with_answers(matches: Mapping[str, Match], answers: Mapping[str, Match]) -> tuple[dict[str, Match], int]:
    """What is known with these answers, and how many of them are news. A failed question takes no answer away."""
    known = dict(matches)
    news = {
        name: match
        for name, match in answers.items()
        if known.get(name) != match and not (isinstance(match, CouldNotAsk) and name in known)
    }
    return known | news, len(news)
