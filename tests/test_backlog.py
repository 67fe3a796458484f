"""What is still to be written: since when, in which order, and what waits for what."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec import structs

from sync_agent.backlog import Backlog
from sync_agent.flapping import Flapping
from sync_agent.lasting import Lasting
from sync_agent.model import Presence, Row, Shown, Verdict
from sync_agent.plan import plan
from sync_agent.urgency import Kind, kind_of, takes_calls
from tests.test_plan import AWAY, JANE, NOW, OK, SHOWN, WRONG

LATER = NOW + timedelta(minutes=5)
BUSY = Presence("Busy", "InACall", NOW)


def owe(backlog: Backlog, row_id: int, shown: Shown, verdict: Verdict, presence: Presence, now: datetime) -> None:
    row = Row(row_id, JANE.upn, shown=shown)
    for change in plan([row], {row_id: verdict}, {JANE.id: presence}, now).changes:
        backlog.put(change, (row, verdict, presence), now)


def flap(backlog: Backlog) -> None:
    for moment in (NOW - timedelta(seconds=1), NOW):
        backlog.changed(JANE.id, AWAY, moment)


def ids(backlog: Backlog, among: list[int], now: datetime, most: int = 9) -> list[int]:
    return backlog.next(among, most, now)


@pytest.mark.parametrize(
    ("shown", "verdict", "presence", "kind"),
    [
        (SHOWN, WRONG, BUSY, Kind.VERDICT),
        (Shown(), OK, BUSY, Kind.VERDICT),
        (SHOWN, OK, BUSY, Kind.DETAIL),
        (SHOWN, OK, Presence("Away", "Away", NOW), Kind.DETAIL),
        (SHOWN, OK, Presence("Available", "Available", NOW), Kind.REACHABLE),
        (SHOWN, OK, Presence("AvailableIdle", "Inactive", NOW), Kind.REACHABLE),
        (Shown("OK", "", "contoso", "id-jane", "Available", "Available"), OK, BUSY, Kind.REACHABLE),
        (Shown("OK", "", "contoso", "id-jane", "Available", "Available"), OK, Presence("", "", NOW), Kind.REACHABLE),
    ],
)
def test_what_a_change_puts_right(shown: Shown, verdict: Verdict, presence: Presence, kind: Kind) -> None:
    (change,) = plan([Row(1, JANE.upn, shown=shown)], {1: verdict}, {JANE.id: presence}, NOW).changes
    assert kind_of(change) is kind


def test_only_who_is_available_takes_calls() -> None:
    said = ["Available", "AvailableIdle", "Away", "Busy", "BusyIdle", "DoNotDisturb", "Offline", "PresenceUnknown", ""]
    assert [takes_calls(availability) for availability in said] == [True, True] + [False] * 7


def test_a_row_is_owed_since_its_presence_changed_however_often_it_is_planned() -> None:
    backlog = Backlog()
    owe(backlog, 1, SHOWN, OK, BUSY, LATER)
    owe(backlog, 1, SHOWN, OK, Presence("Offline", "Offline", LATER), LATER)
    assert backlog.owed_since() == {1: NOW}
    backlog.written(1)
    assert backlog.owed_since() == {}


def test_a_verdict_is_owed_since_it_was_planned_for_the_first_time() -> None:
    backlog = Backlog()
    owe(backlog, 1, SHOWN, WRONG, BUSY, NOW)
    owe(backlog, 1, SHOWN, WRONG, BUSY, LATER)
    assert backlog.owed_since() == {1: NOW}


def test_what_shows_the_truth_by_itself_again_is_no_longer_owed() -> None:
    backlog = Backlog()
    owe(backlog, 1, SHOWN, OK, BUSY, NOW)
    backlog.drop(1)
    assert (ids(backlog, [1], NOW), backlog.owed_since()) == ([], {})


def test_only_rows_that_may_be_written_are_chosen() -> None:
    backlog = Backlog()
    for row_id in (1, 2, 3):
        owe(backlog, row_id, SHOWN, OK, BUSY, NOW)
    assert ids(backlog, [1, 3, 99], NOW) == [1, 3]
    assert ids(backlog, [1, 2, 3], NOW, most=1) == [1]
    assert backlog.ready([1, 3, 99], NOW) == 2


def test_a_pass_writes_all_whatever_is_held_back() -> None:
    backlog = Backlog(Flapping(5.0))
    flap(backlog)
    for row_id, verdict in ((1, OK), (2, OK), (3, WRONG)):
        owe(backlog, row_id, SHOWN, verdict, BUSY, NOW)
    backlog.failed(2, NOW, refused=True)
    assert backlog.ordered([1, 2, 3, 99], NOW) == [3, 1, 2]
    assert [change.row.id for change in backlog.among([1, 3, 99])] == [1, 3]


def test_a_row_is_planned_again_once_anything_it_rests_on_is_another() -> None:
    backlog, row = Backlog(), Row(1, JANE.upn, shown=SHOWN)
    (change,) = plan([row], {1: OK}, {JANE.id: BUSY}, NOW).changes
    backlog.put(change, (row, OK, BUSY), NOW)
    assert backlog.is_planned(1, (row, OK, BUSY))
    for basis in (
        (structs.replace(row), OK, BUSY),
        (row, structs.replace(OK), BUSY),
        (row, OK, structs.replace(BUSY)),
        (row, OK, None),
    ):
        assert not backlog.is_planned(1, basis)


def test_a_row_that_waits_for_an_answer_is_not_owed_but_known_to_wait() -> None:
    backlog, row = Backlog(), Row(1, JANE.upn, shown=SHOWN)
    owe(backlog, 1, SHOWN, OK, BUSY, NOW)
    backlog.wait(1, (row, OK, None))
    assert (backlog.owed_since(), backlog.is_planned(1, (row, OK, None))) == ({}, False)
    assert backlog.is_planned(1, (row, OK, None), waiting=True)
    assert not backlog.is_planned(1, (row, OK, BUSY), waiting=True)


def test_what_is_gone_from_the_list_is_forgotten() -> None:
    backlog = Backlog()
    for row_id in (1, 2):
        owe(backlog, row_id, SHOWN, OK, BUSY, NOW)
        backlog.failed(row_id, NOW, refused=False)
    backlog.keep({2})
    assert (list(backlog.owed_since()), backlog.due(NOW + timedelta(hours=1))) == ([2], [2])


@pytest.mark.parametrize(("refused", "pauses"), [(False, [2, 4, 8, 16, 32, 60, 60]), (True, [30, 60, 120, 240, 480])])
def test_a_row_whose_write_failed_waits_longer_each_time(refused: bool, pauses: list[int]) -> None:
    backlog, now = Backlog(), NOW
    owe(backlog, 1, SHOWN, OK, BUSY, NOW)
    for pause in pauses:
        backlog.failed(1, now, refused=refused)
        now += timedelta(seconds=pause)
        assert (backlog.due(now - timedelta(seconds=0.1)), backlog.due(now), backlog.due(now)) == ([], [1], [])
        assert (ids(backlog, [1], now - timedelta(seconds=0.1)), ids(backlog, [1], now)) == ([], [1])
    backlog.failed(1, now, refused=refused)
    backlog.written(1)
    backlog.failed(1, now, refused=refused)
    assert backlog.due(now + timedelta(seconds=pauses[0])) == [1]


def test_once_the_list_was_read_whatever_failed_may_be_tried() -> None:
    backlog = Backlog()
    owe(backlog, 1, SHOWN, OK, BUSY, NOW)
    backlog.failed(1, NOW, refused=True)
    backlog.forgive()
    assert ids(backlog, [1], NOW) == [1]


def test_a_clock_that_is_set_back_keeps_no_row_waiting() -> None:
    backlog = Backlog(Flapping(5.0))
    owe(backlog, 1, SHOWN, OK, BUSY, NOW)
    backlog.failed(1, NOW, refused=True)
    flap(backlog)
    assert ids(backlog, [1], NOW - timedelta(days=1)) == [1]


def test_presence_that_flaps_waits_but_a_verdict_does_not() -> None:
    backlog = Backlog(Flapping(5.0))
    flap(backlog)
    owe(backlog, 1, SHOWN, OK, BUSY, NOW)
    owe(backlog, 2, SHOWN, WRONG, BUSY, NOW)
    assert ids(backlog, [1, 2], NOW) == [2]
    assert ids(backlog, [1], NOW + timedelta(seconds=5)) == [1]


def test_how_much_stands_out_and_when_it_is_expected_to_be_done() -> None:
    backlog = Backlog()
    assert (backlog.standing(NOW, 8.0).rows, backlog.standing(NOW, 8.0).oldest) == (0, None)
    for row_id in range(80):
        owe(backlog, row_id, SHOWN, OK, BUSY, LATER)
    standing = backlog.standing(LATER, 8.0)
    assert (standing.rows, standing.oldest, standing.done_at) == (80, NOW, LATER + timedelta(seconds=10))
    assert backlog.standing(LATER, 0.0).done_at is None


def test_what_lasts_is_learnt_from_what_has_ended() -> None:
    lasting, call, lunch = Lasting(), ("Busy", "InACall"), ("Away", "Away")
    for _ in range(50):
        lasting.ended(call, 200.0)
        lasting.ended(lunch, 20.0)
        lasting.ended(lunch, 2_000.0)
    assert lasting.left(call, 0.0) == pytest.approx(200)
    assert lasting.left(call, 125.0) == pytest.approx(80)
    assert lasting.left(lunch, 0.0) == pytest.approx(1_010)
    assert lasting.left(lunch, 60.0) == pytest.approx(1_940)  # whoever stays a minute stays for lunch


def test_presences_that_a_service_makes_up_do_not_fill_the_memory() -> None:
    lasting = Lasting()
    for number in range(10_000):
        lasting.ended((f"made up {number}", ""), 1.0)
    assert len(lasting._left) <= 200
