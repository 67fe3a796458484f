"""The cells that a change writes: a mapping in a third of a dictionary's memory, for a backlog may hold the whole list.

There are few sets of columns that change together, so each is kept once.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping

from sync_agent.model import CellValue, OurColumn

_shapes: dict[tuple[OurColumn, ...], tuple[OurColumn, ...]] = {}
"""At most one for each set of columns, which are eight."""


class NewCells(Mapping[OurColumn, CellValue]):
    __slots__ = ("_columns", "_values")

    def __init__(self, cells: Mapping[OurColumn, CellValue]) -> None:
        columns = tuple(cells)
        self._columns = _shapes.setdefault(columns, columns)
        self._values = tuple(cells.values())

    def __getitem__(self, column: OurColumn) -> CellValue:
        try:
            return self._values[self._columns.index(column)]
        except ValueError:
            raise KeyError(column) from None

    def __iter__(self) -> Iterator[OurColumn]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def items(self) -> ItemsView[OurColumn, CellValue]:
        return dict(zip(self._columns, self._values, strict=True)).items()

    def __repr__(self) -> str:
        return repr(dict(self.items()))
