"""What the rows that became others do to what is observed, beside what a whole reading does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sync_agent.detective import Heard
from sync_agent.jobs.observed import Observed
from sync_agent.leads import questions
from sync_agent.model import Absent, Code, CouldNotAsk, Found, Match, Questions, Row, Shown, Status, User

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMES = ("ann@contoso.com", "bob@contoso.com", "cy@contoso.com", "dee@contoso.com")
MATCHES: dict[str, Match] = {
    NAMES[0]: Found(User("1", NAMES[0]), "contoso"),
    NAMES[1]: Found(User("2", NAMES[1], enabled=False), "contoso"),
    NAMES[2]: Absent("contoso.com"),
    NAMES[3]: CouldNotAsk("away", NOW),
}
UPNS = st.sampled_from([*NAMES, NAMES[0].upper(), "", "nonsense"])
LISTS = st.dictionaries(st.integers(1, 8), UPNS, max_size=8).map(
    lambda upns: {id_: Row(id_, upn, f"Agent {id_}", Shown(), f'"{id_},1"') for id_, upn in upns.items()}
)


def observed_of(rows: dict[int, Row]) -> Observed:
    observed = Observed({"contoso": "t"})
    observed.put_rows(rows.values(), NOW)
    observed.put_matches(MATCHES)
    return observed


@given(LISTS, LISTS)
def test_followed_changes_end_where_a_whole_reading_would(before: dict[int, Row], after: dict[int, Row]) -> None:
    followed, read = observed_of(before), observed_of(before)
    followed.put_followed(
        {id_: row for id_, row in after.items() if before.get(id_) != row}, before.keys() - after, NOW
    )
    read.put_rows(after.values(), NOW)
    assert (followed.rows, followed.verdicts, followed.watched) == (read.rows, read.verdicts, read.watched)
    for user_id in ("1", "2"):
        assert set(followed.rows_of(user_id)) == set(read.rows_of(user_id))


@given(LISTS, LISTS)
def test_only_what_changed_is_planned_again(before: dict[int, Row], after: dict[int, Row]) -> None:
    observed = observed_of(before)
    observed.dirty.clear()
    verdicts = observed.verdicts
    observed.put_followed(after, before.keys() - after, NOW)
    changed = {id_ for id_, row in after.items() if before.get(id_) != row}
    judged_anew = {id_ for id_, verdict in observed.verdicts.items() if verdicts.get(id_) != verdict}
    assert set(observed.dirty) == changed | judged_anew


def test_a_row_that_shows_the_same_gives_its_version_and_costs_nothing() -> None:
    row = Row(1, NAMES[0], "Ann", Shown(), '"1,1"')
    observed = observed_of({1: row})
    observed.dirty.clear()
    verdicts = observed.verdicts
    observed.put_followed({1: structs.replace(row, etag='"1,2"')}, [], NOW)
    assert (observed.rows[1].etag, observed.dirty) == ('"1,2"', {})
    assert observed.verdicts is verdicts


def test_a_renamed_row_of_which_nothing_is_known_yet_is_marked() -> None:
    observed = observed_of({1: Row(1, NAMES[0], "Ann", Shown(status="OK"))})
    observed.put_followed({1: Row(1, "eve@contoso.com", "Ann", Shown(status="OK"))}, [], NOW)
    assert (observed.verdicts[1].status, observed.verdicts[1].renamed) == (Status.UNKNOWN, True)
    observed.put_followed({1: Row(1, NAMES[0], "Ann", Shown(status="OK"))}, [], NOW)
    assert not observed.verdicts[1].renamed


def test_a_duplicate_that_is_gone_frees_the_other_row() -> None:
    observed = observed_of({1: Row(1, NAMES[0], "Ann", Shown()), 2: Row(2, NAMES[0], "Ann", Shown())})
    observed.dirty.clear()
    observed.put_followed({}, [2, 99], NOW)
    assert (list(observed.dirty), observed.verdicts[1].status) == ([1], Status.OK)


def test_an_answer_dirties_only_rows_that_it_says_something_of() -> None:
    observed = observed_of({1: Row(1, NAMES[0], "Ann", Shown()), 2: Row(2, NAMES[3], "Dee", Shown())})
    observed.dirty.clear()
    observed.put_matches({NAMES[3]: Absent("contoso.com")})
    assert list(observed.dirty) == [2]


def test_a_row_that_could_not_be_written_is_planned_again_once_the_list_was_looked_at() -> None:
    observed = observed_of({1: Row(1, NAMES[0], "Ann", Shown())})
    observed.dirty.clear()
    observed.unwritten |= {1, 99}
    observed.put_followed({}, [], NOW)
    assert (observed.dirty, observed.unwritten) == ({1: None}, set())


def test_who_gets_a_row_is_no_longer_suggested_in_another_and_is_again_once_it_is_gone() -> None:
    jane, slip = Found(User("J", "jane.doe@contoso.com", "Jane Doe"), "contoso"), "jane.deo@contoso.com"
    observed = Observed({"contoso": "t"})
    observed.put_rows([Row(1, slip, "Jane Doe")], NOW)
    observed.put_matches({slip: Absent("contoso")})
    asked = questions(observed.rows.values(), observed.matches)
    observed.put_heard({"t": Heard({"j": jane}, asked)}, asked)
    assert [each.suggestion for each in observed.verdicts[1].anomalies] == [jane.user.upn]

    observed.put_followed({2: Row(2, jane.user.upn, "Jane Doe")}, [], NOW)
    observed.dirty.clear()
    observed.put_matches({jane.user.upn: jane})
    assert [each.suggestion for each in observed.verdicts[1].anomalies] == [None]
    assert set(observed.dirty) == {1, 2}

    observed.put_followed({}, [2], NOW)
    assert observed.verdicts[1].anomalies[0].suggestion == jane.user.upn


def test_a_row_without_a_user_is_decided_anew_when_it_shows_whose_it_was() -> None:
    jane, old = Found(User("J", "jane.miller@contoso.com", "Jane Doe"), "contoso"), "jane.doe@contoso.com"
    observed = Observed({"contoso": "t"})
    observed.put_rows([Row(1, old, "Jane Doe")], NOW)
    observed.put_matches({old: Absent("contoso")})
    observed.put_heard({"t": Heard({"j": jane}, Questions(frozenset({"j"})))}, Questions(frozenset({"j"})))
    assert [anomaly.code for anomaly in observed.verdicts[1].anomalies] == [Code.USER_NOT_FOUND]
    observed.put_followed({1: Row(1, old, "Jane Doe", Shown(object_id="j"))}, [], NOW)
    assert [anomaly.code for anomaly in observed.verdicts[1].anomalies] == [Code.USER_RENAMED]


def test_whoever_comes_or_goes_leaves_the_others_watched() -> None:
    observed = observed_of({1: Row(1, NAMES[0])})
    observed.put_followed({2: Row(2, NAMES[1])}, [], NOW)
    assert observed.watched == {"t": ("1", "2")}
    observed.put_followed({}, [1], NOW)
    assert observed.watched == {"t": ("2",)}


@pytest.mark.anyio
async def test_what_is_decided_beside_the_loop_is_what_is_decided_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_agent.jobs.observed.MUCH", 1)
    rows = {id_: Row(id_, NAMES[id_ % 4], f"Agent {id_}", Shown(), f'"{id_},1"') for id_ in range(1, 40)}
    apart, known = Observed({"contoso": "t"}), observed_of(rows)
    await apart.take_rows(list(rows.values()), NOW)
    assert {verdict.status for verdict in apart.verdicts.values()} == {Status.UNKNOWN}
    verdicts, taking = apart.verdicts, asyncio.ensure_future(apart.take_matches(MATCHES))
    await asyncio.sleep(0)
    assert (apart.verdicts, apart.matches) == (verdicts, {})  # both come at once
    await taking
    assert (apart.rows, apart.verdicts, apart.watched, apart.matches) == (
        known.rows,
        known.verdicts,
        known.watched,
        known.matches,
    )
    assert set(apart.dirty) == set(known.dirty) == rows.keys()
    assert apart.before == known.before != {}
    before = dict(apart.verdicts)
    await apart.take_matches(MATCHES)
    await apart.take_rows(list(rows.values()), NOW)
    assert all(apart.verdicts[id_] is verdict for id_, verdict in before.items())


def test_what_becomes_of_rows_and_answers_while_others_are_decided_apart_counts() -> None:
    """Row 1 is another's now, row 2 is gone, row 3 is new, and the name of row 4 is no longer anybody's."""
    rows = {id_: Row(id_, NAMES[0]) for id_ in (1, 2)} | {4: Row(4, NAMES[1])}
    observed, known = Observed({"contoso": "t"}), Observed({"contoso": "t"})
    observed.put_rows(rows.values(), NOW)
    apart = observed.apart(dict(rows), dict(MATCHES))
    apart.decide()
    for each in (observed, known):
        each.put_rows(rows.values(), NOW)
        each.put_followed({1: Row(1, NAMES[2]), 3: Row(3, NAMES[0])}, [2], NOW)
        each.put_matches({NAMES[1]: Absent("contoso.com")})
    answers = {**MATCHES, NAMES[1]: observed.matches[NAMES[1]]}
    observed.put_matches(answers, apart)
    known.put_matches(answers)
    assert known.before == {3: (NAMES[0], "1")}
    assert (observed.verdicts, observed.watched, observed.before) == (known.verdicts, known.watched, known.before)
    assert [set(each.rows_of("1")) for each in (observed, known)] == [{3}, {3}]


def test_a_row_that_went_and_came_back_while_others_were_decided_apart_is_a_new_one() -> None:
    observed = observed_of({1: Row(1, NAMES[0])})
    apart = observed.apart(dict(observed.rows), dict(observed.matches))
    apart.decide()
    observed.put_followed({}, [1], NOW)
    observed.put_followed({1: Row(1, "eve@contoso.com")}, [], NOW)
    observed.put_matches({}, apart)
    assert (observed.verdicts[1].status, observed.verdicts[1].renamed) == (Status.UNKNOWN, False)
