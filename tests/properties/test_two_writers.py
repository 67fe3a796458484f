"""Services of one database on one list, killed, restarted, set back in time: never strangers to each other. One with
another database, which goes on writing, is found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.model import Row, Shown
from sync_agent.two_writers import (
    NEVER,
    Known,
    Look,
    Span,
    accepted_after,
    is_proven,
    newer,
    strange,
    with_look,
)

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
AHEAD = timedelta(minutes=2)
ROWS = range(1, 9)


@dataclass(slots=True)
class Database:
    accepted: datetime | None = None
    spans: dict[str, Span] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()


@dataclass(slots=True)
class Process:
    """What `jobs/other_writers.py` does, step by step."""

    name: str
    database: Database
    newest: dict[int, datetime] = field(default_factory=dict)
    span: Span | None = None
    last: datetime = NEVER

    def look(self, cells: dict[int, datetime], now: datetime) -> None:
        rows = [Row(id_, "a@b.c", shown=Shown(sync_changed_at=moment)) for id_, moment in cells.items()]
        moments = newer(rows, self.newest, now)
        seen = moments.keys() & self.newest.keys()
        self.newest |= moments
        kept = self.database
        known = Known(kept.accepted, kept.spans, kept.looks)
        kept.looks = with_look(kept.looks, now, strange(moments, seen, known, self.name))
        if not is_proven(kept.looks):
            kept.accepted = accepted_after(known, rows, now)
            kept.spans = {name: span for name, span in kept.spans.items() if span.until >= kept.accepted}

    def write(self, row_id: int, cells: dict[int, datetime], now: datetime) -> None:
        if self.span is None or not self.span.since <= now <= self.span.until - AHEAD / 2:
            self.span = Span(now, now + AHEAD) if self.span is None else self.span.with_times(now, now + AHEAD)
            self.database.spans = {**self.database.spans, self.name: self.span}
        moment = now.replace(microsecond=0)
        self.newest[row_id] = max(moment, self.newest.get(row_id, moment))
        self.last = max(self.last, moment)
        cells[row_id] = moment

    def end(self) -> None:
        if self.span is not None:
            last = max(self.span.since, self.last)
            self.database.spans = {**self.database.spans, self.name: Span(self.span.since, last)}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("look"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("write"), st.integers(0, 2), st.sampled_from(ROWS)),
        st.tuples(st.sampled_from(["kill", "stop"]), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.sampled_from([1, 30, 90, 600, 86_400])),
        st.tuples(st.just("jump"), st.just(0), st.sampled_from([-48, -1, 1, 48])),
        st.tuples(st.just("delete state"), st.just(0), st.just(0)),
        st.tuples(st.just("restore row"), st.just(0), st.sampled_from(ROWS)),
        st.tuples(st.just("copy row"), st.sampled_from(ROWS), st.integers(20, 30)),
    ),
    max_size=60,
)


@given(STEPS)
def test_services_of_one_database_are_never_taken_for_strangers(steps: list[tuple[str, int, int]]) -> None:
    database, cells, versions = Database(), dict[int, datetime](), dict[int, datetime]()
    processes = [Process(f"{number}", database) for number in range(3)]
    now, started = START, 3
    for step, which, what in steps:
        match step:
            case "look":
                processes[which].look(cells, now)
            case "write":
                versions |= {id_: cells[id_] for id_ in (what,) if id_ in cells}
                processes[which].write(what, cells, now)
            case "kill" | "stop":
                if step == "stop":
                    processes[which].end()
                processes[which] = Process(f"{started}", database)
                started += 1
            case "delete state":  # with all services stopped
                database = Database()
                processes = [Process(f"{started + number}", database) for number in range(3)]
                started += 3
            case "restore row":
                cells |= {what: versions[what]} if what in versions else {}
            case "copy row":
                cells |= {what: cells[which]} if which in cells and what not in cells else {}
            case _:
                now += timedelta(seconds=what) if step == "wait" else timedelta(hours=what)
        now += timedelta(milliseconds=700)
        assert database.looks == (), (step, which, what)


@given(
    skew=st.integers(-120, 1_800),
    rounds=st.lists(st.sets(st.sampled_from(ROWS), min_size=2, max_size=8), min_size=6, max_size=9),
    stays=st.booleans(),
)
def test_who_goes_on_writing_with_another_database_is_found(skew: int, rounds: list[set[int]], stays: bool) -> None:
    """At least by the one of the two whose clock is behind, and by both where they go alike."""
    cells: dict[int, datetime] = {}
    mine, theirs, now, ahead = Database(), Database(), START, timedelta(seconds=skew)
    me, they = Process("me", mine), Process("they", theirs)
    for number, rows in enumerate(rounds):
        if not stays:
            me, they = Process(f"me {number}", mine), Process(f"they {number}", theirs)
        me.look(cells, now)
        for row_id in rows:
            me.write(row_id, cells, now)
        if not stays:
            me.end()
        now += timedelta(minutes=1)
        they.look(cells, now + ahead)
        for row_id in rows:
            they.write(row_id, cells, now + ahead)
        if not stays:
            they.end()
        now += timedelta(minutes=3)
    assert is_proven(mine.looks) or is_proven(theirs.looks)
    if 0 <= skew <= 30:
        assert is_proven(mine.looks) and is_proven(theirs.looks)
