"""Cell values to and from the wire.

Rows are decoded by msgspec into structs made for the columns at hand: 15,000 rows cost a few hundredths of a second,
and a row of another shape than asked for is an error, never a row with holes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from sys import intern
from types import GenericAlias
from typing import Any, Protocol, TypeVar

import msgspec

from sync_agent.microsoft365.columns import Columns
from sync_agent.model import SHOWN_AS, CellValue, Fix, Row, Shown

A = TypeVar("A")
T = TypeVar("T")

MOST_EMPTY_PAGES = 10
"""In a row: a service may give a page without rows and a link to the next, but not for ever."""
MANY_ROWS = 200
MANY_BYTES = 400 * MANY_ROWS


class Cells(Protocol):
    """The struct that `cell_fields` describes. An empty cell is None, whether the API sends null or nothing."""

    upn: str | None
    name: str | float | msgspec.UnsetType | None
    """Unset when the name is the UPN itself."""
    status: str | None
    anomalies: str | None
    account: str | None
    object_id: str | None
    presence: str | None
    activity: str | None
    presence_changed_at: str | None
    sync_changed_at: str | None
    team: Any
    """As the API gives it: text, a list, or an object with the text in it."""
    approved: str | None


def cell_fields(columns: Columns) -> list[tuple[str, Any, Any]]:
    """The fields of a struct for these columns, as msgspec.defstruct takes them."""
    fields: list[tuple[str, Any, Any]] = [("upn", str | None, msgspec.field(default=None, name=columns.upn.wire))]
    if columns.name.wire == columns.upn.wire:  # one member of the JSON cannot fill two fields of a struct
        fields.append(("name", str | msgspec.UnsetType, msgspec.field(default=msgspec.UNSET, name="no such column")))
    else:
        fields.append(("name", str | int | float | None, msgspec.field(default=None, name=columns.name.wire)))
    for our, attribute in SHOWN_AS.items():
        wire = columns.ours[our].wire if our in columns.ours else f"no {our} column"
        fields.append((attribute, str | None, msgspec.field(default=None, name=wire)))
    team = "no team column" if columns.team is None else columns.team.wire
    approval = "no approval column" if columns.approval is None else columns.approval.wire
    fields.append(("team", Any, msgspec.field(default=None, name=team)))
    fields.append(("approved", str | None, msgspec.field(default=None, name=approval)))
    return fields


def wire_names(columns: Columns) -> list[str]:
    """What to select, each once."""
    read = [columns.upn, columns.name, *columns.ours.values()]
    read += filter(None, [columns.team, columns.approval])
    return list(dict.fromkeys(f"{column.wire}/{column.part}" if column.part else column.wire for column in read))


def expanded_names(columns: Columns) -> list[str]:
    """What to expand, so that a part of it can be selected."""
    return [columns.team.wire] if columns.team is not None and columns.team.part else []


def row_of(id_: int, etag: str | None, cells: Cells) -> Row:
    name = cells.upn if cells.name is msgspec.UNSET else cells.name
    named = "" if name is None else str(name)
    return Row(id_, cells.upn, named, _shown(cells), etag, display_text(cells.team), cells.approved or "")


def display_text(value: Any) -> str:
    """What people see in a cell of a type that either API gives as text, as an object, or as a list of these.

    The objects: of a lookup or person (Graph: LookupValue; REST: the part asked for), of managed metadata (Label), of a
    link (Description); verbose JSON wraps lists in "results".
    """
    if value is None or isinstance(value, str):
        return (value or "").strip()
    if isinstance(value, Mapping):
        if "results" in value:
            return display_text(value["results"])
        named = (value[name] for name in ("LookupValue", "Label", "Description") if value.get(name))
        alone = (part for name, part in value.items() if isinstance(part, str) and not name.startswith(("__", "odata")))
        return str(next(named, None) or next(alone, ""))
    if isinstance(value, Sequence):
        return ", ".join(filter(None, map(display_text, value)))
    return str(value)


def same_cells(row: Row, other: Row) -> bool:
    """Whether all that was decided on is as it was; versions and other columns do not matter."""
    return row.upn == other.upn and row.name == other.name and row.shown == other.shown


def fixed_cells(columns: Columns, fix: Fix) -> dict[str, str | None]:
    """What a fix writes, by the names on the wire: the UPN, and the approval emptied, where there is one: a fix can be
    undone when none can be approved any more.
    """
    upn = {columns.upn.wire: fix.upn or None}
    return upn if columns.approval is None else {**upn, columns.approval.wire: None}


def iso(moment: datetime) -> str:
    """Whole seconds in UTC: SharePoint keeps no fractions."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def json_value(value: CellValue | int) -> str | int | None:
    """For JSON of either API: null empties a cell, of a choice too, for which "" would be no choice."""
    if isinstance(value, datetime):
        return iso(value)
    return value or None


def moment(text: str | None) -> datetime | None:
    """None for what is no time: a cell of ours that a person filled oddly is put right, not stumbled over."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    if parsed.tzinfo is UTC:
        return parsed
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _shown(cells: Cells) -> Shown:
    """What few values fill is kept once, not once a row."""
    return Shown(
        intern(cells.status or ""),
        cells.anomalies or "",
        intern(cells.account or ""),
        cells.object_id or "",
        intern(cells.presence or ""),
        intern(cells.activity or ""),
        moment(cells.presence_changed_at),
        moment(cells.sync_changed_at),
    )


def struct(name: str, fields: list[tuple[str, Any, Any]]) -> type[msgspec.Struct]:
    """Not tracked by the garbage collector: they hold no cycles, and there are thousands."""
    return msgspec.defstruct(name, fields, gc=False)


def page_type(item: type[msgspec.Struct], next_link: str) -> type[Any]:
    """A page of items: ``value`` and ``next``."""
    link = ("next", str | None, msgspec.field(default=None, name=next_link))
    return msgspec.defstruct(f"{item.__name__}Page", [("value", GenericAlias(list, (item,))), link])


async def in_thread_if(big: bool, work: Callable[[A], T], argument: A) -> T:
    """A big page is worked on in a thread, to leave the loop to others; for a small one a thread costs more."""
    return await asyncio.to_thread(work, argument) if big else work(argument)
