"""The history of verdicts: what was said of a row at any time, and that nothing is written where nothing changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from msgspec import structs

from sync_agent.fuses import Held
from sync_agent.model import Anomaly, Code, Status, User, Verdict
from sync_agent.outcome import Outcome
from sync_agent.state.store import Store
from tests.outcomes import STARTED, anomaly, outcome
from tests.state.queried import queried

JANE = User("id-jane", "Jane.Doe@contoso.com")
HELD = Held("max_missing_rows", "c0ffee", 4, 5, "50%", "4 of 5 rows are no longer in the list")


def minute(number: float) -> datetime:
    """When the pass of that minute ended."""
    return STARTED + timedelta(minutes=number, seconds=1.5)


def at_minute(number: int, found: dict[int, list[Anomaly]], upns: dict[int, str | None] | None = None) -> Outcome:
    return outcome(found, rows=3, upns=upns, started=STARTED + timedelta(minutes=number))


def with_user(made: Outcome, row_id: int, user: User) -> Outcome:
    verdict = Verdict(row_id, Status.OK, user=user, account="contoso")
    return replace(made, verdicts={**made.verdicts, row_id: verdict})


def lines(url: str) -> int:
    return int(queried(url, "SELECT count(*) FROM verdicts")[0][0])


def test_a_verdict_holds_until_another_is_found(store: Store) -> None:
    wrong = anomaly(Code.USER_NOT_FOUND, "jane.doe@contoso.com")
    store.save(at_minute(0, {1: [wrong]}))
    store.save(at_minute(1, {1: [wrong]}))
    store.save(with_user(at_minute(2, {}, {1: "Jane.Doe@contoso.com"}), 1, JANE))
    assert store.verdict_at("Agents", 1, minute(-1)) is None
    for moment in (minute(0), minute(1.9)):
        was = store.verdict_at("Agents", 1, moment)
        assert was is not None
        assert (was.status, was.anomalies, was.upn, was.user_id) == (Status.ERROR, (wrong,), "agent1@contoso.com", "")
        assert (was.since, was.until) == (minute(0), minute(2))
    now = store.verdict_at("Agents", 1, minute(500))
    assert now is not None
    assert (now.status, now.anomalies, now.account) == (Status.OK, (), "contoso")
    assert (now.user_id, now.user_upn, now.name) == ("id-jane", "Jane.Doe@contoso.com", "Agent 1")
    assert (now.since, now.until) == (minute(2), None)


def test_a_pass_that_finds_what_the_last_one_found_adds_no_verdict(store: Store, url: str) -> None:
    for number in range(4):
        store.save(at_minute(number, {1: [anomaly(Code.ACCOUNT_UNAVAILABLE)]}))
    assert lines(url) == 3
    store.save(at_minute(5, {1: [anomaly(Code.USER_DISABLED)]}))
    assert lines(url) == 4


def test_what_a_held_pass_found_is_no_verdict(store: Store) -> None:
    store.save(at_minute(0, {}))
    store.save(replace(at_minute(1, {2: [anomaly(Code.USER_DISABLED)]}), held=HELD))
    was = store.verdict_at("Agents", 2, minute(5))
    assert was is not None
    assert was.status is Status.OK


def test_that_a_tenant_could_not_be_asked_is_part_of_the_history(store: Store) -> None:
    for number, code in enumerate([Code.USER_DISABLED, Code.ACCOUNT_UNAVAILABLE, Code.USER_DISABLED]):
        store.save(at_minute(number, {2: [anomaly(code)]}))
    told = [store.verdict_at("Agents", 2, minute(number)) for number in range(3)]
    assert [one and one.status for one in told] == [Status.ERROR, Status.UNKNOWN, Status.ERROR]


def test_a_row_that_is_gone_has_no_verdict_any_more(store: Store) -> None:
    store.save(at_minute(0, {}))
    store.save(replace(outcome({}, rows=2), started=STARTED + timedelta(minutes=1)))
    last = store.verdict_at("Agents", 3, minute(0.9))
    assert last is not None
    assert last.until == minute(1)
    assert store.verdict_at("Agents", 3, minute(1)) is None
    store.save(at_minute(2, {}))
    again = store.verdict_at("Agents", 3, minute(3))
    assert again is not None
    assert again.since == minute(2)


def test_rows_are_found_by_the_upn_that_they_held(store: Store) -> None:
    upns: dict[int, str | None] = {1: "Jane.Doe@Contoso.com", 2: " jane.doe@contoso.com", 3: None}
    store.save(at_minute(0, {}, upns))
    store.save(at_minute(1, {}, {1: "joe@contoso.com", 2: "Jane Doe", 3: "jane.doe@contoso.com"}))
    assert store.rows_with_upn_at("Agents", "jane.doe@contoso.com", minute(0.5)) == [1, 2]
    assert store.rows_with_upn_at("Agents", "jane.doe@contoso.com", minute(1)) == [3]
    assert store.rows_with_upn_at("Agents", "jane doe", minute(1)) == [2]
    assert store.rows_with_upn_at("Agents", "", minute(0)) == [3]
    assert store.rows_with_upn_at("Others", "jane.doe@contoso.com", minute(1)) == []


def test_by_whom_a_row_was_last_matched_is_known_however_wrong_it_is_now(store: Store) -> None:
    store.save(with_user(at_minute(0, {}, {1: "OLD@contoso.com"}), 1, User("id-old", "old@contoso.com")))
    store.save(with_user(at_minute(1, {}, {1: "Jane.Doe@contoso.com"}), 1, JANE))
    store.save(at_minute(2, {1: [anomaly(Code.ACCOUNT_UNAVAILABLE)]}, {1: "Jane.Doe@contoso.com"}))
    store.save(at_minute(3, {1: [anomaly(Code.USER_NOT_FOUND)]}, {1: "jane@contoso.com"}))
    assert store.last_matched("Agents") == {1: ("jane.doe@contoso.com", "id-jane")}
    assert store.last_matched("Others") == {}


@pytest.mark.parametrize(
    "cell", ["\ud800x@contoso.com", "a\0b@contoso.com", "x" * 1_000_000, "\u202ejane@contoso.com", ""]
)
def test_whatever_a_cell_holds_it_is_kept_and_found_again(store: Store, url: str, cell: str) -> None:
    strange = Anomaly(Code.UPN_FORMAT, f"It is {cell}.", f"Not {cell}.", cell)
    for number in (0, 1):
        store.save(at_minute(number, {1: [strange]}, {1: cell}))
    assert lines(url) == 3
    was = store.verdict_at("Agents", 1, minute(0))
    assert was is not None
    assert was.upn == cell.replace("\ud800", "\ufffd").replace("\0", "\ufffd")
    assert was.anomalies[0].remedy == f"Not {was.upn}."
    assert store.rows_with_upn_at("Agents", (was.upn or "").lower(), minute(0)) == [1]


def test_lists_in_one_database_have_histories_of_their_own(store: Store) -> None:
    store.save(at_minute(0, {1: [anomaly(Code.UPN_MISSING)]}))
    store.save(replace(at_minute(1, {}), list_title="Others"))
    here, there = (store.verdict_at(title, 1, minute(2)) for title in ("Agents", "Others"))
    assert here is not None
    assert there is not None
    assert (here.status, here.until, there.status) == (Status.ERROR, None, Status.OK)


def test_a_domain_is_of_the_account_in_which_most_of_its_users_are_found_now(store: Store) -> None:
    users = {1: "a@contoso.com", 2: "b@Contoso.com", 3: "c@fabrikam.com"}
    made = at_minute(0, {})
    for row_id, upn in users.items():
        made = with_user(made, row_id, User(f"id-{row_id}", upn))
    other = structs.replace(made.verdicts[2], account="another")
    store.save(replace(made, verdicts={**made.verdicts, 2: other}))
    assert store.accounts_by_domain("Agents") == {"contoso.com": "contoso", "fabrikam.com": "contoso"}
    assert store.accounts_by_domain("Other") == {}
    store.save(replace(at_minute(1, {}), verdicts={**at_minute(1, {}).verdicts, 2: other}))
    assert store.accounts_by_domain("Agents") == {"contoso.com": "another"}
