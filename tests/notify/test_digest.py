"""What a target is to be told, whatever came and went while it, or another, could not be reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_agent.model import Code, Severity
from sync_agent.notify.digest import due
from sync_agent.state.records import AnomalyRecord, Digest
from sync_agent.state.store import Store
from tests.outcomes import STARTED, anomaly, outcome
from tests.report.records import NOW, record

CODES = (Code.UPN_MISSING, Code.USER_GUEST)
TARGETS = ("mail", "teams")

_numbers = count()

_FOUND = st.dictionaries(st.integers(1, 3), st.sets(st.sampled_from(CODES)), max_size=3)
_TURNS = st.lists(st.tuples(_FOUND, st.fixed_dictionaries({name: st.booleans() for name in TARGETS})), max_size=8)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path_factory.mktemp('history')}/history.db")
    yield opened
    opened.close()


@settings(max_examples=60, deadline=None)
@given(_TURNS)
def test_whoever_was_reached_last_knows_exactly_what_stands(
    store: Store, turns: list[tuple[dict[int, set[Code]], dict[str, bool]]]
) -> None:
    """What a target was told, put together: nothing twice, nothing resolved that it had not heard of."""
    title = f"List {next(_numbers)}"
    known: dict[str, set[tuple[int, str]]] = {name: set() for name in TARGETS}
    for number, (found, reached) in enumerate(turns):
        anomalies = {row: [anomaly(code) for code in sorted(codes)] for row, codes in found.items()}
        store.save(replace(outcome(anomalies, started=STARTED + timedelta(minutes=number)), list_title=title))
        _turn(store, title, known, reached)
        stands = {(row, str(code)) for row, codes in found.items() for code in codes}
        assert all(known[name] == stands for name in TARGETS if reached[name])


def _turn(store: Store, title: str, known: dict[str, set[tuple[int, str]]], reached: Mapping[str, bool]) -> None:
    fresh, missed = store.digest(title), store.missed(title)
    for name in TARGETS:
        if reached[name]:
            told = due(fresh, missed.get(name))
            new = {(one.row_id, one.code) for one in told.new}
            resolved = {(one.row_id, one.code) for one in told.resolved}
            assert (len(new), len(resolved)) == (len(told.new), len(told.resolved))
            assert resolved <= known[name]
            assert not new & (known[name] - resolved)
            known[name] = known[name] - resolved | new
    if any(reached.values()):
        store.digest_sent(title, fresh, {name: due(fresh, missed.get(name)) for name in TARGETS if not reached[name]})


def test_the_worst_comes_first_and_what_is_of_no_interest_not_at_all() -> None:
    new = tuple(record(row, code) for row, code in ((1, Code.USER_GUEST), (9, Code.UPN_MISSING), (2, Code.UPN_FORMAT)))
    ids = [(one.row_id, one.code) for one in due(_numbered(new)).new]
    assert ids == [(2, "upn_format"), (9, "upn_missing"), (1, "user_guest")]
    assert [one.row_id for one in due(_numbered(new), None, Severity.ERROR).new] == [2, 9]
    assert due(Digest((), (), NOW)) == Digest((), (), NOW)


def _numbered(records: Sequence[AnomalyRecord]) -> Digest:
    return Digest(tuple(replace(one, id=number) for number, one in enumerate(records, 1)), (), NOW)
