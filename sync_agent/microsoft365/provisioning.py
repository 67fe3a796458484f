"""What `provision` would still do to a list: columns, and what is to be set of those that are there. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sync_agent.microsoft365.column_kinds import Kind, ListColumn, Rules, Specification
from sync_agent.microsoft365.columns import APPROVAL, SPECIFICATIONS, ColumnNames, Columns, creation_name
from sync_agent.microsoft365.errors import Refused

NOT_DONE = "no "
LEFT = "left as it is: "
NOTES = (NOT_DONE, LEFT)
"""How a line begins that says what cannot be made, and what is not touched since a person made it so."""

_INDEXABLE = frozenset({Kind.TEXT, Kind.CHOICE, Kind.NUMBER, Kind.TIME, Kind.YES_NO})
_REFUSALS_OF_AN_INDEX = frozenset({400, 409, 500})


class Trait(StrEnum):
    """What can be set of a column that is there."""

    DESCRIPTION = "description"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Setting:
    """One trait of a column that the list has, and its value to be."""

    column: ListColumn
    trait: Trait
    value: str | bool

    @property
    def line(self) -> str:
        return f"{self.trait} of the column {self.column.display}"

    def refused(self, error: Refused) -> str:
        """Why it was not made, and how it can be. Raises the error where more than this is in the way of it."""
        if self.trait is not Trait.INDEX or error.status not in _REFUSALS_OF_AN_INDEX:
            raise error
        return (
            f"{NOT_DONE}{self.line} ({error.reason}). A list takes 20 indexes at most, and one of over 20,000 rows may "
            "take no new one: free one in the list's settings (Indexed columns), or make it while there are fewer rows"
        )


@dataclass(frozen=True, slots=True)
class ToDo:
    """What a list lacks. ``columns``: with the names that they are to have; ``left``: what people made otherwise."""

    columns: Sequence[tuple[Specification, str]]
    settings: Sequence[Setting]
    left: Sequence[str]

    @property
    def made_columns(self) -> list[str]:
        return [f"column {name} ({specification.kind})" for specification, name in self.columns]

    @property
    def lines(self) -> list[str]:
        return [*self.made_columns, *(setting.line for setting in self.settings), *self.left]


def to_do(columns: Columns, names: ColumnNames) -> ToDo:
    """What is still to be made; where columns are, as if they were there by then."""
    missing = columns.to_make(names)
    wanted = [(SPECIFICATIONS[our], column) for our, column in columns.ours.items() if our in columns.held]
    if columns.approval is not None:
        wanted.append((APPROVAL, columns.approval))
    wanted += [(specification, as_made(specification, name)) for specification, name in missing]
    settings: list[Setting] = []
    left: list[str] = []
    for specification, column in wanted:
        settings += _settings(specification, column)
        left += _left(specification, column)
    return ToDo(missing, settings, left)


def as_made(specification: Specification, display: str) -> ListColumn:
    """The column as it is just after it was made."""
    internal = creation_name(specification.column, display)
    return ListColumn(
        internal,
        display,
        specification.kind,
        internal,
        specification.choices,
        rules=Rules(),
        description=specification.description,
    )


def without_index(specification: Specification) -> Specification:
    """A column is made first and indexed then: the index may be refused, which must not keep the column away."""
    return replace(specification, indexed=False)


def _settings(specification: Specification, column: ListColumn) -> Iterator[Setting]:
    if not column.description:
        yield Setting(column, Trait.DESCRIPTION, specification.description)
    if specification.indexed and not column.rules.indexed and column.kind in _INDEXABLE:
        yield Setting(column, Trait.INDEX, True)


def _left(specification: Specification, column: ListColumn) -> Iterator[str]:
    if column.description and column.description != specification.description:
        yield f"{LEFT}the description of the column {column.display}, which somebody wrote"
