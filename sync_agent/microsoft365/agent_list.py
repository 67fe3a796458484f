"""The Agent list, whichever API opens it.

Two adapters keep this protocol and pass one suite of tests: graph_list (Graph's lists API) and sharepoint_list
(SharePoint REST). A list lists, gets and updates; it never knows why.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.columns import ColumnNames
from sync_agent.microsoft365.companion_items import LIVE, CompanionItems, companion_shape
from sync_agent.microsoft365.companion_list import CompanionList
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.graph_list import GraphList
from sync_agent.microsoft365.list_answers import (
    Changes,
    ColumnsMissing,
    Failed,
    LastEdit,
    ListProblem,
    Outcome,
    Overtaken,
    WholeListNeeded,
    Written,
)
from sync_agent.microsoft365.list_place import Place
from sync_agent.microsoft365.own_list import own_list
from sync_agent.microsoft365.pacing import REAL_TIME, Budget, Timing
from sync_agent.microsoft365.side_by_side import Writing
from sync_agent.microsoft365.transport import Transport
from sync_agent.model import Change, Fix, OurColumn, Row
from sync_agent.settings import Settings

__all__ = [
    "ROW_UNITS",
    "AgentList",
    "Changes",
    "ColumnsMissing",
    "Failed",
    "LastEdit",
    "ListProblem",
    "Outcome",
    "Overtaken",
    "WholeListNeeded",
    "Written",
    "agent_list",
    "agent_list_place",
    "sharepoint_budget",
]

FIXES_AT_ONCE = 20
ROW_UNITS = 2.0
"""Of SharePoint's budget, what writing one row takes by either API."""
_MINUTE = 60.0


class AgentList(Protocol):
    """Every method raises ListProblem (an operator must mend something) or ServiceError (trying later may help)."""

    @property
    def title(self) -> str: ...

    async def open(self) -> None:
        """Find site, list and columns anew. The other methods do it by themselves when nobody has."""

    async def unwritable(self) -> str:
        """What became of our columns, as found when the list was last opened, so that nothing can be written, and what
        to do; "" where all is well. Rows are read all the same, without the cells of those columns.

        Raises ColumnsMissing where the list was never made ready.
        """

    async def read(self, progress: Callable[[int], None], *, follow: bool = False) -> list[Row]:
        """All rows by ascending id, or an error: never a part of the list. ``progress`` is told rows as they come.

        ``follow``: note first where the list's changes are, so that ``changes`` can tell what comes after.
        """

    async def changes(self, known: Mapping[int, Row]) -> Changes | WholeListNeeded:
        """What became of the list since it was last read or followed; ``known``: its rows as they are held.

        An error loses nothing: what changed is told the next time.
        """

    async def read_rows(self, ids: Collection[int]) -> dict[int, Row]:
        """These rows as they are now; an id that is absent from the answer belongs to no row any more."""

    def write(self, changes: Iterable[Change]) -> AsyncGenerator[Outcome, None]:
        """One outcome for each change, in the order in which they become known. Closing it early ends the writing.

        ``changes`` is drawn on as there is room on the wire: where it ends early, what was drawn is still written.
        """

    async def writing(self) -> Writing:
        """The same, for who writes to two lists at a time."""

    async def takes_approvals(self) -> bool:
        """Whether the list has the column in which people approve fixes; False too where none is wanted."""

    async def last_edits(self, ids: Collection[int]) -> dict[int, LastEdit]:
        """These rows as they are now, with who changed them last; an id that is absent belongs to no row any more."""

    async def fix(self, fixes: Sequence[Fix]) -> list[ServiceError | None]:
        """Write each UPN cell and empty the approval, in one write with the row's ETag; at most FIXES_AT_ONCE.

        An answer each, in their order: None where it was written, Overtaken where the row has another version by now.
        This is a person's column, so it makes a version of the row and moves Modified, as a person's edit would.
        """

    async def provision(self, dry_run: bool) -> list[str]:
        """Make what is missing of our columns and views; what was, or would be, made, one line each."""


def sharepoint_budget(settings: Settings, timing: Timing = REAL_TIME) -> Budget:
    """Everything that is asked of the site shares it, whichever API and list."""
    pacing, account = settings.pacing, settings.account(settings.sharepoint.account)
    budget = Budget(
        "SharePoint",
        pacing.sharepoint_units_per_minute,
        _MINUTE,
        share=pacing.share,
        day=pacing.units_per_day,
        clock=timing.clock,
        sleep=timing.sleep,
    )
    budget.key = f"SharePoint of {account.client_id} in {account.tenant_id}"
    return budget


def agent_list(settings: Settings, accounts: Mapping[str, Account], transport: Transport, budget: Budget) -> AgentList:
    """The list of the settings, not opened yet; with its companion, where they name one."""
    place = agent_list_place(settings)
    agents = _by_api(settings, accounts, transport, budget, place)
    wanted = settings.sharepoint.presence_list
    if wanted is None:
        return agents
    shape = companion_shape(place.names)
    companion = own_list(settings, accounts, transport, budget, place, wanted=wanted, shape=shape)
    return CompanionList(agents, companion, CompanionItems(place.names, place.wanted))


def _by_api(
    settings: Settings, accounts: Mapping[str, Account], transport: Transport, budget: Budget, place: Place
) -> AgentList:
    account = accounts[settings.sharepoint.account]
    if settings.list_api() == "graph":
        graph = account.endpoints.graph
        return GraphList(place, Graph(transport, account.tokens(graph), graph, budget, "list"))
    # The Office365 library takes 0.9 s to import, which who reads by Graph need not wait for.
    from sync_agent.microsoft365.sharepoint_bulk import Site  # noqa: PLC0415
    from sync_agent.microsoft365.sharepoint_list import SharePointList  # noqa: PLC0415

    return SharePointList(place, Site(place.site_url, transport, account.tokens(place.origin), budget))


def agent_list_place(settings: Settings) -> Place:
    sharepoint, columns = settings.sharepoint, settings.sharepoint.columns
    approval = columns.approval if settings.safety.approved_fixes else None
    held = frozenset(OurColumn) if sharepoint.presence_list is None else frozenset(OurColumn) - LIVE
    return Place(
        site_url=sharepoint.site_url.rstrip("/"),
        wanted=sharepoint.agent_list,
        names=ColumnNames(columns.upn, columns.name, columns.ours, columns.team, approval, held),
        account=sharepoint.account,
        rest_by_secret=(settings.list_api(), settings.account(sharepoint.account).auth) == ("rest", "client_secret"),
    )
