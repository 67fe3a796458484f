"""Approved fixes by SharePoint REST: the one write to a column of people's.

By MERGE, for the form that our own columns are written with takes no ETag, and adds no version: here a version and a
new Modified are wanted, since what people see of the row's history must show what became of their cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from sync_agent.microsoft365.cells import fixed_cells
from sync_agent.microsoft365.columns import Columns
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.list_answers import without_version
from sync_agent.microsoft365.sharepoint_batch import Post
from sync_agent.microsoft365.sharepoint_bulk import WRITE_UNITS, Site
from sync_agent.microsoft365.side_by_side import each
from sync_agent.model import Fix

_AT_ONCE = 4


async def write_fixes(site: Site, list_id: str, columns: Columns, fixes: Sequence[Fix]) -> list[ServiceError | None]:
    """An answer each; a row whose version is not known is not written."""
    return await each(partial(_write, site, list_id, columns), fixes, _AT_ONCE)


async def _write(site: Site, list_id: str, columns: Columns, fix: Fix) -> ServiceError | None:
    if fix.row.etag is None:
        return without_version(fix)
    url = f"{site.url}/_api/web/lists(guid'{list_id}')/items({fix.row.id})"
    body = msgspec.json.encode(fixed_cells(columns, fix))
    try:
        await site.budget.spend(WRITE_UNITS)
        answer = await site.post_one(Post(url, body, {"X-HTTP-Method": "MERGE", "IF-MATCH": fix.row.etag}))
    except ServiceError as error:
        return error
    return site.failure(answer, f"Writing the UPN of row {fix.row.id}")
