"""Approved fixes by Graph: the one write to a column of people's, each with the row's ETag."""

from __future__ import annotations

from collections.abc import Sequence

from sync_agent.microsoft365.cells import fixed_cells
from sync_agent.microsoft365.columns import Columns
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.graph import Graph, Part
from sync_agent.microsoft365.graph_writing import WRITE_UNITS
from sync_agent.microsoft365.list_answers import without_version
from sync_agent.model import Fix


async def write_fixes(graph: Graph, path: str, columns: Columns, fixes: Sequence[Fix]) -> list[ServiceError | None]:
    """``path``: of the list. An answer each; a row whose version is not known is not written."""
    parts = [_patch(path, columns, fix, fix.row.etag) for fix in fixes if fix.row.etag is not None]
    answers = iter(await graph.batch(parts))
    return [without_version(fix) if fix.row.etag is None else next(answers).failure for fix in fixes]


def _patch(path: str, columns: Columns, fix: Fix, etag: str) -> Part:
    url, body = f"{path}/items/{fix.row.id}/fields", fixed_cells(columns, fix)
    return Part("PATCH", url, headers={"If-Match": etag}, body=body, units=WRITE_UNITS)
