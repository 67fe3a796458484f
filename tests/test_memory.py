"""What a row takes of memory once it is read, answered, read presence of, and planned: counted by tracemalloc."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

from sync_agent.jobs.observed import Observed
from sync_agent.microsoft365.presence_chunk import without_history
from sync_agent.model import Found, Match, Row, Shown, User
from sync_agent.plan import plan

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ROWS = 2_000
MOST = 1_600
"""Bytes, texts included, of a row that is right and that nobody has written yet; 2,195 when they were data classes."""


def rows() -> Iterator[Row]:
    for id_ in range(ROWS):
        name = f"Jane Number {id_:05}"
        yield Row(id_, f"jane.{id_:05}@contoso.com", name, Shown(), f'"5ba0c4e8-0000-4000-8000-{id_:012},1"')


def answers(observed: Observed) -> dict[str, Match]:
    return {
        name: Found(User(f"5ba0c4e8-1111-4000-8000-{number:012}", name, f"Jane Number {number:05}"), "contoso")
        for number, name in enumerate(sorted(observed.names()))
    }


def observed_and_planned() -> Observed:
    observed = Observed({"contoso": "t"})
    observed.put_rows(rows(), NOW)
    observed.put_matches(answers(observed))
    observed.put_presences([without_history(dict.fromkeys(observed.watched["t"], ("Busy", "InACall")))], NOW)
    made = plan(list(observed.rows.values()), observed.verdicts, observed.presences, NOW)
    for change in made.changes:
        verdict = observed.verdicts[change.row.id]
        assert verdict.user is not None
        observed.backlog.put(change, (change.row, verdict, observed.presences[verdict.user.id]), NOW)
    return observed


def test_a_row_takes_no_more_than_it_did() -> None:
    observed_and_planned()  # what is made once is there before it is counted
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        observed = observed_and_planned()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(observed.backlog.owed_since()) == ROWS
    assert (after - before) / ROWS < MOST
