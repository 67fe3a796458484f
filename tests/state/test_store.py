"""The history: what is opened, stands, is resolved, and what a broken database does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from sync_agent.freshness import Freshness
from sync_agent.fuses import Held
from sync_agent.model import Code, Status
from sync_agent.state.store import FreshnessRecord, Store
from tests.outcomes import STARTED, anomaly, outcome


def test_an_anomaly_lives_from_the_first_pass_that_finds_it_to_the_first_that_does_not(store: Store) -> None:
    for day, found in enumerate([{}, {2: [anomaly(Code.UPN_MISSING)]}, {2: [anomaly(Code.UPN_MISSING)]}]):
        store.save(outcome(found, started=STARTED + timedelta(days=day)))
    [standing] = store.open_anomalies("Agents")
    assert (standing.row_id, standing.code) == (2, "upn_missing")
    assert standing.opened.date() == (STARTED + timedelta(days=1)).date()
    assert standing.seen.date() == (STARTED + timedelta(days=2)).date()

    store.save(outcome({}, started=STARTED + timedelta(days=3)))
    assert store.open_anomalies("Agents") == []


def test_a_second_life_begins_anew(store: Store) -> None:
    for day, found in enumerate([[anomaly(Code.UPN_MISSING)], [], [anomaly(Code.UPN_MISSING)]]):
        store.save(outcome({1: found}, started=STARTED + timedelta(days=day)))
    [standing] = store.open_anomalies("Agents")
    assert standing.opened.date() == (STARTED + timedelta(days=2)).date()


def test_a_row_that_could_not_be_judged_keeps_its_anomalies(store: Store) -> None:
    store.save(outcome({1: [anomaly(Code.USER_DISABLED)]}))
    store.save(outcome({1: [anomaly(Code.ACCOUNT_UNAVAILABLE)]}, started=STARTED + timedelta(minutes=1)))
    assert {found.code for found in store.open_anomalies("Agents")} == {"user_disabled", "account_unavailable"}


def test_the_trend_has_the_last_pass_of_each_day(store: Store) -> None:
    store.save(outcome({1: [anomaly(Code.UPN_MISSING)]}))
    store.save(outcome({}, started=STARTED + timedelta(hours=3)))
    store.save(outcome({1: [anomaly(Code.UPN_DUPLICATE)]}, started=STARTED + timedelta(days=1)))
    days = store.days("Agents", STARTED - timedelta(days=1))
    assert [(day.started.day, day.status[Status.OK], day.status[Status.WARNING]) for day in days] == [
        (2, 5, 0),
        (3, 4, 1),
    ]


def test_the_rows_known_are_those_of_the_last_pass(store: Store) -> None:
    assert store.known_rows("Agents") is None
    store.save(outcome({}, rows=7))
    assert store.known_rows("Agents") == 7
    assert store.known_rows("Another list") is None


def test_text_that_no_database_takes_is_stored_all_the_same(store: Store) -> None:
    store.save(outcome({1: [anomaly(Code.UPN_CHARACTER)]}, upns={1: "a\ud800b@contoso.com"}))
    assert store.open_anomalies("Agents")[0].upn == "a\ufffdb@contoso.com"


def test_the_days_of_two_lists_in_one_database_are_their_own(store: Store) -> None:
    store.save(outcome({}))
    store.save(replace(outcome({}, started=STARTED + timedelta(hours=1)), list_title="Others"))
    for title in ("Agents", "Others"):
        assert len(store.days(title, STARTED - timedelta(days=1))) == 1


def test_a_held_pass_is_not_what_the_next_is_compared_with(store: Store) -> None:
    store.save(outcome({}))
    believed = store.known_rows("Agents")
    few = outcome({}, started=STARTED + timedelta(hours=1))
    held = Held("max_missing_rows", "c0ffee", 4, 5, "50%", "4 of 5 rows are no longer in the list")
    store.save(replace(few, verdicts={1: few.verdicts[1]}, held=held))
    assert store.known_rows("Agents") == believed


def acknowledged(store: Store) -> set[tuple[int, str]]:
    return {(found.row_id, found.code) for found in store.open_anomalies("Agents") if found.acknowledged}


def test_what_people_acknowledge_is_so_until_they_take_it_back(store: Store) -> None:
    store.save(outcome({1: [anomaly(Code.UPN_MISSING)], 2: [anomaly(Code.USER_GUEST)]}))
    store.acknowledge("Agents", {(1, "upn_missing"), (9, "upn_missing")})
    assert acknowledged(store) == {(1, "upn_missing")}
    store.acknowledge("Others", set())
    store.save(outcome({1: [anomaly(Code.UPN_MISSING)], 2: [anomaly(Code.USER_GUEST)]}))
    assert acknowledged(store) == {(1, "upn_missing")}
    store.acknowledge("Agents", {(2, "user_guest")})
    assert acknowledged(store) == {(2, "user_guest")}
    store.acknowledge("Agents", set())
    assert acknowledged(store) == set()


@pytest.mark.parametrize("upn", ["other@contoso.com", None])
def test_an_acknowledgement_is_void_once_the_row_has_another_upn(store: Store, upn: str | None) -> None:
    store.save(outcome({1: [anomaly(Code.USER_DISABLED)]}))
    store.acknowledge("Agents", {(1, "user_disabled")})
    store.save(outcome({1: [anomaly(Code.USER_DISABLED)]}, upns={1: upn}))
    assert acknowledged(store) == set()
    store.acknowledge("Agents", {(1, "user_disabled")})
    assert acknowledged(store) == {(1, "user_disabled")}


def test_an_acknowledgement_is_void_once_the_message_is_another_or_it_opens_again(store: Store) -> None:
    store.save(outcome({1: [anomaly(Code.USER_DISABLED)]}))
    store.acknowledge("Agents", {(1, "user_disabled")})
    store.save(outcome({1: [structs.replace(anomaly(Code.USER_DISABLED), remedy="Ask IT.")]}))
    assert acknowledged(store) == set()
    store.acknowledge("Agents", {(1, "user_disabled")})
    store.save(outcome({}))
    store.save(outcome({1: [structs.replace(anomaly(Code.USER_DISABLED), remedy="Ask IT.")]}))
    assert acknowledged(store) == set()


def test_it_is_counted_how_often_an_anomaly_has_come_up(store: Store) -> None:
    for found in [[anomaly(Code.UPN_MISSING)], [], [anomaly(Code.UPN_MISSING)]]:
        store.save(outcome({1: found, 2: [anomaly(Code.UPN_MISSING)]}))
    assert [(found.row_id, found.times) for found in store.open_anomalies("Agents")] == [(1, 2), (2, 1)]


def test_of_freshness_the_latest_of_each_list_is_kept(store: Store) -> None:
    assert store.freshness("Agents") is None
    earlier = FreshnessRecord(STARTED, Freshness(rows=9))
    latest = FreshnessRecord(STARTED + timedelta(minutes=1), Freshness(9, 8, 1, 0.5, 2.25, 30.0))
    for title, record in (("Agents", earlier), ("Agents", latest), ("Others", earlier)):
        store.keep_freshness(title, record)
    assert (store.freshness("Agents"), store.freshness("Others")) == (latest, earlier)
