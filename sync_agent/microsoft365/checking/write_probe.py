"""What the refusal of a write says that was never to be carried out. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from sync_agent.check.observed import ColumnSeen, WriteSeen
from sync_agent.microsoft365.column_kinds import Kind
from sync_agent.microsoft365.errors import Refused
from sync_agent.model import OurColumn

NO_DATE = "not a date"
_OF_THE_PROBE = frozenset({400, 409, 412, 423})
"""What is wrong with the probe itself, or with one row that somebody has checked out: the right to write was there."""


def date_column(columns: Sequence[ColumnSeen]) -> ColumnSeen | None:
    """Of ours one that takes dates alone, in which the probe's text can never be kept; None where there is none."""
    for column in columns:
        is_date = column.kind in (Kind.TIME, Kind.DATE)
        if column.role == OurColumn.SYNC_CHANGED_AT and column.state == "found" and is_date:
            return column
    return None


def judged(row: int, failure: Refused) -> WriteSeen:
    said = ": ".join(filter(None, (failure.code, failure.message.rstrip(".")))) or "no reason given"
    words = f"{failure.status}, {said}"
    if failure.status in {401, 403}:
        return WriteSeen(row, "not_granted", words)
    return WriteSeen(row, "proven" if failure.status in _OF_THE_PROBE else "refused", words)
