"""Items of the list of anomalies to and from the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sync_agent.anomaly_item import ACKNOWLEDGED, AnomalyItem, ItemChange, ItemColumn, ItemValue
from sync_agent.microsoft365.anomaly_columns import ItemColumns
from sync_agent.microsoft365.cells import json_value, moment

_TIMES = frozenset({ItemColumn.OPENED, ItemColumn.RESOLVED})
_NUMBERS = frozenset({ItemColumn.ROW, ItemColumn.TIMES})
_YES = frozenset({True, "true", "True", "1", "Yes"})

Cell = str | int | float | bool | None


def cell_fields(columns: ItemColumns) -> list[tuple[str, Any, Any]]:
    """The fields of a struct for these columns, as msgspec.defstruct takes them."""
    return [
        (_attribute(name), Cell, msgspec.field(default=None, name=column.wire))
        for name, column in columns.found.items()
    ]


def wire_names(columns: ItemColumns) -> list[str]:
    """What to select."""
    return [column.wire for column in columns.found.values()]


def item_of(id_: int, etag: str | None, cells: msgspec.Struct) -> AnomalyItem:
    values = {column: _value(column, getattr(cells, _attribute(column))) for column in ItemColumn}
    return AnomalyItem(id_, values, getattr(cells, _attribute(ACKNOWLEDGED)) in _YES, etag)


def wire_values(columns: ItemColumns, change: ItemChange) -> Mapping[str, str | int | None]:
    """What a change names and nothing else: the column that people tick is never among it."""
    return {columns.found[column].wire: json_value(value) for column, value in change.values.items()}


def _attribute(name: str) -> str:
    return f"cell_{name}"


def _value(column: ItemColumn, cell: Cell) -> ItemValue:
    if column in _TIMES:
        return moment(cell) if isinstance(cell, str) else None
    if column in _NUMBERS:
        return int(cell) if isinstance(cell, int | float) and cell == int(cell) else None
    return "" if cell is None else str(cell)
