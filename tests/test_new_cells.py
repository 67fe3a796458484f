"""The cells of a change are a mapping like any other, only smaller."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.model import OurColumn
from sync_agent.new_cells import NewCells

CELLS = st.dictionaries(st.sampled_from(OurColumn), st.sampled_from(["", "OK", "Away", None]))


@given(CELLS, CELLS)
def test_they_say_what_the_dictionary_says(
    cells: dict[OurColumn, str | None], other: dict[OurColumn, str | None]
) -> None:
    compact = NewCells(cells)
    assert (dict(compact), {**compact}, len(compact), list(compact.items())) == (
        cells,
        cells,
        len(cells),
        list(cells.items()),
    )
    assert (compact == NewCells(other)) == (compact == other) == (cells == other)
    assert [compact.get(column, "none") for column in OurColumn] == [cells.get(column, "none") for column in OurColumn]


def test_a_column_that_is_not_written_is_none_of_them() -> None:
    with pytest.raises(KeyError):
        NewCells({OurColumn.STATUS: "OK"})[OurColumn.PRESENCE]
