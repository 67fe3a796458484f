"""A list of the service's own by SharePoint REST.

Items are made and merged as JSON: the list keeps no versions, so nothing is gained by the forms that the Agent list is
written with, and a merge takes the item's ETag.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import quote

import msgspec
import structlog

from sync_agent.list_item import AnyChange, ListItem
from sync_agent.microsoft365 import sharepoint_structure as structure
from sync_agent.microsoft365.cells import page_type, struct
from sync_agent.microsoft365.column_kinds import ListColumn, Specification
from sync_agent.microsoft365.errors import Garbled, Refused, ServiceError
from sync_agent.microsoft365.list_place import Place
from sync_agent.microsoft365.own_cells import cell_fields, item_of, wire_names, wire_values
from sync_agent.microsoft365.own_columns import OwnColumns, Shape
from sync_agent.microsoft365.provisioning import Means, Setting
from sync_agent.microsoft365.sharepoint_batch import NO_SUCH_CALL, BatchAnswer, Post
from sync_agent.microsoft365.sharepoint_bulk import PAGE, WRITE_UNITS, Site, counted, whole_list
from sync_agent.microsoft365.sharepoint_finding import ask, find_list

_log = structlog.get_logger()

_DOING = "Writing an item"


class _Made(msgspec.Struct):
    id: int = msgspec.field(name="Id")


class SharePointOwnList:
    """An OwnListApi. ``account``: whose credentials open the site."""

    means = Means(formatting=True)

    def __init__(self, site: Site, account: str) -> None:
        self._site = site
        self._account = account
        self._batches = True
        """Until the site refuses one."""

    async def find(self, place: Place) -> tuple[str, str]:
        found = await find_list(self._site, place)
        return found.id, found.title

    async def columns(self, list_id: str) -> list[ListColumn]:
        return await ask(self._site, structure.list_columns, list_id)

    async def make_list(self, title: str, shape: Shape) -> Sequence[str]:
        made = await ask(self._site, structure.make_list, title, shape.description)
        try:
            await ask(self._site, structure.keep_no_versions, made.id)
        except Refused as error:  # versions cost room, no more: the list serves with them too
            not_done = f"no switching off of the versions of {title} ({error.reason})"
            return [f"{not_done}: do so in its settings{shape.without_versions}"]
        return ()

    async def add_column(self, list_id: str, specification: Specification) -> None:
        add = partial(structure.add_column, in_view=True)
        await ask(self._site, add, list_id, specification, specification.column)

    async def set_column(self, list_id: str, setting: Setting) -> None:
        await ask(self._site, structure.set_column, list_id, setting)

    async def read(self, list_id: str, columns: OwnColumns) -> list[ListItem]:
        count = partial(ask, self._site, structure.item_count, list_id)
        return await counted(count, lambda _: self._read(list_id, columns), "of the service's own list", self._account)

    async def _read(self, list_id: str, columns: OwnColumns) -> tuple[list[ListItem], int]:
        etag = ("etag", str | None, msgspec.field(default=None, name="odata.etag"))
        item_type = struct("RestOwnItem", [("id", int, msgspec.field(name="Id")), etag, *cell_fields(columns)])
        select = quote(",".join(["Id", *wire_names(columns)]), safe=",")
        url = f"{self._items(list_id)}?$select={select}&$top={PAGE}"
        items: list[ListItem] = []
        async for page in whole_list(self._site, url, page_type(item_type, "odata.nextLink")):
            items += [item_of(columns, item.id, item.etag, item) for item in page]
        return items, len(items)

    async def write(self, list_id: str, columns: OwnColumns, changes: Sequence[AnyChange]) -> list[ServiceError | int]:
        posts = [self._post(list_id, columns, change) for change in changes]
        try:
            await self._site.budget.spend(min(WRITE_UNITS * len(posts), self._site.budget.limit))
            return [self._kept(each, answer) for each, answer in zip(changes, await self._send(posts), strict=True)]
        except ServiceError as error:
            return [error] * len(posts)

    async def _send(self, posts: Sequence[Post]) -> Sequence[BatchAnswer | ServiceError | None]:
        if self._batches:
            try:
                return await self._site.post_all(posts)
            except Refused as error:
                if error.status not in NO_SUCH_CALL:
                    raise
                _log.warning("items_written_one_by_one", reason=error.reason)
                self._batches = False
        return [await self._send_one(post) for post in posts]

    async def _send_one(self, post: Post) -> BatchAnswer | ServiceError:
        try:
            return await self._site.post_one(post)
        except ServiceError as error:
            return error

    def _post(self, list_id: str, columns: OwnColumns, change: AnyChange) -> Post:
        body = msgspec.json.encode(wire_values(columns, change))
        if change.item is None:
            return Post(self._items(list_id), body)
        headers = {"X-HTTP-Method": "MERGE", "IF-MATCH": change.item.etag or "*"}
        return Post(f"{self._items(list_id)}({change.item.id})", body, headers)

    def _kept(self, change: AnyChange, answer: BatchAnswer | ServiceError | None) -> ServiceError | int:
        if isinstance(answer, ServiceError):
            return answer
        if answer is None:
            return Garbled("SharePoint's answer to the batch lacks an item's part")
        if (failure := self._site.failure(answer, _DOING)) is not None:
            return failure
        return _made_id(answer) if change.item is None else change.item.id

    def _items(self, list_id: str) -> str:
        return f"{self._site.url}/_api/web/lists(guid'{list_id}')/items"


def _made_id(answer: BatchAnswer) -> ServiceError | int:
    try:
        return msgspec.json.decode(answer.body, type=_Made).id
    except msgspec.MsgspecError:
        return Garbled("SharePoint made an item, but did not tell its id")
