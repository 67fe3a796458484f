"""Cells of those column types that either API gives not as a plain value: lookup, person, managed metadata.

An item keeps of them what people see: a text, or a list of texts where the column takes several.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from zlib import crc32

from sync_agent.simulator.lists import ListColumn

T = TypeVar("T")

LEADING_ELSEWHERE = frozenset({"Lookup", "LookupMulti", "User", "UserMulti"})
_TERMS = frozenset({"TaxonomyFieldType", "TaxonomyFieldTypeMulti"})


def graph_cells(
    cells: Mapping[str, Any], columns: Mapping[str, ListColumn], names: Sequence[str] | None
) -> dict[str, Any]:
    """A lookup's value comes only when its field is selected; else its id does (fieldValueSet)."""
    made: dict[str, Any] = {}
    for name, value in cells.items():
        kind = columns[name].type if name in columns else ""
        if kind in _TERMS:
            made[name] = _each(value, lambda text: {"Label": text, "TermGuid": _guid(text), "WssId": _number(text)})
        elif kind not in LEADING_ELSEWHERE:
            made[name] = value
        elif names is None or name not in names:
            made[f"{name}LookupId"] = _each(value, lambda text: str(_number(text)))
        else:
            several = isinstance(value, list)
            made[name] = [{"LookupId": _number(v), "LookupValue": v} for v in value] if several else value
    return made


def rest_cells(cells: Mapping[str, Any], columns: Iterable[ListColumn]) -> dict[str, Any]:
    """Null where there is no value. A single term's label is the number that the site knows it by, not its words."""
    made: dict[str, Any] = {}
    for column in columns:
        value = cells.get(column.internal)
        if column.type in LEADING_ELSEWHERE:
            made[f"{column.internal}Id"] = value if value is None else _each(value, _number)
        elif column.type in _TERMS and value is not None:
            of_many = isinstance(value, list)
            made[column.internal] = _each(value, partial(_rest_term, of_many=of_many))
        else:
            made[column.internal] = value
    return made


def rest_part(text: str, column: ListColumn, part: str) -> str | int | None:
    """The selected part of what a lookup or person column leads to: the shown one, or the id."""
    if part == (column.lookup_field or "Title"):
        return text
    return _number(text) if part == "Id" else None


def _rest_term(text: str, *, of_many: bool) -> dict[str, Any]:
    number = _number(text)
    return {"Label": text if of_many else str(number), "TermGuid": _guid(text), "WssId": number}


def _each(value: Any, make: Callable[[str], T]) -> T | list[T]:
    return [make(one) for one in value] if isinstance(value, list) else make(value)


def _number(text: str) -> int:
    return crc32(text.encode()) % 1_000 + 1


def _guid(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, text))
