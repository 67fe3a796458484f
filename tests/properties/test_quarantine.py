"""A tenant that suddenly does not know most of its users accuses none of them, whoever they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.model import Absent, CouldNotAsk, Found, Match, Row, Shown, User
from sync_agent.quarantine import FEWEST_KNOWN, Quarantine, Sight, judged, known_users, sight, unbelieved

NOW = datetime(2026, 11, 25, tzinfo=UTC)
AGENTS = [f"agent{number}@contoso.com" for number in range(30)]
SHARES = st.floats(0.01, 1)
SILENT = CouldNotAsk("away", NOW)
PLAIN = Absent("contoso")
EXPLAINED = [Absent("contoso", deleted_at=NOW), Absent("contoso", alias_of=User("2", "x"))]
STANDING = st.none() | st.builds(
    Quarantine, st.just("t"), st.integers(0, 40), st.integers(1, 40), st.just(NOW), st.none() | st.just(NOW)
)


def found(name: str) -> Found:
    return Found(User(f"id of {name}", name), "contoso")


ANSWERS = st.dictionaries(st.sampled_from(AGENTS), st.sampled_from([found("x"), PLAIN, SILENT, *EXPLAINED]), min_size=1)


def accused(known: list[str], answers: dict[str, Match], standing: Quarantine | None, least: float) -> set[str]:
    """Of whom it is believed that nobody has their name."""
    now = judged("t", standing, sight(known, answers), answers, least, NOW)
    held = now is not None and now.released is None
    believed = unbelieved(answers, (), "not believed", NOW) if held else answers
    return {name for name, answer in believed.items() if answer == PLAIN}


@given(st.lists(st.sampled_from(AGENTS), min_size=FEWEST_KNOWN, unique=True), st.data(), SHARES)
def test_whoever_disappears_at_once_is_not_accused_where_they_are_too_many(
    known: list[str], data: st.DataObject, least: float
) -> None:
    gone = data.draw(st.sets(st.sampled_from(known), min_size=1))
    answers: dict[str, Match] = {name: PLAIN if name in gone else found(name) for name in known}
    too_many = len(known) - len(gone) < least * len(known)
    assert accused(known, answers, None, least) == (set() if too_many else gone)


@given(ANSWERS, SHARES)
def test_under_quarantine_nobody_is_accused_and_no_other_answer_is_touched(
    answers: dict[str, Match], least: float
) -> None:
    after = unbelieved(answers, (), "why", NOW)
    assert after.keys() == answers.keys()
    for name, answer in answers.items():
        assert after[name] == (CouldNotAsk("why", NOW, not_believed=True) if answer == PLAIN else answer)


@given(st.lists(st.sampled_from(AGENTS), unique=True), ANSWERS)
def test_everybody_is_seen_in_one_way_at_most(known: list[str], answers: dict[str, Match]) -> None:
    seen = sight(known, answers)
    assert seen.present + len(seen.gone) + seen.failed == len(answers.keys() & set(known))
    assert seen.gone == {name for name in known if answers.get(name) == PLAIN}
    explained = seen.without(seen.gone)
    assert (explained.gone, explained.present) == (frozenset(), seen.present + len(seen.gone))
    assert not explained.is_doubtful(1)


@given(ANSWERS, STANDING, SHARES)
def test_what_could_not_be_asked_begins_no_quarantine(
    answers: dict[str, Match], standing: Quarantine | None, least: float
) -> None:
    silent = {name: SILENT if answer == PLAIN else answer for name, answer in answers.items()}
    assert judged("t", None, sight(AGENTS, silent), silent, least, NOW) is None
    assert accused(AGENTS, {**silent}, standing, least) == set()


@given(ANSWERS, STANDING, SHARES)
def test_one_that_stands_ends_only_when_users_are_back(
    answers: dict[str, Match], standing: Quarantine | None, least: float
) -> None:
    seen = sight(AGENTS, answers)
    after = judged("t", standing, seen, answers, least, NOW + timedelta(hours=1))
    if standing is not None and after is None:
        assert seen.present >= least * len(AGENTS)
    if standing is not None and after is not None:
        assert after.since == standing.since


@given(STANDING, st.integers(1, 30), SHARES)
def test_a_release_is_good_for_as_many_as_were_gone_and_no_more(
    standing: Quarantine | None, gone: int, least: float
) -> None:
    if standing is None:
        return
    released = replace(standing, released=NOW)
    answers: dict[str, Match] = {name: PLAIN if n < gone else found(name) for n, name in enumerate(AGENTS)}
    if (30 - gone) < least * 30:
        assert accused(AGENTS, answers, released, least) == (set(AGENTS[:gone]) if gone <= standing.gone else set())


def test_a_question_about_a_few_neither_begins_nor_ends_one() -> None:
    asked: dict[str, Match] = {AGENTS[0]: PLAIN, AGENTS[1]: found(AGENTS[1])}
    assert judged("t", None, sight(AGENTS, asked), asked, 0.5, NOW) is None
    standing = Quarantine("t", 30, 20, NOW)
    assert judged("t", standing, sight(AGENTS, asked), asked, 0.5, NOW) == standing


def test_fewer_than_the_floor_may_leave_together() -> None:
    known = AGENTS[: FEWEST_KNOWN - 1]
    assert not Sight(len(known), 1, frozenset(known[1:]), 0, 1).is_doubtful(0.5)


def test_the_rows_remember_who_was_found_where() -> None:
    def row(number: int, upn: str, account: str, object_id: str) -> Row:
        return Row(number, upn, shown=Shown(account=account, object_id=object_id))

    rows = [
        row(1, "Jane@contoso.com", "contoso", "1"),
        row(2, "typed.anew@contoso.com", "contoso", "2"),
        row(3, "joe@contoso.com", "gone from the settings", "3"),
        row(4, "never@contoso.com", "contoso", ""),
        row(5, "not a name", "contoso", "5"),
        row(6, "new@fabrikam.com", "", ""),
    ]
    before = {1: ("jane@contoso.com", "1"), 2: ("before@contoso.com", "2")}
    matches: dict[str, Match] = {
        "new@fabrikam.com": Found(User("6", "new@fabrikam.com"), "fabrikam"),
        "of.no.row@fabrikam.com": Found(User("7", "x"), "fabrikam"),
        "never@contoso.com": PLAIN,
    }
    known = known_users(rows, matches, before, {"contoso": "t1", "contoso-2": "t1", "fabrikam": "t2"})
    assert known == {"t1": {"jane@contoso.com": "1"}, "t2": {"new@fabrikam.com": "6"}}


def test_what_was_heard_before_of_the_others_does_not_end_it() -> None:
    """A new row's question finds one user, and some of those who were found before gone: the others may be too."""
    earlier: dict[str, Match] = {name: found(name) for name in AGENTS}
    asked: dict[str, Match] = {AGENTS[0]: found(AGENTS[0]), **dict.fromkeys(AGENTS[1:4], PLAIN)}
    standing = Quarantine("t", len(AGENTS), 5, NOW)
    seen = sight(AGENTS, asked, earlier)
    assert judged("t", standing, seen, asked, 0.5, NOW) == standing
    back: dict[str, Match] = {name: found(name) for name in AGENTS[:4]}
    assert judged("t", standing, sight(AGENTS, back, earlier), back, 0.5, NOW) is None
    whole = {**earlier, **asked}
    assert judged("t", standing, sight(AGENTS, whole), whole, 0.5, NOW) is None
