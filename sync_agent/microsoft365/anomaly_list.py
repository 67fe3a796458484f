"""The list of anomalies that people can acknowledge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync_agent.anomaly_item import ACKNOWLEDGED, AnomalyItem, ItemColumn
from sync_agent.list_item import ItemChange
from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.agent_list import agent_list_place
from sync_agent.microsoft365.column_kinds import Kind, Specification
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.graph_writing import WRITE_UNITS
from sync_agent.microsoft365.own_columns import shape
from sync_agent.microsoft365.own_list import MOST_AT_ONCE, OwnList, own_list
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.transport import Transport
from sync_agent.settings import Settings

__all__ = ["MOST_AT_ONCE", "WRITE_UNITS", "AnomalyList", "anomaly_list"]

_BY_SERVICE = "Written by sync-agent."

_SHAPE = shape(
    "sharepoint.anomaly_list",
    "What is wrong in the Agent list, by sync-agent. Tick Acknowledged for what may stay as it is.",
    " if you like",
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


class AnomalyList:
    """Every method raises ListProblem (an operator must mend something) or ServiceError (trying later may help)."""

    def __init__(self, items: OwnList) -> None:
        self._items = items

    async def read(self) -> list[AnomalyItem]:
        return [AnomalyItem(item.id, item.cells, item.etag) for item in await self._items.read()]

    async def write(self, changes: Sequence[ItemChange[AnomalyItem]]) -> list[ServiceError | None]:
        """At most MOST_AT_ONCE, each answered for itself as OwnListApi has it; None for done."""
        answers = await self._items.write(changes)
        return [answer if isinstance(answer, ServiceError) else None for answer in answers]

    async def provision(self, dry_run: bool) -> list[str]:
        """Make the list and those of its columns that are missing; what was, or would be, made, one line each."""
        return await self._items.provision(dry_run)


def anomaly_list(
    settings: Settings, accounts: Mapping[str, Account], transport: Transport, budget: Budget
) -> AnomalyList | None:
    """The list of the settings, not opened yet; None where they name none. ``budget`` is the Agent list's."""
    wanted = settings.sharepoint.anomaly_list
    if wanted is None:
        return None
    agents = agent_list_place(settings)
    return AnomalyList(own_list(settings, accounts, transport, budget, agents, wanted=wanted, shape=_SHAPE))
