"""What the rows of a list say by themselves: the domains of their UPNs, and what they lack. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sync_agent.check.observed import RowsSeen
from sync_agent.microsoft365.column_kinds import ListColumn

LONGEST = 3.0
"""Seconds for reading rows: what is not read by then is not looked at."""


def see_rows(
    rows: Iterable[Mapping[str, Any]], upn: str, required: Sequence[ListColumn], version: str, *, whole: bool
) -> RowsSeen:
    """``rows``: cells by their names on the wire; ``upn``, ``version``: of those of the UPN and the version."""
    domains: Counter[str] = Counter()
    count = without = 0
    versions = False
    lacking: dict[str, None] = {}
    for row in rows:
        count += 1
        domain = domain_of(row.get(upn))
        if domain:
            domains[domain] += 1
        else:
            without += 1
        versions = versions or str(row.get(version) or "1.0") not in ("1.0", "0.1")
        lacking |= {column.display: None for column in required if row.get(column.wire) in (None, "")}
    return RowsSeen(count, whole, dict(domains), without, versions, tuple(lacking))


def domain_of(cell: object) -> str:
    """In lower case; "" where the cell holds no sign-in name, however wrong."""
    local, at, domain = str(cell or "").strip().rpartition("@")
    domain = domain.casefold()
    return domain if local and at and "." in domain.strip(".") and not any(map(str.isspace, domain)) else ""
