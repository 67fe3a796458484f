"""Runs and what they wrote: intended, known to be made, or not known; and how long it is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync_agent.state.records import Intention, JournalEntry, RunKind, RunRecord, RunSummary
from sync_agent.state.store import RunJournal, Store
from sync_agent.undoing import VerdictCells
from tests.outcomes import STARTED, outcome

LATER = STARTED + timedelta(seconds=3)
NOTHING, OK, ERROR = VerdictCells(), VerdictCells("OK", "", "contoso", "id"), VerdictCells("Error", "upn_format: No.\n")


def to_ok(row_id: int, before: VerdictCells = NOTHING, upn: str | None = "jane@contoso.com") -> Intention:
    return Intention(row_id, upn, before, OK, "user matched")


@pytest.fixture
def journal(store: Store) -> RunJournal:
    return store.run_journal("Agents")


def test_a_write_is_not_known_until_it_is_told_and_of_none_nothing_is_left(journal: RunJournal) -> None:
    run = journal.begin(RunKind.SYNC, STARTED)
    assert journal.intend(run, [to_ok(1), to_ok(2), to_ok(3, ERROR)], STARTED) == {}
    assert [(line.row_id, line.made) for line in journal.unknown()] == [(1, None), (2, None), (3, None)]
    journal.note(run, [to_ok(1)], [2], LATER)
    lines, _ = journal.of_run(run)
    assert [(line.row_id, line.at, line.made) for line in lines] == [(1, STARTED, LATER), (3, STARTED, None)]
    [line] = journal.of_row(3)
    assert (line.run, line.upn, line.before, line.after) == (run, "jane@contoso.com", ERROR, OK)
    assert line.why == "user matched"
    assert journal.of_row(2) == []


def test_what_is_known_later_is_settled(journal: RunJournal) -> None:
    run = journal.begin(RunKind.RUN, STARTED)
    journal.intend(run, [to_ok(1), to_ok(2), to_ok(3)], STARTED)
    ids = {line.row_id: line.id for line in journal.unknown()}
    journal.settle([ids[1]], [ids[2]], LATER)
    assert [(line.row_id, line.made) for line in journal.of_run(run)[0]] == [(1, LATER), (3, None)]
    assert [line.row_id for line in journal.unknown()] == [3]


def test_what_was_written_over_is_not_looked_for_any_more(journal: RunJournal) -> None:
    """By what the row shows now nothing can be said of it."""
    first, second = journal.begin(RunKind.SYNC, STARTED), journal.begin(RunKind.SYNC, LATER)
    journal.intend(first, [to_ok(1)], STARTED)
    assert journal.intend(second, [to_ok(1, ERROR)], LATER) == {}, "nor is anybody said to have changed it"
    assert [line.run for line in journal.unknown()] == [second]
    journal.note(second, [to_ok(1, ERROR)], [], LATER)
    assert journal.unknown() == []
    assert [line.made for line in journal.of_row(1)] == [None, LATER]


def test_a_row_that_shows_what_nobody_is_known_to_have_written_is_told(journal: RunJournal) -> None:
    run = journal.begin(RunKind.RUN, STARTED)
    journal.intend(run, [to_ok(1), to_ok(2)], STARTED)
    journal.note(run, [to_ok(1), to_ok(2)], [], STARTED)
    again = [Intention(1, None, OK, ERROR, "upn_missing"), Intention(2, None, ERROR, OK, "user matched")]
    assert journal.intend(run, again, LATER) == {2: OK}


def test_a_write_whose_intention_could_not_be_kept_is_not_missed(journal: RunJournal) -> None:
    run = journal.begin(RunKind.SYNC, STARTED)
    journal.intend(run, [to_ok(1)], STARTED)
    many = [to_ok(row_id) for row_id in range(1, 1_201)]
    journal.note(run, many, [], LATER)
    assert {line.row_id for line in journal.of_run(run)[0] if line.made == LATER} == set(range(1, 1_201))
    assert len(journal.of_run(run)[0]) == 1_200


def test_another_list_is_another_matter(store: Store, journal: RunJournal) -> None:
    others = store.run_journal("Others")
    run = others.begin(RunKind.SYNC, STARTED)
    others.intend(run, [to_ok(1)], STARTED)
    own = journal.begin(RunKind.SYNC, STARTED)
    assert journal.intend(own, [to_ok(1)], LATER) == {}
    assert [line.run for line in journal.unknown()] == [own]
    assert [line.run for line in others.unknown()] == [run]
    assert journal.runs([run, own]) == {own: RunRecord(own, "Agents", RunKind.SYNC, STARTED)}
    assert journal.of_row(2) == others.of_row(2) == []


def test_the_last_run_is_the_one_that_wrote_last_of_whichever_column(store: Store, journal: RunJournal) -> None:
    assert journal.last_run() is None
    service, once = journal.begin(RunKind.RUN, STARTED), journal.begin(RunKind.SYNC, STARTED)
    assert journal.last_run() is None, "nothing was written yet"
    journal.intend(once, [to_ok(1)], STARTED)
    assert journal.last_run() == RunRecord(once, "Agents", RunKind.SYNC, STARTED)
    store.journal("Agents", [JournalEntry(1, LATER, "UPN", "a", "b", "written", service)])
    assert journal.last_run() == RunRecord(service, "Agents", RunKind.RUN, STARTED)
    undo = journal.begin(RunKind.UNDO, LATER, undoes=once)
    journal.intend(undo, [to_ok(1)], LATER + timedelta(seconds=1))
    assert journal.last_run() == RunRecord(undo, "Agents", RunKind.UNDO, LATER, once)


def test_odd_cells_come_back_as_near_as_every_database_takes_them(journal: RunJournal) -> None:
    run = journal.begin(RunKind.SYNC, STARTED)
    odd = Intention(1, "\ud800\0", VerdictCells("\ud800", "a\0b", "Zoë", "'"), OK, "user matched")
    journal.intend(run, [odd], STARTED)
    [line] = journal.of_row(1)
    assert (line.upn, line.before) == ("\ufffd\ufffd", VerdictCells("\ufffd", "a\ufffdb", "Zoë", "'"))


def test_runs_and_their_writes_are_forgotten_and_no_number_is_given_again(url: str) -> None:
    store = Store.open(url, timedelta(days=30))
    journal = store.run_journal("Agents")
    old, fixing, lasting = (journal.begin(RunKind.SYNC, STARTED) for _ in range(3))
    journal.intend(old, [to_ok(1)], STARTED)
    store.journal("Agents", [JournalEntry(1, STARTED + timedelta(days=9), "UPN", "a", "b", "written", fixing)])
    journal.intend(lasting, [to_ok(2)], STARTED)
    journal.intend(lasting, [to_ok(3)], STARTED + timedelta(days=9))
    store.save(outcome({}, started=STARTED + timedelta(days=31)))
    assert journal.runs([old, fixing, lasting]).keys() == {fixing, lasting}
    assert [line.row_id for line in journal.of_run(lasting)[0]] == [3]
    store.save(outcome({}, started=STARTED + timedelta(days=60)))
    assert journal.runs([old, fixing, lasting]) == {}
    assert journal.begin(RunKind.SYNC, STARTED + timedelta(days=60)) == lasting + 1
    store.close()


def test_the_last_runs_are_told_with_what_they_wrote_and_what_undid_them(store: Store, journal: RunJournal) -> None:
    assert journal.last_runs(5) == []
    once, service = journal.begin(RunKind.SYNC, STARTED), journal.begin(RunKind.RUN, STARTED)
    journal.intend(service, [to_ok(1), to_ok(2)], STARTED)
    journal.note(service, [to_ok(1)], [], LATER)
    journal.intend(service, [to_ok(1, ERROR)], LATER)
    fixed = JournalEntry(4, LATER, "UPN", "a", "b", "written", service)
    store.journal("Agents", [JournalEntry(5, LATER, "UPN", "a", "b", "to be written: so", service), fixed])
    first = journal.begin(RunKind.UNDO, LATER, undoes=once)
    second = journal.begin(RunKind.UNDO, LATER, undoes_since=LATER)
    later = LATER + timedelta(days=1)
    third = journal.begin(RunKind.UNDO, later, undoes_since=later)
    store.run_journal("Others").begin(RunKind.SYNC, STARTED)
    told = {each.run.id: each for each in journal.last_runs(50)}
    assert list(told) == [third, second, first, service, once]
    record = RunRecord(service, "Agents", RunKind.RUN, STARTED)
    assert told[service] == RunSummary(record, LATER, rows=2, writes=3, unknown=2, upns=1, undone_by=(second,))
    assert told[once] == RunSummary(RunRecord(once, "Agents", RunKind.SYNC, STARTED), STARTED, 0, 0, 0, 0, (first,))
    assert told[second].run.undoes_since == LATER
    assert [each.run.id for each in journal.last_runs(2)] == [third, second]


def test_what_was_written_since_a_time_is_known_of_all_runs_of_the_list(store: Store, journal: RunJournal) -> None:
    first, second, others = (
        store.run_journal(title).begin(RunKind.RUN, STARTED) for title in ("Agents", "Agents", "Others")
    )
    journal.intend(first, [to_ok(1), to_ok(2)], STARTED)
    journal.note(first, [to_ok(1)], [], LATER)
    journal.intend(second, [to_ok(3)], LATER)
    store.run_journal("Others").intend(others, [to_ok(9)], LATER)
    entries = [JournalEntry(row_id, at, "UPN", "a", "b", "written", first) for row_id, at in ((1, STARTED), (2, LATER))]
    store.journal("Agents", entries)
    store.journal("Others", [JournalEntry(9, LATER, "UPN", "a", "b", "written", others)])
    lines, fixes = journal.since(LATER)
    assert ([(line.run, line.row_id) for line in lines], fixes) == ([(first, 1), (second, 3)], entries[1:])
    lines, fixes = journal.since(STARTED)
    assert ([line.row_id for line in lines], fixes) == ([1, 2, 3], entries)
    assert journal.since(LATER + timedelta(microseconds=1)) == ([], [])
