"""The columns that the settings name, compared one by one with those that the list has. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from sync_agent.check.observed import ColumnSeen
from sync_agent.microsoft365.column_kinds import Kind, ListColumn, Specification, unfit
from sync_agent.microsoft365.columns import (
    APPROVAL,
    READABLE_AS_NAME,
    SPECIFICATIONS,
    UNREADABLE_AS_TEAM,
    ColumnNames,
    find_column,
    match_columns,
)
from sync_agent.microsoft365.list_answers import ListProblem, near
from sync_agent.microsoft365.provisioning import Means, to_do
from sync_agent.model import OurColumn

_SPARED = frozenset({"ContentType", "Attachments", "ID"})


def see_columns(existing: Sequence[ListColumn], names: ColumnNames) -> list[ColumnSeen]:
    """Those of people first, then ours."""
    seen = [
        _peoples(existing, "upn", names.upn, frozenset({Kind.TEXT})),
        _peoples(existing, "name", names.name, READABLE_AS_NAME),
    ]
    if names.team is not None:
        seen.append(_peoples(existing, "team", names.team, frozenset(Kind) - UNREADABLE_AS_TEAM))
    seen += [_ours(existing, SPECIFICATIONS[our], names.of(our)) for our in OurColumn if our in names.held]
    if names.approval is not None:
        seen.append(_ours(existing, APPROVAL, names.approval))
    return seen


def unfinished(existing: Sequence[ListColumn], names: ColumnNames, means: Means) -> tuple[str, ...]:
    """What provision would still make where nothing else is wrong with the columns: their faults are told by theirs."""
    try:
        wanted = to_do(match_columns(existing, names, "").fit(""), names, means)
    except ListProblem:
        return ()
    if wanted.columns:
        return ()
    return (*(setting.line for setting in wanted.settings), *wanted.made_views)


def required_of_people(existing: Sequence[ListColumn], seen: Sequence[ColumnSeen]) -> list[ListColumn]:
    """Columns that none of ours is, and that want a value in each row."""
    ours = {column.internal for column in seen if column.ours}
    return [
        column
        for column in existing
        if column.rules.required
        and not (column.rules.hidden or column.rules.read_only)
        and column.internal not in ours | _SPARED
        and column.kind in READABLE_AS_NAME
    ]


def _peoples(existing: Sequence[ListColumn], role: str, wanted: str, kinds: frozenset[Kind]) -> ColumnSeen:
    column = _found(existing, role, wanted)
    if isinstance(column, ColumnSeen):
        return column
    return _seen(role, wanted, column, fits=column.kind in kinds)


def _ours(existing: Sequence[ListColumn], specification: Specification, wanted: str) -> ColumnSeen:
    column = _found(existing, specification.column, wanted)
    if isinstance(column, ColumnSeen):
        return column
    if unfit(column, specification) is None:
        return _seen(specification.column, wanted, column)
    lacking: list[str] = []
    if column.kind is specification.kind:
        lacking = [choice for choice in specification.choices if choice not in column.choices]
    return _seen(
        specification.column, wanted, column, fits=False, needed=str(specification.kind), lacking=tuple(lacking)
    )


def _found(existing: Sequence[ListColumn], role: str, wanted: str) -> ListColumn | ColumnSeen:
    try:
        column = find_column(existing, wanted, "", role)
    except ListProblem:
        same = [each.internal for each in existing if each.display.casefold() == wanted.casefold()]
        return ColumnSeen(role, wanted, "ambiguous", near=", ".join(same))
    if column is None:
        shown = {each.display for each in existing if each.kind is not Kind.COMPUTED and not each.rules.hidden}
        return ColumnSeen(role, wanted, "missing", near=near(wanted, shown))
    return column


def _seen(
    role: str,
    wanted: str,
    column: ListColumn,
    *,
    fits: bool = True,
    needed: str = "",
    lacking: tuple[str, ...] = (),
) -> ColumnSeen:
    rules = column.rules
    return ColumnSeen(
        role,
        wanted,
        display=column.display,
        internal=column.internal,
        kind=str(column.kind),
        fits=fits,
        needed=needed,
        lacking=lacking,
        read_only=rules.read_only,
        required=rules.required,
        unique=rules.unique,
        validated=rules.validated,
        indexed=rules.indexed,
    )
