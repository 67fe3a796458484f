"""Which items a query of SharePoint REST means, and in what order: $filter, $orderby, $top, $skiptoken.

$skip is not among them: SharePoint ignores it for list items.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sync_agent.simulator.lists import VIEW_THRESHOLD, ListColumn, SharePointList
from sync_agent.simulator.rest_access import INVALID
from sync_agent.simulator.wire import Call, Failure

_LARGEST_PAGE = 5_000
_DEFAULT_PAGE = 100


def page_size(call: Call) -> int:
    top = call.query.get("$top", str(_DEFAULT_PAGE))
    if not top.isdigit() or not 1 <= int(top) <= _LARGEST_PAGE:
        raise Failure(400, INVALID, "The value of $top is out of range.")
    return int(top)


def wanted_ids(call: Call, found: SharePointList) -> list[int]:
    """Raises Failure where a large list would have to be searched or sorted without an index."""
    return _ordered(found, _filtered(found, call.query.get("$filter")), call.query.get("$orderby"))


def following_ids(ids: Sequence[int], token: str | None) -> Sequence[int]:
    """Those after the last one of the page before."""
    last = re.search(r"p_ID=(\d+)", token or "")
    if last is None:
        return ids
    at = int(last[1])
    return ids[ids.index(at) + 1 :] if at in ids else [id_ for id_ in ids if id_ > at]


def _filtered(found: SharePointList, text: str | None) -> list[int]:
    """By `Id eq n or Id eq m …`, or by a comparison of one column."""
    if text is None:
        return sorted(found.items)
    clauses = [clause.strip(" ()") for clause in re.split(r"\s+or\s+", text.strip())]
    by_id = [re.fullmatch(r"(?:Id|ID) eq (\d+)", clause) for clause in clauses]
    if all(by_id):
        return sorted({int(match[1]) for match in by_id if match} & found.items.keys())
    matched = re.fullmatch(r"(\w+) eq '((?:[^']|'')*)'", text.strip())
    column = found.columns.get(matched[1]) if matched else None
    if matched is None or column is None:
        raise Failure(400, INVALID, f'The expression "{text}" is not valid.')
    _indexed(found, column)
    value = matched[2].replace("''", "'").lower()
    return sorted(
        id_ for id_, item in found.items.items() if str(item.fields.get(column.internal) or "").lower() == value
    )


def _ordered(found: SharePointList, ids: list[int], order: str | None) -> list[int]:
    if order is None:
        return ids
    name, _, direction = order.partition(" ")
    backwards = direction.strip().lower() == "desc"
    if name.upper() == "ID":
        return sorted(ids, reverse=backwards)
    column = found.columns.get(name)
    if column is None:
        raise Failure(400, "-1, Microsoft.SharePoint.SPException", f"Column '{name}' does not exist.")
    _indexed(found, column)
    return sorted(ids, key=lambda id_: str(found.items[id_].fields.get(name) or "").lower(), reverse=backwards)


def _indexed(found: SharePointList, column: ListColumn) -> None:
    if not column.indexed and len(found.items) > VIEW_THRESHOLD:
        message = "The attempted operation is prohibited because it exceeds the list view threshold."
        raise Failure(500, "-2147024860, Microsoft.SharePoint.SPQueryThrottledException", message)
