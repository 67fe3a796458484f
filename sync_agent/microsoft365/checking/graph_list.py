"""Looking at the Agent list by Graph, which tells nothing of its settings: that it keeps versions, its rows show."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from sync_agent.check.observed import ColumnSeen, ListSeen, RowsSeen, WriteSeen
from sync_agent.microsoft365 import graph_structure as structure
from sync_agent.microsoft365.checking.columns import required_of_people, see_columns, unfinished
from sync_agent.microsoft365.checking.rows import LONGEST, see_rows
from sync_agent.microsoft365.checking.trouble import ABSENT, trouble_of
from sync_agent.microsoft365.checking.write_probe import NO_DATE, date_column, judged
from sync_agent.microsoft365.column_kinds import ListColumn
from sync_agent.microsoft365.errors import Refused, ServiceError
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.list_answers import ListProblem
from sync_agent.microsoft365.list_place import NoSuchList, Place
from sync_agent.microsoft365.provisioning import Means

_PAGE = 2_000
_MOST_PAGES = 10
_UNITS = 2.0
_VERSION = "_UIVersionString"
_OTHER_ETAG = '"00000000-0000-0000-0000-000000000000,0"'


class _Item(msgspec.Struct):
    id: str
    fields: dict[str, Any]


async def see_list(graph: Graph, place: Place, seen: ListSeen) -> ListSeen:
    """``seen``: as far as it is known from the settings."""
    stage = "site"
    try:
        site_id = await structure.find_site(graph, place)
        stage = "list"
        found = await structure.find_list(graph, site_id, place)
        path = f"/sites/{site_id}/lists/{found.id}"
        existing = await structure.list_columns(graph, path)
    except (ServiceError, ListProblem) as problem:
        return not_there(seen, stage, problem)
    columns = see_columns(existing, place.names)
    lacks = unfinished(existing, place.names, Means())
    seen = replace(seen, title=found.title or place.wanted, columns=columns, unfinished=lacks)
    upn = next(column for column in columns if column.role == "upn")
    if upn.state != "found" or not upn.fits:
        return seen
    try:
        rows, first = await _rows(graph, path, upn.internal, required_of_people(existing, columns))
    except ServiceError as failure:
        return replace(seen, stage="list", trouble=trouble_of(failure))
    write = None if first is None else await _try_write(graph, path, first, columns)
    return replace(seen, rows=rows, write=write)


def not_there(seen: ListSeen, stage: str, problem: ServiceError | ListProblem) -> ListSeen:
    if isinstance(problem, ServiceError):
        return replace(seen, stage=stage, trouble=trouble_of(problem))
    if isinstance(problem, NoSuchList):
        return replace(seen, stage="list", trouble=ABSENT, near=str(problem).partition('". ')[2])
    return replace(seen, stage="site", trouble=ABSENT)


async def _rows(graph: Graph, path: str, upn: str, required: Sequence[ListColumn]) -> tuple[RowsSeen, int | None]:
    """The first pages, and the id of a row."""
    names = ",".join(dict.fromkeys([upn, _VERSION, *(column.wire for column in required)]))
    url = f"{path}/items?$expand=fields($select={names})&$select=id&$top={_PAGE}"
    rows: list[Mapping[str, Any]] = []
    first: int | None = None
    whole, pages, ends = True, 0, time.monotonic() + LONGEST
    async for page in graph.pages(url, _Item, units=_UNITS):
        rows += [item.fields for item in page]
        first = first or next((int(item.id) for item in page), None)
        pages += 1
        if pages == _MOST_PAGES or time.monotonic() > ends:
            whole = len(page) < _PAGE
            break
    return see_rows(rows, upn, required, _VERSION, whole=whole), first


async def _try_write(graph: Graph, path: str, row: int, columns: Sequence[ColumnSeen]) -> WriteSeen | None:
    """A write that cannot be carried out, in two ways: the ETag is of no version of the row, and the value is none of
    the column, which is ours. Who may not write is refused before either is looked at.
    """
    column = date_column(columns)
    if column is None:
        return None
    url, headers = f"{path}/items/{row}/fields", {"If-Match": _OTHER_ETAG}
    try:
        await graph.ask("PATCH", url, body={column.internal: NO_DATE}, headers=headers, units=_UNITS, repeatable=False)
    except Refused as failure:
        return judged(row, failure)
    except ServiceError as failure:
        return WriteSeen(row, "unanswered", trouble_of(failure).words, trouble_of(failure))
    return WriteSeen(row, "proven")
