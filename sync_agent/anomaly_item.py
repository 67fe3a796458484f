"""The values that the list of anomalies speaks of: its columns, its items as read, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

ItemValue = str | int | datetime | None
Key = tuple[int, str]
"""An anomaly: the id of its row in the Agent list, and its code."""


class ItemColumn(StrEnum):
    """The internal names of the columns that the service writes. The one that people tick is not among them."""

    TITLE = "Title"
    ROW = "AgentRow"
    UPN = "AgentUPN"
    CODE = "AnomalyCode"
    SEVERITY = "Severity"
    MESSAGE = "Message"
    SUGGESTION = "Suggestion"
    TEAM = "Team"
    OPENED = "Opened"
    RESOLVED = "Resolved"
    TIMES = "TimesOpened"


ACKNOWLEDGED = "Acknowledged"
"""People's column, only ever read."""


@dataclass(frozen=True, slots=True)
class AnomalyItem:
    """One item as read; an empty cell is "" or None."""

    id: int
    cells: Mapping[ItemColumn, ItemValue]
    acknowledged: bool = False
    etag: str | None = None

    @property
    def key(self) -> Key | None:
        """Of which anomaly it is; None for an item that people made for themselves."""
        row, code = self.cells.get(ItemColumn.ROW), self.cells.get(ItemColumn.CODE)
        return (row, code) if isinstance(row, int) and isinstance(code, str) and code else None

    @property
    def stands(self) -> bool:
        return not self.cells.get(ItemColumn.RESOLVED)


@dataclass(frozen=True, slots=True)
class ItemChange:
    """New values for some columns of an item; ``item`` is None for one that is to be made."""

    item: AnomalyItem | None
    values: Mapping[ItemColumn, ItemValue]
