"""A list of the service's own by Graph's lists API."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sync_agent.list_item import AnyChange, ListItem
from sync_agent.microsoft365 import graph_structure as structure
from sync_agent.microsoft365.cells import struct
from sync_agent.microsoft365.column_kinds import ListColumn, Specification
from sync_agent.microsoft365.errors import Garbled, ServiceError
from sync_agent.microsoft365.graph import Graph, Part, PartAnswer
from sync_agent.microsoft365.graph_items import whole_list
from sync_agent.microsoft365.graph_writing import WRITE_UNITS
from sync_agent.microsoft365.list_place import Place
from sync_agent.microsoft365.own_cells import cell_fields, item_of, wire_names, wire_values
from sync_agent.microsoft365.own_columns import OwnColumns, Shape
from sync_agent.microsoft365.provisioning import Means, Setting


class _Made(msgspec.Struct):
    id: str


class GraphOwnList:
    """An OwnListApi."""

    means = Means()

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._site_id = ""

    async def find(self, place: Place) -> tuple[str, str]:
        self._site_id = self._site_id or await structure.find_site(self._graph, place)
        found = await structure.find_list(self._graph, self._site_id, place)
        return found.id, found.title or place.wanted

    async def columns(self, list_id: str) -> list[ListColumn]:
        return await structure.list_columns(self._graph, self._path(list_id))

    async def make_list(self, title: str, shape: Shape) -> Sequence[str]:
        await structure.make_list(self._graph, self._site_id, title, shape.description)
        return [
            f"no say by Graph in whether {title} keeps versions: switch them off in its settings"
            f"{shape.without_versions}"
        ]

    async def add_column(self, list_id: str, specification: Specification) -> None:
        await structure.add_column(self._graph, self._path(list_id), specification, specification.column)

    async def set_column(self, list_id: str, setting: Setting) -> None:
        await structure.set_column(self._graph, self._path(list_id), setting)

    async def read(self, list_id: str, columns: OwnColumns) -> list[ListItem]:
        fields = struct("GraphOwnFields", cell_fields(columns))
        item_type = struct(
            "GraphOwnItem",
            [
                ("id", str, msgspec.field()),
                ("fields", fields, msgspec.field()),
                ("etag", str | None, msgspec.field(default=None, name="eTag")),
            ],
        )
        query = f"$expand=fields($select={','.join(wire_names(columns))})&$select=id,eTag"
        items: list[ListItem] = []
        async for page in whole_list(self._graph, f"{self._path(list_id)}/items?{query}", item_type):
            items += [item_of(columns, int(item.id), item.etag, item.fields) for item in page]
        return items

    async def write(self, list_id: str, columns: OwnColumns, changes: Sequence[AnyChange]) -> list[ServiceError | int]:
        answers = await self._graph.batch([self._part(list_id, columns, change) for change in changes])
        return [_kept(change, answer) for change, answer in zip(changes, answers, strict=True)]

    def _part(self, list_id: str, columns: OwnColumns, change: AnyChange) -> Part:
        values, items = wire_values(columns, change), f"{self._path(list_id)}/items"
        if change.item is None:
            return Part("POST", items, body={"fields": values}, units=WRITE_UNITS)
        headers = {"If-Match": change.item.etag or "*"}
        return Part("PATCH", f"{items}/{change.item.id}/fields", headers=headers, body=values, units=WRITE_UNITS)

    def _path(self, list_id: str) -> str:
        return f"/sites/{self._site_id}/lists/{list_id}"


def _kept(change: AnyChange, answer: PartAnswer) -> ServiceError | int:
    if answer.failure is not None:
        return answer.failure
    if change.item is not None:
        return change.item.id
    try:
        return int(answer.json(_Made).id)
    except (Garbled, ValueError):
        return Garbled("Graph made an item, but did not tell its id")
