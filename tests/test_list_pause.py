"""When it is the list that fails, and not a row."""

import pytest

from sync_agent.list_pause import ListPause


def test_pauses_double_up_to_half_a_minute_and_each_ends_with_few_rows() -> None:
    pause, now = ListPause(), 1_000.0
    assert pause.most(400, now) == 400
    pause.heard(0, 20, now, heard_before=pause.heard_of)
    for seconds in (2, 4, 8, 16, 30, 30):
        assert pause.most(400, now + seconds - 0.1) == 0
        assert not pause.is_over(now + seconds - 0.1)
        now += seconds
        assert pause.most(400, now) == 20
        assert pause.is_over(now)
        pause.heard(0, 3, now, heard_before=pause.heard_of)


@pytest.mark.parametrize(("answered", "failed"), [(0, 0), (0, 19), (1, 399)])
def test_rows_that_fail_by_themselves_are_not_the_list(answered: int, failed: int) -> None:
    pause = ListPause()
    pause.heard(answered, failed, 0.0, heard_before=pause.heard_of)
    assert pause.most(400, 0.0) == 400
    assert not pause.is_over(0.0)


def test_an_answer_about_one_row_ends_the_pause() -> None:
    pause = ListPause()
    pause.heard(0, 400, 0.0, heard_before=pause.heard_of)
    pause.heard(1, 19, 2.0, heard_before=pause.heard_of)
    assert pause.most(400, 2.0) == 400


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    pause = ListPause()
    pause.heard(0, 400, 10_000.0, heard_before=pause.heard_of)
    assert pause.most(400, 1_000.0) == 20


def test_of_turns_side_by_side_one_tells_that_the_list_fails() -> None:
    pause = ListPause()
    before = pause.heard_of
    for _ in range(3):
        pause.heard(0, 400, 0.0, heard_before=before)
    assert pause.is_over(2.0)


def test_what_failed_in_a_turn_beside_one_that_was_answered_is_not_the_list() -> None:
    pause = ListPause()
    before = pause.heard_of
    pause.heard(1, 0, 0.0, heard_before=before)
    pause.heard(0, 400, 0.0, heard_before=before)
    assert pause.most(400, 0.0) == 400
    pause.heard(0, 400, 0.0, heard_before=pause.heard_of)
    assert pause.fails
    pause.heard(1, 0, 0.0, heard_before=before)
    assert not pause.fails
