"""Which columns the list has, which of them are ours, and what ours are like.

Columns are named in the settings by internal or display name. Internal names are fixed when a column is made; display
names can be changed any day and may be shared (Title, LinkTitle and LinkTitleNoMenu all show as "Title").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sync_agent.microsoft365.list_answers import ColumnsMissing, ListProblem, near
from sync_agent.model import OurColumn, Status


class Kind(StrEnum):
    """A column's type in the words that SharePoint's pages use for it."""

    TEXT = "single line of text"
    NOTE = "multiple lines of text"
    RICH_NOTE = "multiple lines of rich text"
    CHOICE = "choice"
    CHOICES = "choice with several values"
    TIME = "date and time"
    DATE = "date without time"
    PERSON = "person or group"
    LINK = "hyperlink or picture"
    NUMBER = "number"
    YES_NO = "yes/no"
    LOOKUP = "lookup"
    CALCULATED = "calculated"
    COMPUTED = "computed by SharePoint"
    OTHER = "another type"


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column that the list has. ``wire``: its name in item payloads, where the API has another than ``internal``."""

    internal: str
    display: str
    kind: Kind
    wire: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Specification:
    """What one of our columns must be like, and what its description tells people."""

    column: str
    kind: Kind
    description: str
    choices: tuple[str, ...] = ()


ATTENTION_VIEW = "Agents needing attention"

_BY_SERVICE = "Written by sync-agent; edits are put right."

SPECIFICATIONS: Mapping[OurColumn, Specification] = {
    OurColumn(specification.column): specification
    for specification in (
        Specification(
            OurColumn.STATUS,
            Kind.CHOICE,
            f"Whether this agent's UPN works: the row's worst anomaly. {_BY_SERVICE}",
            tuple(status.value for status in Status),
        ),
        Specification(
            OurColumn.ANOMALIES, Kind.NOTE, f"What is wrong with the row and what to do, a line each. {_BY_SERVICE}"
        ),
        Specification(OurColumn.ACCOUNT, Kind.TEXT, f"The account whose tenant the user was found in. {_BY_SERVICE}"),
        Specification(OurColumn.OBJECT_ID, Kind.TEXT, f"The user's object id in Entra. {_BY_SERVICE}"),
        Specification(OurColumn.PRESENCE, Kind.TEXT, f"Availability in Teams. {_BY_SERVICE}"),
        Specification(OurColumn.ACTIVITY, Kind.TEXT, f"Activity in Teams. {_BY_SERVICE}"),
        Specification(OurColumn.PRESENCE_CHANGED_AT, Kind.TIME, f"When this presence was first seen. {_BY_SERVICE}"),
        Specification(OurColumn.SYNC_CHANGED_AT, Kind.TIME, f"When sync-agent last changed this row. {_BY_SERVICE}"),
    )
}

_READABLE_AS_NAME = frozenset({Kind.TEXT, Kind.NOTE, Kind.CHOICE, Kind.CALCULATED, Kind.NUMBER})


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """How the settings name the columns. ``ours`` holds only those that are renamed."""

    upn: str
    name: str
    ours: Mapping[OurColumn, str] = field(default_factory=dict)

    def of(self, column: OurColumn) -> str:
        return self.ours.get(column, column.value)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of the settings, found in one list; ``ours`` holds those that exist."""

    upn: ListColumn
    name: ListColumn
    ours: Mapping[OurColumn, ListColumn]

    @property
    def missing(self) -> list[OurColumn]:
        return [column for column in OurColumn if column not in self.ours]

    def complete(self, title: str) -> Columns:
        """These columns, if none is missing; raises ColumnsMissing."""
        if self.missing:
            raise ColumnsMissing(title, self.missing)
        return self


def match_columns(existing: Sequence[ListColumn], names: ColumnNames, title: str) -> Columns:
    """Find what the settings name. Raises ListProblem for a column of people's that is not there, or any unfit type."""
    upn = _required(existing, names.upn, title, "sharepoint.columns.upn")
    if upn.kind is not Kind.TEXT:
        raise ListProblem(
            f'sharepoint.columns.upn: the column "{upn.display}" of the list "{title}" is of type {upn.kind}, but UPNs '
            f"are read from a column of type {Kind.TEXT}; name one, or make one and copy the sign-in names into it."
        )
    name = _required(existing, names.name, title, "sharepoint.columns.name")
    if name.kind not in _READABLE_AS_NAME:
        raise ListProblem(
            f'sharepoint.columns.name: the column "{name.display}" of the list "{title}" is of type {name.kind}, which '
            f"holds no plain text; name a column of type {Kind.TEXT}, such as Title."
        )
    columns = Columns(upn, name, _ours(existing, names, title))
    _refuse_shared(columns, title)
    return columns


def find_column(existing: Iterable[ListColumn], wanted: str, title: str, setting: str) -> ListColumn | None:
    """By internal name, else by display name without regard to case. Raises ListProblem when two show that name."""
    existing = tuple(existing)
    folded = wanted.casefold()
    for column in existing:
        if column.internal == wanted:
            return column
    shown = [column for column in existing if column.display.casefold() == folded and column.kind is not Kind.COMPUTED]
    if len(shown) > 1:
        internal = ", ".join(column.internal for column in shown)
        raise ListProblem(
            f'{setting}: the list "{title}" shows several columns as "{wanted}"; '
            f"name one by its internal name: {internal}."
        )
    return shown[0] if shown else next((c for c in existing if c.internal.casefold() == folded), None)


def creation_name(our: str, display: str) -> str:
    """The internal name to ask for, so that SharePoint has nothing to encode: letters, digits, at most 32 of them."""
    return re.sub(r"[^A-Za-z0-9]", "", display)[:32] or f"SyncAgent{our}"


def _required(existing: Sequence[ListColumn], wanted: str, title: str, setting: str) -> ListColumn:
    column = find_column(existing, wanted, title, setting)
    if column is not None:
        return column
    shown = {column.display for column in existing if column.kind is not Kind.COMPUTED}
    raise ListProblem(f'{setting}: the list "{title}" has no column "{wanted}". {near(wanted, shown)}')


def _ours(existing: Sequence[ListColumn], names: ColumnNames, title: str) -> dict[OurColumn, ListColumn]:
    found = {}
    for our, specification in SPECIFICATIONS.items():
        column = find_column(existing, names.of(our), title, f"sharepoint.columns.{our}")
        if column is not None:
            _refuse_unfit(column, specification, title)
            found[our] = column
    return found


def _refuse_unfit(column: ListColumn, specification: Specification, title: str) -> None:
    lacking = [choice for choice in specification.choices if choice not in column.choices]
    if column.kind is specification.kind and not lacking:
        return
    is_ = f"lacks the choice {', '.join(lacking)}" if column.kind is specification.kind else f"is of type {column.kind}"
    needed = f"{specification.kind} ({', '.join(specification.choices)})" if lacking else str(specification.kind)
    raise ListProblem(
        f'The column "{column.display}" of the list "{title}" {is_}, but the service needs {needed}: change or delete '
        f"it and run `sync-agent provision`, or give the service another name for {specification.column} under "
        f"sharepoint.columns."
    )


def _refuse_shared(columns: Columns, title: str) -> None:
    """A column of people's must never be taken for one of ours, nor may two values of ours share a cell."""
    taken = {columns.upn.internal: "the UPN", columns.name.internal: "the name"}
    for our, column in columns.ours.items():
        if column.internal in taken:
            raise ListProblem(
                f'sharepoint.columns: the column "{column.display}" of the list "{title}" is named both for {our} and '
                f"for {taken[column.internal]}; give each its own."
            )
        taken[column.internal] = our
