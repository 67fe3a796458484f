"""The rule by which a second service is told from odd edits, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sync_agent.fuses import let_through
from sync_agent.model import Row, Shown
from sync_agent.plan import Plan
from sync_agent.two_writers import (
    LOOKS,
    NEVER,
    Known,
    Look,
    Span,
    accepted_after,
    checksum,
    is_proven,
    newer,
    strange,
    two_writers,
    with_look,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINE = Span(NOON - timedelta(hours=1), NOON + timedelta(minutes=2))
KNOWN = Known(NOON - timedelta(hours=2), {"me": MINE, "another": Span(NOON, NOON)})


def row(id_: int, moment: datetime | None) -> Row:
    return Row(id_, "a@contoso.com", shown=Shown(sync_changed_at=moment))


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def looks(*rows: int) -> tuple[Look, ...]:
    return tuple(Look(at(number), count, at(number)) for number, count in enumerate(rows))


def test_news_are_times_newer_than_known_that_can_be_true() -> None:
    rows = [row(1, None), row(2, at(-9)), row(3, at(1)), row(4, at(59)), row(5, at(61)), row(6, at(-1))]
    newest = {2: at(-9), 3: at(2), 6: at(-2)}
    assert newer(rows, newest, NOON) == {4: at(59), 6: at(-1)}


@pytest.mark.parametrize(
    ("moment", "seen", "is_strange"),
    [
        (at(1), True, True),  # within our own span, but of a row of which it is known what we wrote
        (at(1), False, False),
        (NOON, True, False),  # another writer of ours
        (at(-0.5), True, False),  # a site that keeps no seconds
        (at(5), False, True),
        (at(-121), True, False),
    ],
)
def test_a_time_is_strange_that_no_writer_of_ours_covers(moment: datetime, seen: bool, is_strange: bool) -> None:
    assert strange({7: moment}, [7] if seen else [], KNOWN, "me") == ([moment] if is_strange else [])


def test_the_first_look_of_a_database_accepts_all_it_finds() -> None:
    never = Known(None, {})
    assert strange({1: NOON}, [], never, "me") == []
    assert accepted_after(never, [row(1, at(9_000)), row(2, None)], NOON) == at(9_000)
    assert accepted_after(never, [], NOON) == NEVER
    assert accepted_after(Known(at(-5), {}), [row(1, at(9_000)), row(2, at(-1))], NOON) == at(-1)
    assert accepted_after(Known(at(-5), {}), [row(2, at(-6))], NOON) == at(-5)


def test_one_look_however_full_proves_nothing_and_neither_do_a_few_odd_edits() -> None:
    assert not is_proven(looks(15_000))
    assert not is_proven(looks(15_000, 15_000))
    assert not is_proven(looks(1, 1, 1))
    assert is_proven(looks(2, 2, 2))


def test_looks_of_yesterday_count_no_more_unless_the_list_is_held_by_them() -> None:
    few, day = looks(3, 3), timedelta(days=2)
    assert with_look(few, NOON + day, [at(3)]) == (Look(NOON + day, 1, at(3)),)
    assert with_look(few, NOON - day, [at(3)]) == (Look(NOON - day, 1, at(3)),)
    proven = looks(3, 3, 3)
    more = with_look(proven, NOON + day, [at(3), at(4)])
    assert (len(more), more[-1]) == (LOOKS, Look(NOON + day, 5, at(4)))
    assert with_look(proven, NOON + day, []) == proven


def test_it_holds_everything_under_one_checksum_until_it_is_approved() -> None:
    assert two_writers(Plan(), 40, looks(15_000, 1), "list") is None
    held = two_writers(Plan(), 40, looks(3, 3, 3), "list")
    assert held is not None
    assert (held.fuse, held.rows, held.of, held.row_ids) == ("two_writers", 0, 40, None)
    assert "seen 9 times" in held.cause
    assert "2026-03-02 12:02:00 UTC; stop one of the two, or give both the same database" in held.cause
    later = two_writers(Plan(), 40, with_look(looks(3, 3, 3), at(60), [at(60)]), "list")
    assert later is not None
    assert later.checksum == held.checksum == checksum(looks(3, 3, 3), "list")
    assert checksum(looks(3, 3, 3), "another list") != held.checksum
    assert let_through(Plan(), held, [], Plan().checksum) is held
    assert let_through(Plan(), held, [], held.checksum) is held
