"""Whose presence Graph tells of, and when that is asked for anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.pushing import (
    CHOSEN_ANEW,
    RENEWED_EVERY,
    SETTLED,
    Restlessness,
    Standing,
    Step,
    chosen,
    step,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
_IDS = [f"u{number:02}" for number in range(40)]
_expected = st.dictionaries(st.sampled_from(_IDS), st.floats(0.1, 100))
_accounts = st.lists(st.sampled_from("abc"), min_size=1, unique=True)


@st.composite
def _dealt(draw: st.DrawFn) -> tuple[dict[str, float], dict[str, frozenset[str]], int]:
    """Some of those who were chosen before are watched no more."""
    expected, most = draw(_expected), draw(st.integers(1, 12))
    before: dict[str, frozenset[str]] = dict.fromkeys(draw(_accounts), frozenset())
    ids = draw(st.permutations(_IDS))
    for number, account in enumerate(before):
        before[account] = frozenset(ids[number * most : number * most + draw(st.integers(0, most))])
    return expected, before, most


@given(_dealt())
def test_as_many_as_there_is_room_for_nobody_twice_and_nobody_else(
    dealt: tuple[dict[str, float], dict[str, frozenset[str]], int],
) -> None:
    expected, before, most = dealt
    now = chosen(expected, before, most)
    everybody = [id_ for ids in now.values() for id_ in ids]
    assert now.keys() == before.keys()
    assert all(len(ids) <= most for ids in now.values())
    assert len(everybody) == len(set(everybody)) == min(len(expected), most * len(before))
    assert set(everybody) <= expected.keys()


@given(_dealt())
def test_whoever_stays_stays_with_his_account_and_choosing_again_changes_nothing(
    dealt: tuple[dict[str, float], dict[str, frozenset[str]], int],
) -> None:
    expected, before, most = dealt
    now = chosen(expected, before, most)
    of_now = {id_: account for account, ids in now.items() for id_ in ids}
    assert all(of_now[id_] == account for account, ids in before.items() for id_ in ids if id_ in of_now)
    assert chosen(expected, now, most) == now


@given(_dealt())
def test_nobody_is_left_out_who_is_twice_as_lively_as_somebody_chosen(
    dealt: tuple[dict[str, float], dict[str, frozenset[str]], int],
) -> None:
    expected, before, most = dealt
    inside = {id_ for ids in chosen(expected, before, most).values() for id_ in ids}
    least = min((expected[id_] for id_ in inside), default=0.0)
    assert all(expected[id_] <= 2 * least for id_ in expected.keys() - inside)


def test_a_little_livelier_takes_nobodys_place() -> None:
    before = {"a": frozenset({"old"})}
    assert chosen({"old": 6.0, "new": 11.9}, before, 1) == before
    assert chosen({"old": 6.0, "new": 12.1}, before, 1) == {"a": frozenset({"new"})}


@given(st.lists(st.floats(0, 86_400), max_size=20))
def test_whoever_changed_is_livelier_than_whoever_did_not_and_it_fades(times: list[float]) -> None:
    restless, at = Restlessness(), sorted(times)
    for moment in at:
        restless.changed("jane", moment)
    end = at[-1] if at else 0.0
    still = restless.expected("bob", "Available", 0.0, end)
    lively = restless.expected("jane", "Available", 0.0, end)
    assert still + min(1, len(at)) <= lively <= still + len(at) + 1e-6
    assert restless.expected("jane", "Available", 0.0, end + 86_400) - still < 1e-6
    restless.forget("jane")
    assert restless.expected("jane", "Available", 0.0, end) == still


def test_the_awake_are_expected_to_change_more_than_the_sleeping() -> None:
    restless = Restlessness()
    awake, offline, gone = (
        restless.expected("x", availability, since, 0.0)
        for availability, since in [("Busy", 0.0), ("Offline", 0.0), ("Offline", 9 * 3_600.0)]
    )
    assert awake > offline > gone


_minutes = st.integers(0, 70).map(lambda number: timedelta(minutes=number))


@given(st.frozensets(st.sampled_from(_IDS)), st.frozensets(st.sampled_from(_IDS)), _minutes, _minutes, st.booleans())
def test_a_step_is_what_the_subscription_needs(
    users: frozenset[str], wanted: frozenset[str], age: timedelta, unrenewed: timedelta, challenged: bool
) -> None:
    """It is asked for an hour at most after it was renewed."""
    unrenewed = min(age, unrenewed)
    standing = Standing(users, NOW - age, NOW - unrenewed, NOW - unrenewed + timedelta(minutes=55))
    found = step(standing, wanted, NOW, challenged=challenged)
    if unrenewed >= timedelta(minutes=55):
        assert found is (Step.MAKE if wanted else Step.NONE)
    elif not wanted:
        assert found is Step.END
    elif found is Step.REPLACE:
        assert wanted - users
        assert age >= SETTLED
    elif challenged or unrenewed >= RENEWED_EVERY:
        assert found is Step.RENEW
    else:
        assert found is Step.NONE


def test_none_is_made_where_nobody_is_wanted() -> None:
    assert step(None, frozenset(), NOW) is Step.NONE
    assert step(None, frozenset("a"), NOW) is Step.MAKE


def test_it_is_replaced_soon_where_many_are_missing_and_late_where_few_are() -> None:
    users = frozenset(_IDS[:20])
    few, many = users | {_IDS[30]}, frozenset(_IDS)

    def at(age: timedelta, wanted: frozenset[str]) -> Step:
        return step(Standing(users, NOW - age, NOW, NOW + timedelta(minutes=55)), wanted, NOW)

    second = timedelta(seconds=1)
    assert at(SETTLED - second, many) is Step.NONE
    assert at(SETTLED, many) is Step.REPLACE
    assert at(CHOSEN_ANEW - second, few) is Step.NONE
    assert at(CHOSEN_ANEW, few) is Step.REPLACE
    assert at(CHOSEN_ANEW, users - {_IDS[0]}) is Step.NONE
