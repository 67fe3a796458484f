"""The history beside a naive one, after any passes, acknowledgements and digests, saved by two services in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_agent.fuses import Held
from sync_agent.model import Anomaly, Code, Row, Severity, Status, User, Verdict
from sync_agent.outcome import Outcome, Writes
from sync_agent.state.store import AnomalyRecord, Store
from tests.outcomes import STARTED
from tests.postgresql import Server
from tests.properties.naive_history import Key, NaiveHistory

KEEP = timedelta(days=3)
ROW_IDS = range(1, 5)
CODES = [Code.USER_NOT_FOUND, Code.UPN_FORMAT, Code.UPN_DUPLICATE, Code.USER_GUEST]
RIGHT = ["jane@c.com", "JANE@c.com", "joe@c.com"]
CELLS = st.none() | st.sampled_from(["", "nobody@c.com", "Jane Doe", "\ud800@c.com", "a\0@c.com"])
NAMES = st.sampled_from(["", "Jane", "Doe, Jane"])
USERS = st.builds(User, st.sampled_from(["id-1", "id-2"]), st.sampled_from(["Jane@c.com", "joe@c.com"]))
ANOMALIES = st.builds(
    Anomaly,
    st.sampled_from(CODES),
    st.sampled_from(["It is wrong.", "It is \ud800."]),
    st.sampled_from(["Mend it.", "Ask IT."]),
    st.none() | st.just("jane@c.com"),
)
SILENT = Anomaly(Code.ACCOUNT_UNAVAILABLE, "The tenant could not be asked: 503.", "Nothing to do.")

Judged = tuple[Row, Verdict]


@st.composite
def judged(draw: st.DrawFn, row_id: int) -> Judged:
    """A row with what a pass may say of it."""
    kind = draw(st.sampled_from(["right", "wrong", "silent"]))
    cell = draw(st.sampled_from(RIGHT) if kind == "right" else CELLS)
    row = Row(row_id, cell, draw(NAMES), team=draw(st.sampled_from(["", "Sales"])))
    if kind == "silent":
        return row, Verdict(row_id, Status.UNKNOWN, (SILENT,))
    least = 1 if kind == "wrong" else 0
    said = tuple(draw(st.lists(ANOMALIES, min_size=least, max_size=2, unique_by=lambda anomaly: anomaly.code)))
    if kind == "wrong":
        return row, Verdict(row_id, Status.ERROR, said)
    status = Status.WARNING if said else Status.OK
    return row, Verdict(row_id, status, said, draw(USERS), "contoso")


@dataclass(frozen=True, slots=True)
class Pass:
    """``hours`` after the one before; what it finds is what the one before found but for ``news`` and rows ``gone``."""

    hours: int
    news: Sequence[Judged]
    gone: frozenset[int]
    held: bool
    by: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    keys: frozenset[Key]


@dataclass(frozen=True, slots=True)
class DigestSent:
    pass


PASSES = st.builds(
    Pass,
    st.integers(1, 40),
    st.lists(st.sampled_from(ROW_IDS).flatmap(judged), max_size=3),
    st.frozensets(st.sampled_from(ROW_IDS), max_size=1),
    st.sampled_from([False, False, False, True]),
    st.integers(0, 1),
)
ACKNOWLEDGED = st.builds(
    Acknowledged, st.frozensets(st.tuples(st.sampled_from(ROW_IDS), st.sampled_from(CODES).map(str)))
)
STEPS = st.lists(PASSES | PASSES | ACKNOWLEDGED | st.just(DigestSent()), max_size=14)

EXAMPLES = settings(max_examples=60, deadline=None)
FEWER = settings(max_examples=15, deadline=None)
"""Of those that run on PostgreSQL: what the two databases do differently shows in few."""
_titles = (f"List {number}" for number in count())
"""Each example has a list of its own, so that one database serves them all, and none sees another's."""


@contextmanager
def two(url: str) -> Iterator[Sequence[Store]]:
    stores = [Store.open(url), Store.open(url)]
    try:
        yield stores
    finally:
        for store in stores:
            store.close()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Store]]:
    """Two on one database."""
    with two(f"sqlite:///{tmp_path_factory.mktemp('history')}/history.db") as stores:
        yield stores


@pytest.fixture(scope="module")
def on_postgresql(postgresql: Server) -> Iterator[Sequence[Store]]:
    with two(postgresql.new_database()) as stores:
        yield stores


@dataclass(slots=True)
class Life:
    """One list as its passes come, with the naive history of them."""

    title: str
    naive: NaiveHistory
    now: datetime = STARTED
    rows: dict[int, Judged] | None = None

    def outcome(self, step: Pass) -> Outcome:
        found = {**(self.rows or {}), **{row.id: (row, verdict) for row, verdict in step.news}}
        found = {row_id: each for row_id, each in found.items() if row_id not in step.gone}
        if not step.held:
            self.rows = found
        self.now += timedelta(hours=step.hours)
        made = Outcome(
            started=self.now,
            seconds=0.25,
            list_title=self.title,
            rows={row_id: row for row_id, (row, _) in found.items()},
            verdicts={row_id: verdict for row_id, (_, verdict) in found.items()},
            writes=Writes(),
            accounts={},
            held=Held("max_missing_rows", "c0ffee", 4, 5, "50%", "why") if step.held else None,
        )
        self.naive.passed(self.now + timedelta(seconds=0.25), made)
        return made

    def moments(self) -> Iterator[datetime]:
        """Before all, and at, just before and long after each pass."""
        for when, _ in self.naive.passes:
            yield from (when - timedelta(microseconds=1), when, when + timedelta(minutes=30))


def new_life() -> Life:
    return Life(next(_titles), NaiveHistory())


def by_key(records: Sequence[AnomalyRecord]) -> list[AnomalyRecord]:
    return sorted((replace(one, id=0) for one in records), key=lambda one: (one.row_id, one.code))


@EXAMPLES
@given(st.lists(PASSES | ACKNOWLEDGED, max_size=12))
def test_it_answers_as_if_every_pass_had_been_kept(services: Sequence[Store], steps: list[Pass | Acknowledged]) -> None:
    answers_as_if_every_pass_had_been_kept(services, steps)


@FEWER
@given(st.lists(PASSES | ACKNOWLEDGED, max_size=12))
def test_postgresql_answers_so_too(on_postgresql: Sequence[Store], steps: list[Pass | Acknowledged]) -> None:
    answers_as_if_every_pass_had_been_kept(on_postgresql, steps)


def answers_as_if_every_pass_had_been_kept(services: Sequence[Store], steps: list[Pass | Acknowledged]) -> None:
    life, store = new_life(), services[0]
    for step in steps:
        if isinstance(step, Acknowledged):
            store.acknowledge(life.title, step.keys)
            life.naive.acknowledge(step.keys)
        else:
            services[step.by].save(life.outcome(step))
        assert by_key(store.open_anomalies(life.title)) == life.naive.standing()
    for moment in life.moments():
        told = {row_id: store.verdict_at(life.title, row_id, moment) for row_id in ROW_IDS}
        assert told == {row_id: life.naive.verdict_at(row_id, moment) for row_id in ROW_IDS}
        for upn_key in ("jane@c.com", "jane doe", ""):
            holding = [row_id for row_id, was in told.items() if was and (was.upn or "").lower() == upn_key]
            assert store.rows_with_upn_at(life.title, upn_key, moment) == holding
    assert store.last_matched(life.title) == life.naive.last_matched()


def _words(one: AnomalyRecord) -> tuple[int, str, str | None, str]:
    return one.row_id, one.code, one.upn, one.message


@EXAMPLES
@given(STEPS)
def test_who_reads_every_digest_knows_what_stands(
    services: Sequence[Store], steps: list[Pass | Acknowledged | DigestSent]
) -> None:
    digests_tell_what_stands(services, steps)


@FEWER
@given(STEPS)
def test_who_reads_them_from_postgresql_knows_it_too(
    on_postgresql: Sequence[Store], steps: list[Pass | Acknowledged | DigestSent]
) -> None:
    digests_tell_what_stands(on_postgresql, steps)


def digests_tell_what_stands(services: Sequence[Store], steps: list[Pass | Acknowledged | DigestSent]) -> None:
    """But for what has been acknowledged at some time; and nobody is told what they knew."""
    life, store = new_life(), services[0]
    known: set[Key] = set()
    ever_acknowledged: set[Key] = set()
    for step in [*steps, DigestSent()]:
        if isinstance(step, Pass):
            services[step.by].save(life.outcome(step))
        elif isinstance(step, Acknowledged):
            store.acknowledge(life.title, step.keys)
            life.naive.acknowledge(step.keys)
            ever_acknowledged |= step.keys
        else:
            digest = store.digest(life.title)
            new, over = ({(one.row_id, one.code) for one in some} for some in (digest.new, digest.resolved))
            assert len(new) == len(digest.new)
            assert not any(one.severity == Severity.INFO or one.acknowledged for one in (*digest.new, *digest.resolved))
            assert all(replace(one, id=0) in life.naive.lives for one in (*digest.new, *digest.resolved))
            assert (new - over) & known <= ever_acknowledged
            assert over <= known
            assert not {_words(one) for one in digest.new} & {_words(one) for one in digest.resolved}
            known = (known - over) | new
            assert known ^ life.naive.to_be_known() <= ever_acknowledged
            assert life.naive.to_be_known() <= known
            store.digest_sent(life.title, digest)
            again = store.digest(life.title)
            assert (again.new, again.resolved) == ((), ())


@EXAMPLES
@given(st.lists(PASSES, min_size=1, max_size=16))
def test_what_is_forgotten_is_missed_by_no_question_about_the_time_that_is_kept(
    forgetful: Store, steps: list[Pass]
) -> None:
    misses_nothing_that_is_kept(forgetful, steps)


@FEWER
@given(st.lists(PASSES, min_size=1, max_size=16))
def test_nor_where_postgresql_forgets(forgetful_on_postgresql: Store, steps: list[Pass]) -> None:
    misses_nothing_that_is_kept(forgetful_on_postgresql, steps)


def misses_nothing_that_is_kept(forgetful: Store, steps: list[Pass]) -> None:
    life = new_life()
    for step in steps:
        forgetful.save(life.outcome(step))
    standing = [replace(one, times=0) for one in by_key(forgetful.open_anomalies(life.title))]
    assert standing == [replace(one, times=0) for one in life.naive.standing()]
    for moment in life.moments():
        if moment > life.now - KEEP:
            for row_id in ROW_IDS:
                assert forgetful.verdict_at(life.title, row_id, moment) == life.naive.verdict_at(row_id, moment)
    last = life.naive.passes[-1][1] if life.naive.passes else None
    assert forgetful.known_rows(life.title) == (None if last is None else len(last.rows))


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("history")
    store = Store.open(f"sqlite:///{path}/history.db", KEEP)
    yield store
    store.close()


@pytest.fixture(scope="module")
def forgetful_on_postgresql(postgresql: Server) -> Iterator[Store]:
    store = Store.open(postgresql.new_database(), KEEP)
    yield store
    store.close()
