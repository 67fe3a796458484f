"""The items of the list of anomalies: its columns, and of which anomaly an item is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sync_agent.list_item import ListItem

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
class AnomalyItem(ListItem):
    @property
    def acknowledged(self) -> bool:
        return self.cells.get(ACKNOWLEDGED) is True

    @property
    def key(self) -> Key | None:
        """Of which anomaly it is; None for an item that people made for themselves."""
        row, code = self.cells.get(ItemColumn.ROW), self.cells.get(ItemColumn.CODE)
        return (row, code) if isinstance(row, int) and isinstance(code, str) and code else None

    @property
    def stands(self) -> bool:
        return not self.cells.get(ItemColumn.RESOLVED)
