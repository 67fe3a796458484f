"""Which row an argument means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.explanation.choosing import ASSUMED_ID, NoSuchRow, choose
from sync_agent.model import Row
from tests.properties.worlds import CELLS

ROWS = {
    row.id: row
    for row in (
        Row(3, "Jane@contoso.com"),
        Row(4, "joe@contoso.com "),
        Row(7, "jane@contoso.com"),
        Row(9, None),
        Row(12, "Jane Doe"),
        Row(15, "4711"),
        Row(16, "JOE@contoso.com"),
    )
}


@pytest.mark.parametrize(
    ("wanted", "id_", "also"),
    [
        ("7", 7, ()),
        ("007", 7, ()),
        ("jane@contoso.com", 7, ()),
        ("JANE@CONTOSO.COM", 3, (7,)),
        ("joe@contoso.com ", 4, ()),
        ("joe@contoso.com", 16, ()),
        (" Joe@contoso.com", 4, ()),
        ("Jane Doe", 12, ()),
        ("mary@contoso.com", ASSUMED_ID, ()),
        ("", ASSUMED_ID, ()),
        ("٣", ASSUMED_ID, ()),
    ],
)
def test_an_id_the_very_cell_the_same_upn_or_a_cell_that_means_it(wanted: str, id_: int, also: tuple[int, ...]) -> None:
    chosen = choose(wanted, ROWS)
    assert (chosen.row.id, chosen.also, chosen.assumed) == (id_, also, id_ == ASSUMED_ID)
    assert not chosen.assumed or chosen.row.upn == wanted


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("99", "There is no row 99: the list has 7 rows, ids from 3 to 16; the nearest is 16."),
        ("6", "There is no row 6: the list has 7 rows, ids from 3 to 16; the nearest is 7."),
        ("0", "There is no row 0: the list has 7 rows, ids from 3 to 16; the nearest is 3."),
        ("9" * 5_000, "There is no row 9999999999…: the list has 7 rows, ids from 3 to 16; the nearest is 16."),
    ],
)
def test_for_an_id_that_is_not_there_the_ids_that_are_are_told(wanted: str, told: str) -> None:
    with pytest.raises(NoSuchRow) as caught:
        choose(wanted, ROWS)
    assert str(caught.value) == told


def test_of_a_list_with_one_row_or_none_that_is_told() -> None:
    with pytest.raises(NoSuchRow, match=r"the list has 1 row, the id 3; the nearest is 3"):
        choose("1", {3: ROWS[3]})
    with pytest.raises(NoSuchRow, match="the list is empty"):
        choose("1", {})


@given(st.lists(CELLS, max_size=6), CELLS.filter(bool))
def test_a_cell_finds_a_row_that_has_it_whatever_it_is(cells: list[str | None], wanted: str) -> None:
    rows = {id_: Row(id_, cell) for id_, cell in enumerate(cells, 1)}
    if wanted.isascii() and wanted.isdigit():
        return
    chosen = choose(wanted, rows)
    if wanted in cells:
        assert chosen.row.upn == wanted
    assert chosen.assumed or chosen.row == rows[chosen.row.id]
