"""The list of anomalies by Graph's lists API."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sync_agent.anomaly_item import AnomalyItem, ItemChange
from sync_agent.microsoft365 import graph_structure as structure
from sync_agent.microsoft365.anomaly_cells import cell_fields, item_of, wire_names, wire_values
from sync_agent.microsoft365.anomaly_columns import DESCRIPTION, ItemColumns
from sync_agent.microsoft365.cells import struct
from sync_agent.microsoft365.column_kinds import ListColumn, Specification
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.graph import Graph, Part
from sync_agent.microsoft365.graph_items import whole_list
from sync_agent.microsoft365.graph_writing import WRITE_UNITS
from sync_agent.microsoft365.list_place import Place


class GraphAnomalies:
    """An AnomaliesApi."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._site_id = ""

    async def find(self, place: Place) -> tuple[str, str]:
        self._site_id = self._site_id or await structure.find_site(self._graph, place)
        found = await structure.find_list(self._graph, self._site_id, place)
        return found.id, found.title or place.wanted

    async def columns(self, list_id: str) -> list[ListColumn]:
        return await structure.list_columns(self._graph, self._path(list_id))

    async def make_list(self, title: str) -> Sequence[str]:
        await structure.make_list(self._graph, self._site_id, title, DESCRIPTION)
        return [f"no say by Graph in whether {title} keeps versions: switch them off in its settings if you like"]

    async def add_column(self, list_id: str, specification: Specification) -> None:
        await structure.add_column(self._graph, self._path(list_id), specification, specification.column)

    async def read(self, list_id: str, columns: ItemColumns) -> list[AnomalyItem]:
        fields = struct("GraphAnomalyFields", cell_fields(columns))
        item_type = struct(
            "GraphAnomaly",
            [
                ("id", str, msgspec.field()),
                ("fields", fields, msgspec.field()),
                ("etag", str | None, msgspec.field(default=None, name="eTag")),
            ],
        )
        query = f"$expand=fields($select={','.join(wire_names(columns))})&$select=id,eTag"
        items: list[AnomalyItem] = []
        async for page in whole_list(self._graph, f"{self._path(list_id)}/items?{query}", item_type):
            items += [item_of(int(item.id), item.etag, item.fields) for item in page]
        return items

    async def write(
        self, list_id: str, columns: ItemColumns, changes: Sequence[ItemChange]
    ) -> list[ServiceError | None]:
        answers = await self._graph.batch([self._part(list_id, columns, change) for change in changes])
        return [answer.failure for answer in answers]

    def _part(self, list_id: str, columns: ItemColumns, change: ItemChange) -> Part:
        values, items = wire_values(columns, change), f"{self._path(list_id)}/items"
        if change.item is None:
            return Part("POST", items, body={"fields": values}, units=WRITE_UNITS)
        headers = {"If-Match": change.item.etag or "*"}
        return Part("PATCH", f"{items}/{change.item.id}/fields", headers=headers, body=values, units=WRITE_UNITS)

    def _path(self, list_id: str) -> str:
        return f"/sites/{self._site_id}/lists/{list_id}"
