"""Items of the service's own lists to and from the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sync_agent.list_item import AnyChange, ItemValue, ListItem
from sync_agent.microsoft365.cells import json_value, moment
from sync_agent.microsoft365.column_kinds import Kind
from sync_agent.microsoft365.own_columns import OwnColumns

_YES = frozenset({True, "true", "True", "1", "Yes"})

Cell = str | int | float | bool | None


def cell_fields(columns: OwnColumns) -> list[tuple[str, Any, Any]]:
    """The fields of a struct for these columns, as msgspec.defstruct takes them."""
    return [
        (_attribute(number), Cell, msgspec.field(default=None, name=column.wire))
        for number, column in enumerate(columns.found.values())
    ]


def wire_names(columns: OwnColumns) -> list[str]:
    """What to select."""
    return [column.wire for column in columns.found.values()]


def item_of(columns: OwnColumns, id_: int, etag: str | None, cells: msgspec.Struct) -> ListItem:
    values = {
        name: _value(columns.shape.kind(name), getattr(cells, _attribute(number)))
        for number, name in enumerate(columns.found)
    }
    return ListItem(id_, values, etag)


def wire_values(columns: OwnColumns, change: AnyChange) -> Mapping[str, str | int | None]:
    """What a change names and nothing else: a column that people tick is never among it."""
    return {columns.found[name].wire: json_value(value) for name, value in change.values.items()}


def _attribute(number: int) -> str:
    """Columns may have any name."""
    return f"cell_{number}"


def _value(kind: Kind, cell: Cell) -> ItemValue:
    match kind:
        case Kind.TIME:
            return moment(cell) if isinstance(cell, str) else None
        case Kind.NUMBER:
            return int(cell) if isinstance(cell, int | float) and cell == int(cell) else None
        case Kind.YES_NO:
            return cell in _YES
        case _:
            return "" if cell is None else str(cell)
