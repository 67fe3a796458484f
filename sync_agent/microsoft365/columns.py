"""Which columns the list has, which of them are ours, and what ours are like.

Columns are named in the settings by internal or display name. Internal names are fixed when a column is made; display
names can be changed any day and may be shared (Title, LinkTitle and LinkTitleNoMenu all show as "Title"). A list that
lacks a column which the service can do without, the team's or that of approvals, is read without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from sync_agent.microsoft365 import column_formatting
from sync_agent.microsoft365.column_kinds import Kind, ListColumn, Specification, Unfit, unfit
from sync_agent.microsoft365.list_answers import ColumnsMissing, ListProblem, listed, near
from sync_agent.model import APPROVAL_COLUMN, OurColumn, Status

_log = structlog.get_logger()

_BY_SERVICE = "Written by sync-agent; edits are put right."

SPECIFICATIONS: Mapping[OurColumn, Specification] = {
    OurColumn(specification.column): specification
    for specification in (
        Specification(
            OurColumn.STATUS,
            Kind.CHOICE,
            f"Whether this agent's UPN works: the row's worst anomaly. {_BY_SERVICE}",
            tuple(status.value for status in Status),
            formatting=column_formatting.STATUS,
            indexed=True,
        ),
        Specification(
            OurColumn.ANOMALIES, Kind.NOTE, f"What is wrong with the row and what to do, a line each. {_BY_SERVICE}"
        ),
        Specification(OurColumn.ACCOUNT, Kind.TEXT, f"The account whose tenant the user was found in. {_BY_SERVICE}"),
        Specification(OurColumn.OBJECT_ID, Kind.TEXT, f"The user's object id in Entra. {_BY_SERVICE}"),
        Specification(
            OurColumn.PRESENCE,
            Kind.TEXT,
            f"Availability in Teams. {_BY_SERVICE}",
            formatting=column_formatting.PRESENCE,
        ),
        Specification(OurColumn.ACTIVITY, Kind.TEXT, f"Activity in Teams. {_BY_SERVICE}"),
        Specification(OurColumn.PRESENCE_CHANGED_AT, Kind.TIME, f"When this presence was first seen. {_BY_SERVICE}"),
        Specification(OurColumn.SYNC_CHANGED_AT, Kind.TIME, f"When sync-agent last changed this row. {_BY_SERVICE}"),
    )
}

APPROVAL = Specification(
    APPROVAL_COLUMN,
    Kind.TEXT,
    "Copy the suggested UPN here and sync-agent writes it into the UPN column. Written by people; emptied when done.",
)

READABLE_AS_NAME = frozenset({Kind.TEXT, Kind.NOTE, Kind.CHOICE, Kind.CALCULATED, Kind.NUMBER})
UNREADABLE_AS_TEAM = frozenset({Kind.RICH_NOTE, Kind.COMPUTED, Kind.TERM, Kind.DATE, Kind.TIME})


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """How the settings name the columns. ``ours`` holds only those that are renamed; ``team`` and ``approval`` are None
    where such a column is not wanted.
    """

    upn: str
    name: str
    ours: Mapping[OurColumn, str] = field(default_factory=dict)
    team: str | None = None
    approval: str | None = None
    held: frozenset[OurColumn] = frozenset(OurColumn)
    """Those of ours that this list is to have."""

    def of(self, column: OurColumn) -> str:
        return self.ours.get(column, column.value)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of the settings, found in one list. ``ours`` holds those that can be read and written; ``unfit``: why
    others, which exist, cannot. ``team_unread`` says why the team's is not read though the settings name one.
    """

    upn: ListColumn
    name: ListColumn
    ours: Mapping[OurColumn, ListColumn]
    team: ListColumn | None = None
    approval: ListColumn | None = None
    team_unread: str = ""
    unfit: Mapping[OurColumn, Unfit] = field(default_factory=dict)
    held: frozenset[OurColumn] = frozenset(OurColumn)
    """Those of ours that the list is to have: no other is missed."""

    @property
    def missing(self) -> list[OurColumn]:
        return [each for each in OurColumn if each in self.held and each not in self.ours and each not in self.unfit]

    def to_make(self, names: ColumnNames) -> list[tuple[Specification, str]]:
        """What the list lacks of the columns that the service needs, each with the name it is to have."""
        ours = [(SPECIFICATIONS[our], names.of(our)) for our in self.missing]
        lacks_approval = names.approval is not None and self.approval is None
        return [*ours, (APPROVAL, names.approval)] if lacks_approval and names.approval is not None else ours

    def once_made(self, title: str) -> Columns:
        """These columns, if the list was ever made ready; else raises ColumnsMissing, or ListProblem where columns of
        the same names are in the way.
        """
        if self.ours:
            return self
        self.fit(title)
        raise ColumnsMissing(title, self.missing)

    def fit(self, title: str) -> Columns:
        """These columns, if those of ours that exist can be written; raises ListProblem."""
        for each in self.unfit.values():
            raise each.problem(title)
        return self

    def complete(self, title: str) -> Columns:
        """These columns, if all of ours can be written; raises ColumnsMissing or ListProblem."""
        if self.missing:
            raise ColumnsMissing(title, self.missing)
        return self.fit(title)

    def unwritable(self, names: ColumnNames) -> str:
        """What became of our columns in a list that was made ready once, and what to do; "" where all is well."""
        missing = [f'"{names.of(our)}"' for our in self.missing]
        said = [f"{listed(missing)} {'are' if len(missing) > 1 else 'is'} missing"] if missing else []
        said += [f'"{each.column.display}" {each.fault}' for each in self.unfit.values()]
        if not said:
            return ""
        it = "them" if len(self.unfit) > 1 else "it"
        first = f"change {it} back, or delete {it}; then " if self.unfit else ""
        return f"of the service's columns in the list, {listed(said)}: {first}run `sync-agent provision`"


def match_columns(existing: Sequence[ListColumn], names: ColumnNames, title: str) -> Columns:
    """Find what the settings name. Raises ListProblem for a column of people's that is not there or of no use."""
    upn = _required(existing, names.upn, title, "sharepoint.columns.upn")
    if upn.kind is not Kind.TEXT:
        raise ListProblem(
            f'sharepoint.columns.upn: the column "{upn.display}" of the list "{title}" is of type {upn.kind}, but UPNs '
            f"are read from a column of type {Kind.TEXT}; name one, or make one and copy the sign-in names into it."
        )
    name = _required(existing, names.name, title, "sharepoint.columns.name")
    if name.kind not in READABLE_AS_NAME:
        raise ListProblem(
            f'sharepoint.columns.name: the column "{name.display}" of the list "{title}" is of type {name.kind}, which '
            f"holds no plain text; name a column of type {Kind.TEXT}, such as Title."
        )
    ours = _ours(existing, names, title)
    columns = Columns(upn, name, ours, approval=_approval(existing, names, title), held=names.held)
    _refuse_shared(columns, title)
    return _without_unfit(_with_team(columns, existing, names, title))


def tell_unread(columns: Columns, before: Columns | None) -> None:
    """Log why the team's column is not read, unless it was not for the same reason when the list was last opened."""
    if columns.team_unread and (before is None or before.team_unread != columns.team_unread):
        _log.warning("list_column_not_read", reason=columns.team_unread, effect="rows have no team")


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
    for our in SPECIFICATIONS:
        column = find_column(existing, names.of(our), title, f"sharepoint.columns.{our}")
        if column is not None:
            found[our] = column
    return found


def _without_unfit(columns: Columns) -> Columns:
    found = {our: unfit(column, SPECIFICATIONS[our]) for our, column in columns.ours.items()}
    faulty = {our: each for our, each in found.items() if each is not None and our in columns.held}
    ours = {our: column for our, column in columns.ours.items() if found[our] is None}
    return replace(columns, ours=ours, unfit=faulty)


def _approval(existing: Sequence[ListColumn], names: ColumnNames, title: str) -> ListColumn | None:
    if names.approval is None:
        return None
    column = find_column(existing, names.approval, title, f"sharepoint.columns.{APPROVAL_COLUMN}")
    if column is not None and (found := unfit(column, APPROVAL)) is not None:
        raise found.problem(title)
    return column


def _with_team(columns: Columns, existing: Sequence[ListColumn], names: ColumnNames, title: str) -> Columns:
    """Only reports show the team, so what is wrong with its column is said and stops nothing."""
    if names.team is None:
        return columns
    setting = "sharepoint.columns.team"
    try:
        column = _required(existing, names.team, title, setting)
    except ListProblem as problem:
        return replace(columns, team_unread=str(problem))
    others = {columns.upn.internal, columns.name.internal, *(our.internal for our in columns.ours.values())}
    if columns.approval is not None:
        others.add(columns.approval.internal)
    if column.internal in others:
        unread = "is named for something else already"
    elif column.kind in UNREADABLE_AS_TEAM:
        unread = f"is of type {column.kind}, which this API does not give as text"
    else:
        return replace(columns, team=column)
    said = f'{setting}: the column "{column.display}" of the list "{title}" {unread}; name another, or none.'
    return replace(columns, team_unread=said)


def _refuse_shared(columns: Columns, title: str) -> None:
    """A column of people's must never be taken for one of ours, nor may two values of ours share a cell."""
    taken = {columns.upn.internal: "the UPN", columns.name.internal: "the name"}
    written = {our.value: column for our, column in columns.ours.items()}
    if columns.approval is not None:
        written[APPROVAL_COLUMN] = columns.approval
    for our, column in written.items():
        if column.internal in taken:
            raise ListProblem(
                f'sharepoint.columns: the column "{column.display}" of the list "{title}" is named both for {our} and '
                f"for {taken[column.internal]}; give each its own."
            )
        taken[column.internal] = our
