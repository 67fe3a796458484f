"""What the columns of the list of anomalies are like, and which of them a list has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync_agent.anomaly_item import ACKNOWLEDGED, ItemColumn
from sync_agent.microsoft365.column_kinds import Kind, ListColumn, Specification
from sync_agent.microsoft365.columns import find_column
from sync_agent.microsoft365.list_answers import ListProblem

DESCRIPTION = "What is wrong in the Agent list, by sync-agent. Tick Acknowledged for what may stay as it is."
SETTING = "sharepoint.anomaly_list"

_BY_SERVICE = "Written by sync-agent."

SPECIFICATIONS: Mapping[str, Specification] = {
    specification.column: specification
    for specification in (
        Specification(ItemColumn.ROW, Kind.NUMBER, f"The id of the agent's row in the Agent list. {_BY_SERVICE}"),
        Specification(ItemColumn.UPN, Kind.TEXT, f"What the row's UPN column holds. {_BY_SERVICE}"),
        Specification(ItemColumn.CODE, Kind.TEXT, f"The anomaly's code. {_BY_SERVICE}"),
        Specification(ItemColumn.SEVERITY, Kind.TEXT, f"error: gets no calls; warning: needs a look. {_BY_SERVICE}"),
        Specification(ItemColumn.MESSAGE, Kind.NOTE, f"What is wrong, and what to do. {_BY_SERVICE}"),
        Specification(ItemColumn.SUGGESTION, Kind.TEXT, f"The right UPN, where it is known. {_BY_SERVICE}"),
        Specification(ItemColumn.TEAM, Kind.TEXT, f"The row's team. {_BY_SERVICE}"),
        Specification(ItemColumn.OPENED, Kind.TIME, f"When it was first seen. {_BY_SERVICE}"),
        Specification(ItemColumn.RESOLVED, Kind.TIME, f"When it was gone; empty while it stands. {_BY_SERVICE}"),
        Specification(ItemColumn.TIMES, Kind.NUMBER, f"How often it has come up, this time included. {_BY_SERVICE}"),
        Specification(ACKNOWLEDGED, Kind.YES_NO, "Tick it, and this is neither counted nor told again as it stands."),
    )
}
"""Without Title, which every list has."""


@dataclass(frozen=True, slots=True)
class ItemColumns:
    """Those that a list has, by the name that this program knows them under."""

    found: Mapping[str, ListColumn]

    @property
    def missing(self) -> list[Specification]:
        return [wanted for name, wanted in SPECIFICATIONS.items() if name not in self.found]

    def complete(self, title: str) -> ItemColumns:
        """These columns, if none is missing; raises ListProblem."""
        if self.missing:
            names = ", ".join(wanted.column for wanted in self.missing)
            raise ListProblem(f'{SETTING}: the list "{title}" lacks columns: {names}. Run `sync-agent provision`.')
        return self


def match_item_columns(existing: Sequence[ListColumn], title: str) -> ItemColumns:
    """Raises ListProblem for a column of another type than is needed."""
    found = {}
    for name in (ItemColumn.TITLE, *SPECIFICATIONS):
        column = find_column(existing, name, title, SETTING)
        if column is not None:
            _refuse_unfit(column, name, title)
            found[str(name)] = column
    if ItemColumn.TITLE not in found:
        raise ListProblem(f'{SETTING}: the list "{title}" has no column Title; name a list that is made of items.')
    return ItemColumns(found)


def _refuse_unfit(column: ListColumn, name: str, title: str) -> None:
    wanted = Kind.TEXT if name == ItemColumn.TITLE else SPECIFICATIONS[name].kind
    if column.kind is not wanted:
        raise ListProblem(
            f'{SETTING}: the column "{column.display}" of the list "{title}" is of type {column.kind}, but the service '
            f"needs {wanted}: delete it and run `sync-agent provision`, or name another list."
        )
