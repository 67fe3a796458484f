"""The views that the Agent list is to have. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from sync_agent.microsoft365.column_kinds import ListColumn
from sync_agent.microsoft365.columns import Columns
from sync_agent.model import OurColumn, Status

ATTENTION_VIEW = "Agents needing attention"
PRESENCE_VIEW = "Presence"


@dataclass(frozen=True, slots=True)
class View:
    """``fields``: internal names of the columns, from left to right; ``query``: which rows, in CAML, "" for all."""

    title: str
    fields: tuple[str, ...]
    query: str = ""

    def shows_the_same(self, other: View) -> bool:
        return self.fields == other.fields and _plain(self.query) == _plain(other.query)


def wanted_views(columns: Columns) -> list[View]:
    """``columns``: all of ours among them. Where presence stands in another list, there is no view of it."""
    people = [_linked(columns.name), columns.upn.internal]
    approval = [] if columns.approval is None else [columns.approval.internal]
    attention = _internal(columns, OurColumn.STATUS, OurColumn.ANOMALIES, OurColumn.SYNC_CHANGED_AT)
    query = _attention(columns.ours[OurColumn.STATUS].internal)
    views = [View(ATTENTION_VIEW, _once([*people, *approval, *attention]), query)]
    if OurColumn.PRESENCE in columns.held:
        presence = _internal(columns, OurColumn.PRESENCE, OurColumn.ACTIVITY, OurColumn.PRESENCE_CHANGED_AT)
        status = columns.ours[OurColumn.STATUS].internal
        # All rows in the order of their ids: sorted or grouped by presence, a list of over 5,000 could not be shown.
        views.append(View(PRESENCE_VIEW, _once([*people, *presence, status])))
    return views


def _linked(name: ListColumn) -> str:
    return "LinkTitle" if name.internal == "Title" else name.internal


def _internal(columns: Columns, *wanted: OurColumn) -> list[str]:
    return [columns.ours[our].internal for our in wanted]


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _attention(column: str) -> str:
    """Rows whose status is anything but OK, once it is known."""
    error, warning, unknown = (
        f'<Eq><FieldRef Name={quoteattr(column)}/><Value Type="Choice">{status}</Value></Eq>'
        for status in (Status.ERROR, Status.WARNING, Status.UNKNOWN)
    )
    return f"<Where><Or><Or>{error}{warning}</Or>{unknown}</Or></Where>"


def _plain(query: str) -> str:
    """SharePoint may lay the XML out otherwise than it was given."""
    return re.sub(r"\s+(?=/?>)|(?<=>)\s+|\s+(?=<)", "", query).replace("'", '"')
