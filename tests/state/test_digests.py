"""A digest says what is new and what is over since the last one that was sent, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from msgspec import structs

from sync_agent.model import Anomaly, Code
from sync_agent.state.store import AnomalyRecord, Store
from tests.outcomes import STARTED, anomaly, outcome

MISSING, DISABLED, GUEST = (anomaly(code) for code in (Code.UPN_MISSING, Code.USER_DISABLED, Code.USER_GUEST))


def passed(store: Store, number: int, found: dict[int, list[Anomaly]]) -> None:
    store.save(outcome(found, started=STARTED + timedelta(minutes=number)))


def said(store: Store, *, sent: bool = True) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    digest = store.digest("Agents")
    if sent:
        store.digest_sent("Agents", digest)
    return [_key(one) for one in digest.new], [_key(one) for one in digest.resolved]


def _key(one: AnomalyRecord) -> tuple[int, str]:
    return one.row_id, one.code


def test_each_thing_is_told_once_it_was_sent(store: Store) -> None:
    assert said(store) == ([], [])
    passed(store, 0, {1: [MISSING], 2: [GUEST]})
    assert said(store, sent=False) == ([(1, "upn_missing"), (2, "user_guest")], [])
    assert said(store) == ([(1, "upn_missing"), (2, "user_guest")], [])
    assert said(store) == ([], [])
    passed(store, 1, {2: [GUEST], 3: [DISABLED]})
    assert said(store, sent=False) == ([(3, "user_disabled")], [(1, "upn_missing")])
    assert said(store) == ([(3, "user_disabled")], [(1, "upn_missing")])
    assert said(store) == ([], [])


def test_what_comes_and_goes_between_two_digests_is_told_to_nobody(store: Store) -> None:
    passed(store, 0, {1: [MISSING]})
    passed(store, 1, {})
    assert said(store) == ([], [])


def test_what_goes_and_comes_again_between_two_digests_is_told_only_where_it_says_something_else(store: Store) -> None:
    passed(store, 0, {1: [MISSING], 2: [GUEST]})
    said(store)
    passed(store, 1, {})
    passed(store, 2, {1: [MISSING], 2: [structs.replace(GUEST, remedy="Ask IT.")]})
    assert said(store) == ([(2, "user_guest")], [(2, "user_guest")])
    passed(store, 3, {})
    assert said(store) == ([], [(1, "upn_missing"), (2, "user_guest")])


def test_what_happens_while_a_digest_goes_out_is_in_the_next(store: Store) -> None:
    passed(store, 0, {1: [MISSING]})
    digest = store.digest("Agents")
    assert digest.until == STARTED + timedelta(seconds=1.5)
    passed(store, 1, {2: [GUEST]})
    store.digest_sent("Agents", digest)
    assert said(store) == ([(2, "user_guest")], [(1, "upn_missing")])


def test_a_tenant_that_could_not_be_asked_is_nothing_to_tell(store: Store) -> None:
    passed(store, 0, {1: [anomaly(Code.ACCOUNT_UNAVAILABLE)]})
    assert said(store) == ([], [])
    passed(store, 1, {})
    assert said(store) == ([], [])


def test_what_is_acknowledged_is_told_neither_as_new_nor_as_over(store: Store) -> None:
    passed(store, 0, {1: [MISSING], 2: [GUEST]})
    store.acknowledge("Agents", {(1, "upn_missing")})
    assert said(store) == ([(2, "user_guest")], [])
    store.acknowledge("Agents", {(1, "upn_missing"), (2, "user_guest")})
    passed(store, 1, {})
    assert said(store) == ([], [])


def test_what_was_acknowledged_is_told_anew_once_it_says_something_else(store: Store) -> None:
    passed(store, 0, {1: [MISSING], 2: [GUEST]})
    said(store)
    store.acknowledge("Agents", {(1, "upn_missing")})
    passed(store, 1, {1: [structs.replace(MISSING, remedy="Ask IT.")], 2: [structs.replace(GUEST, remedy="Ask IT.")]})
    assert said(store) == ([(1, "upn_missing")], [])


def test_a_digest_has_the_team_and_how_often_it_came_up(store: Store) -> None:
    for number, found in enumerate([{1: [MISSING]}, {}, {1: [MISSING]}]):
        made = outcome(found, started=STARTED + timedelta(minutes=number))
        store.save(replace(made, rows={id_: structs.replace(row, team="Sales") for id_, row in made.rows.items()}))
    [new] = store.digest("Agents").new
    assert (new.team, new.times) == ("Sales", 2)
    assert new.opened == new.seen == STARTED + timedelta(minutes=2, seconds=1.5)


def test_the_digest_of_one_list_says_nothing_of_another(store: Store) -> None:
    passed(store, 0, {1: [MISSING]})
    digest = store.digest("Agents")
    store.digest_sent("Others", digest)
    assert store.digest("Others").new == ()
    assert said(store) == ([(1, "upn_missing")], [])


def test_what_a_target_missed_is_kept_as_it_is_by_now_until_it_is_told(store: Store) -> None:
    passed(store, 0, {1: [MISSING], 2: [GUEST]})
    digest = store.digest("Agents")
    store.digest_sent("Agents", digest, {"mail": digest})
    assert store.digest("Agents").new == ()
    passed(store, 1, {2: [structs.replace(GUEST, remedy="Ask IT.")]})
    kept = store.missed("Agents")
    assert kept.keys() == {"mail"}
    assert [(one.row_id, one.resolved is None) for one in kept["mail"].new] == [(1, False), (2, True)]
    assert kept["mail"].new[1].message.endswith("Ask IT.")
    assert kept["mail"].resolved == ()
    assert store.missed("Other") == {}

    over = store.digest("Agents")
    store.digest_sent("Agents", over, {"mail": replace(over, new=kept["mail"].new[1:])})
    assert [_key(one) for one in store.missed("Agents")["mail"].resolved] == [(1, "upn_missing")]
    store.digest_sent("Agents", store.digest("Agents"))
    assert store.missed("Agents") == {}
