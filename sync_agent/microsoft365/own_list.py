"""A list that is the service's own, such as that of anomalies, whichever API opens it.

Two adapters keep the protocol and pass one suite of tests: graph_own_list (Graph's lists API) and sharepoint_own_list
(SharePoint REST). Everything goes through the budget of the Agent list, a small batch at a time, so that whoever writes
there never waits for long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sync_agent.list_item import AnyChange, ListItem
from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.column_kinds import ListColumn, Specification
from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.graph_own_list import GraphOwnList
from sync_agent.microsoft365.list_answers import ListProblem, listed
from sync_agent.microsoft365.list_place import NoSuchList, Place, list_id
from sync_agent.microsoft365.own_columns import OwnColumns, Shape, match_own_columns
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.provisioning import Means, Setting, as_made, no_formatting
from sync_agent.microsoft365.provisioning import settings as settings_of
from sync_agent.microsoft365.transport import Transport
from sync_agent.settings import Settings

MOST_AT_ONCE = 20
"""Changes in one call of ``write``: what one batch of Graph holds, and few enough to wait behind."""


class OwnListApi(Protocol):
    """What either API does for the list. Every method raises ServiceError. ``means``: what it can beside columns."""

    means: Means

    async def find(self, place: Place) -> tuple[str, str]:
        """Id and title. Raises ListProblem too, NoSuchList where there is none."""

    async def columns(self, list_id: str) -> list[ListColumn]: ...

    async def make_list(self, title: str, shape: Shape) -> Sequence[str]:
        """Make it, without versions where the API has a say in that; what an operator must know, one line each."""

    async def add_column(self, list_id: str, specification: Specification) -> None: ...

    async def set_column(self, list_id: str, setting: Setting) -> None: ...

    async def read(self, list_id: str, columns: OwnColumns) -> list[ListItem]:
        """All items, or an error: never a part of the list."""

    async def write(self, list_id: str, columns: OwnColumns, changes: Sequence[AnyChange]) -> list[ServiceError | int]:
        """At most MOST_AT_ONCE changes, each answered for itself: the item's id for done. Does not raise ServiceError.

        Overtaken: somebody changed the item since it was read. NotFound: it was deleted. A new item whose answer was
        lost may have been made: it is not to be made again before the list was read again.
        """


@dataclass(frozen=True, slots=True)
class _Opened:
    id: str
    title: str
    columns: OwnColumns


class OwnList:
    """``agents``: where the Agent list is, which this one must not be.

    Every method raises ListProblem (an operator must mend something) or ServiceError (trying later may help).
    """

    def __init__(self, api: OwnListApi, shape: Shape, place: Place, agents: Place) -> None:
        self._api = api
        self._shape = shape
        self._place = place
        self._agents = agents
        self._opened: _Opened | None = None

    async def open(self) -> None:
        """Find the list and its columns, if nobody has. The other methods do it by themselves."""
        await self._ready()

    async def read(self) -> list[ListItem]:
        opened = await self._ready()
        try:
            return await self._api.read(opened.id, opened.columns)
        except Refused as error:
            self._opened = None  # the list or a column may have been deleted: look anew before the next reading
            raise self._place.explained(error) from error

    async def write(self, changes: Sequence[AnyChange]) -> list[ServiceError | int]:
        """As OwnListApi has it."""
        opened = await self._ready()
        return await self._api.write(opened.id, opened.columns, changes)

    async def provision(self, dry_run: bool) -> list[str]:
        """Make the list and those of its columns that are missing; what was, or would be, made, one line each."""
        try:
            return await self._provision(dry_run)
        except ServiceError as error:
            raise self._place.explained(error, creating="lists and columns") from error
        finally:
            self._opened = None

    async def _provision(self, dry_run: bool) -> list[str]:
        lines: list[str] = []
        notes: Sequence[str] = ()
        found = await self._find()
        if found is None:
            title = self._title_to_make()
            lines.append(f"list {title}")
            if not dry_run:
                notes = await self._api.make_list(title, self._shape)
                found = await self._find()
                if found is None:
                    raise ServiceError(f"The list {title} was made, but is not found yet: run this again")
        missing = list(self._shape.columns.values()) if found is None else found.columns.missing
        for wanted in missing:
            lines.append(f"column {wanted.column} ({wanted.kind}) of the list {self._place.wanted}")
            if not dry_run and found is not None:
                await self._api.add_column(found.id, wanted)
        if not dry_run and missing:
            found = await self._find()
        id_ = None if dry_run or found is None else found.id
        lines += [await self._set(id_, setting) for setting in self._settings(found)]
        return [*lines, *notes, *self._by_hand()]

    def _settings(self, found: _Opened | None) -> list[Setting]:
        there = {} if found is None else found.columns.found
        return [
            setting
            for name, wanted in self._shape.columns.items()
            for setting in settings_of(wanted, there.get(name) or _made(wanted, self._api.means))
        ]

    async def _set(self, list_id: str | None, setting: Setting) -> str:
        """What was done, or would be where the id is None; or why not."""
        line = f"{setting.line} of the list {self._place.wanted}"
        try:
            if list_id is not None:
                await self._api.set_column(list_id, setting)
        except Refused as error:
            return setting.refused(error)
        return line

    def _by_hand(self) -> list[str]:
        formatted = [wanted.column for wanted in self._shape.columns.values() if wanted.formatting]
        if self._api.means.formatting or not formatted:
            return []
        return [no_formatting(f"{listed(formatted)} of the list {self._place.wanted}")]

    async def _ready(self) -> _Opened:
        if self._opened is None:
            try:
                found = await self._find()
            except ServiceError as error:
                raise self._place.explained(error) from error
            if found is None:
                self._title_to_make()
                raise ListProblem(
                    f'{self._shape.setting}: the site {self._place.site_url} has no list "{self._place.wanted}". '
                    "Run `sync-agent provision`, which makes it."
                )
            found.columns.complete(found.title)
            self._opened = found
        return self._opened

    async def _find(self) -> _Opened | None:
        """None where there is no such list. Raises ListProblem where it is the Agent list, whose rows are people's."""
        try:
            id_, title = await self._api.find(self._place)
        except NoSuchList:
            return None
        agents_id, _ = await self._api.find(self._agents)
        if id_.casefold() == agents_id.casefold():
            raise ListProblem(f"{self._shape.setting}: this is the Agent list itself; name another list.")
        return _Opened(id_, title, match_own_columns(self._shape, await self._api.columns(id_), title))

    def _title_to_make(self) -> str:
        """Raises ListProblem where the list is named by an id, which only SharePoint can give."""
        if list_id(self._place.wanted) is not None:
            raise ListProblem(
                f"{self._shape.setting}: the site {self._place.site_url} has no list of the id {self._place.wanted}. "
                "Write a title, under which `sync-agent provision` makes one."
            )
        return self._place.wanted


def _made(wanted: Specification, means: Means) -> ListColumn:
    """The column as it is just after it was made: in an empty list, which takes the index with it."""
    made = as_made(wanted, wanted.column, means)
    return replace(made, rules=replace(made.rules, indexed=wanted.indexed))


def own_list(
    settings: Settings,
    accounts: Mapping[str, Account],
    transport: Transport,
    budget: Budget,
    agents: Place,
    *,
    wanted: str,
    shape: Shape,
) -> OwnList:
    """The list ``wanted``, by title or id, not opened yet. ``budget`` and ``agents`` are the Agent list's."""
    account = accounts[settings.sharepoint.account]
    place = replace(agents, wanted=wanted, setting=shape.setting)
    if settings.list_api() == "graph":
        graph = account.endpoints.graph
        session = Graph(transport, account.tokens(graph), graph, budget, "list")
        return OwnList(GraphOwnList(session), shape, place, agents)
    # As for the Agent list, the Office365 library is imported only where it is used.
    from sync_agent.microsoft365.sharepoint_bulk import Site  # noqa: PLC0415
    from sync_agent.microsoft365.sharepoint_own_list import SharePointOwnList  # noqa: PLC0415

    site = Site(place.site_url, transport, account.tokens(place.origin), budget)
    return OwnList(SharePointOwnList(site, place.account), shape, place, agents)
