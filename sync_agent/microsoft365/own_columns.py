"""What a list of the service's own is like, and which of its columns a list has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync_agent.microsoft365.column_kinds import Kind, ListColumn, Specification
from sync_agent.microsoft365.columns import find_column
from sync_agent.microsoft365.list_answers import ListProblem

TITLE = "Title"
"""The column that every list of items has."""


@dataclass(frozen=True, slots=True)
class Shape:
    """``setting`` names the list; ``columns`` are those that it needs beside Title, by their internal names.

    ``without_versions``: why it should keep none.
    """

    setting: str
    description: str
    columns: Mapping[str, Specification]
    without_versions: str

    def kind(self, name: str) -> Kind:
        return Kind.TEXT if name == TITLE else self.columns[name].kind


def shape(setting: str, description: str, without_versions: str, *columns: Specification) -> Shape:
    return Shape(setting, description, {wanted.column: wanted for wanted in columns}, without_versions)


@dataclass(frozen=True, slots=True)
class OwnColumns:
    """Those that a list has, by the name that this program knows them under."""

    shape: Shape
    found: Mapping[str, ListColumn]

    @property
    def missing(self) -> list[Specification]:
        return [wanted for name, wanted in self.shape.columns.items() if name not in self.found]

    def complete(self, title: str) -> OwnColumns:
        """These columns, if none is missing; raises ListProblem."""
        if self.missing:
            names = ", ".join(wanted.column for wanted in self.missing)
            raise ListProblem(
                f'{self.shape.setting}: the list "{title}" lacks columns: {names}. Run `sync-agent provision`.'
            )
        return self


def match_own_columns(shape: Shape, existing: Sequence[ListColumn], title: str) -> OwnColumns:
    """Raises ListProblem for a column of another type than is needed."""
    found = {}
    for name in (TITLE, *shape.columns):
        column = find_column(existing, name, title, shape.setting)
        if column is not None:
            _refuse_unfit(shape, column, name, title)
            found[name] = column
    if TITLE not in found:
        raise ListProblem(
            f'{shape.setting}: the list "{title}" has no column Title; name a list that is made of items.'
        )
    return OwnColumns(shape, found)


def _refuse_unfit(shape: Shape, column: ListColumn, name: str, title: str) -> None:
    if column.kind is not shape.kind(name):
        raise ListProblem(
            f'{shape.setting}: the column "{column.display}" of the list "{title}" is of type {column.kind}, but the '
            f"service needs {shape.kind(name)}: delete it and run `sync-agent provision`, or name another list."
        )
