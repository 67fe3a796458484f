"""Much to decide at once, as at the start, is decided in a thread beside the event loop, from a picture of that moment.

The interpreter switches between the two every few milliseconds, so presence goes on being read. What comes in meanwhile
is decided as ever, on what was known before; both are brought together in `Observed`, in one step, so that verdicts of
two moments never stand side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sync_agent.deciding import Deciding
from sync_agent.detective import Clues
from sync_agent.model import CouldNotAsk, Match, Row

MUCH = 1_000
"""Rows with another UPN, or names with another answer: fewer take some 30 ms on the loop."""


@dataclass(frozen=True, slots=True)
class Apart:
    """``deciding`` is of these ``rows`` and ``matches``, once `decide` was called."""

    deciding: Deciding
    rows: Mapping[int, Row]
    matches: Mapping[str, Match]
    clues: Clues

    def decide(self) -> None:
        self.deciding.decide(self.rows, self.matches, self.clues)

    async def decided(self) -> Apart:
        await asyncio.to_thread(self.decide)
        return self


def as_known(read: Iterable[Row], known: Mapping[int, Row]) -> dict[int, Row]:
    """By id. A row that is as it was stays the very one, so that whoever comes across it later sees so at once."""
    return {row.id: row if (before := known.get(row.id)) != row else before for row in read}


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
