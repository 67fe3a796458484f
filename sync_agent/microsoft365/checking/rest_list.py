"""Looking at the Agent list by SharePoint's own API, which tells a list's settings too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from sync_agent.check.observed import ColumnSeen, ListSeen, RowsSeen, WriteSeen
from sync_agent.microsoft365 import sharepoint_structure as structure
from sync_agent.microsoft365.checking.columns import required_of_people, see_columns, unfinished
from sync_agent.microsoft365.checking.graph_list import not_there
from sync_agent.microsoft365.checking.rows import LONGEST, see_rows
from sync_agent.microsoft365.checking.trouble import trouble_of
from sync_agent.microsoft365.checking.write_probe import NO_DATE, date_column, judged
from sync_agent.microsoft365.column_kinds import ListColumn
from sync_agent.microsoft365.errors import Garbled, Refused, ServiceError, refusal
from sync_agent.microsoft365.list_answers import ListProblem
from sync_agent.microsoft365.list_place import Place
from sync_agent.microsoft365.provisioning import Means
from sync_agent.microsoft365.sharepoint_batch import JSON_HEADERS
from sync_agent.microsoft365.sharepoint_bulk import PAGE, READ_UNITS, WRITE_UNITS, Site
from sync_agent.microsoft365.sharepoint_finding import ask, find_list
from sync_agent.microsoft365.sharepoint_views import list_views

_MOST_PAGES = 4
_VERSION = "OData__UIVersionString"


class _Page(msgspec.Struct):
    value: list[dict[str, Any]]
    next: str | None = msgspec.field(default=None, name="odata.nextLink")


async def see_list(site: Site, place: Place, seen: ListSeen) -> ListSeen:
    """``seen``: as far as it is known from the settings."""
    try:
        found = await find_list(site, place)
        existing, told, views = await asyncio.gather(
            ask(site, structure.list_columns, found.id),
            ask(site, structure.list_settings, found.id),
            ask(site, list_views, found.id),
        )
    except (ServiceError, ListProblem) as problem:
        return not_there(seen, "list", problem)
    columns = see_columns(existing, place.names)
    seen = replace(
        seen,
        title=found.title,
        columns=columns,
        unfinished=unfinished(existing, place.names, Means(formatting=True, views=views)),
        keeps_versions=told.keeps_versions,
        approves=told.approves,
        validated=told.validated,
    )
    upn = next(column for column in columns if column.role == "upn")
    if upn.state != "found" or not upn.fits:
        return seen
    items = f"{site.url}/_api/web/lists(guid'{found.id}')/items"
    wire = next(column.wire for column in existing if column.internal == upn.internal)
    try:
        rows, first = await _rows(site, items, wire, required_of_people(existing, columns))
    except ServiceError as failure:
        return replace(seen, stage="list", trouble=trouble_of(failure))
    write = None if first is None else await _try_write(site, items, first, columns)
    return replace(seen, rows=replace(rows, count=max(rows.count, told.items)), write=write)


async def _rows(site: Site, items: str, upn: str, required: Sequence[ListColumn]) -> tuple[RowsSeen, int | None]:
    """The first pages, and the id of a row; folders are none."""
    names = dict.fromkeys(["Id", "FileSystemObjectType", upn, *(column.wire for column in required)])
    url: str | None = f"{items}?$select={quote(','.join(names), safe=',')}&$top={PAGE}"
    rows: list[Mapping[str, Any]] = []
    pages, ends = 0, time.monotonic() + LONGEST
    while url is not None and pages < _MOST_PAGES and (pages == 0 or time.monotonic() < ends):
        page = await _page(site, url)
        rows += [item for item in page.value if item.get("FileSystemObjectType") != 1]
        pages += 1
        url = None if page.next is None else urljoin(url, page.next)
        if url is not None and urlsplit(url)[:2] != urlsplit(items)[:2]:
            raise Garbled("SharePoint's next page of the list is on another host")
    first = next((int(row["Id"]) for row in rows), None)
    return see_rows(rows, upn, required, _VERSION, whole=url is None), first


async def _page(site: Site, url: str) -> _Page:
    headers = {"Accept": "application/json;odata=minimalmetadata"}
    answer = await site.send("GET", url, READ_UNITS, headers=headers)
    if answer.status != 200:
        raise refusal(answer, "Reading the rows of the list")
    return answer.json(_Page)


async def _try_write(site: Site, items: str, row: int, columns: Sequence[ColumnSeen]) -> WriteSeen | None:
    """A form whose only field is one of ours with a value that it cannot take: it is answered field by field, and
    nothing is saved. Who may not write is refused as a whole.
    """
    column = date_column(columns)
    if column is None:
        return None
    form = {
        "formValues": [{"FieldName": column.internal, "FieldValue": NO_DATE}],
        "bNewDocumentUpdate": True,
        "checkInComment": None,
        "datesInUTC": True,
    }
    url, body = f"{items}({row})/ValidateUpdateListItem", msgspec.json.encode(form)
    try:
        answer = await site.send("POST", url, WRITE_UNITS, headers=JSON_HEADERS, body=body, repeatable=False)
        if answer.status != 200:
            raise refusal(answer, "Trying a write")
    except Refused as failure:
        return judged(row, failure)
    except ServiceError as failure:
        return WriteSeen(row, "unanswered", trouble_of(failure).words, trouble_of(failure))
    return WriteSeen(row, "proven")
