"""What one target is to be told: what is new since the last digest, and what it missed of earlier ones."""

from __future__ import annotations

from collections.abc import Iterable

from sync_agent.model import Severity
from sync_agent.state.records import AnomalyRecord, Digest

_RANK = {str(severity): rank for rank, severity in enumerate(Severity)}


def due(fresh: Digest, missed: Digest | None = None, least: Severity = Severity.INFO) -> Digest:
    """Both together, from the severity ``least`` on, the worst first. What came and went without the target hearing of
    it is left out.

    ``missed``: what other targets were told and this one was not, as it is by now.
    """
    if missed is None:
        return Digest(_sorted(fresh.new, least), _sorted(fresh.resolved, least), fresh.until)
    unheard = {one.id for one in missed.new}
    new = [one for one in missed.new if one.resolved is None and not one.acknowledged]
    resolved = [one for one in fresh.resolved if one.id not in unheard]
    return Digest(_sorted([*new, *fresh.new], least), _sorted([*missed.resolved, *resolved], least), fresh.until)


def _sorted(records: Iterable[AnomalyRecord], least: Severity) -> tuple[AnomalyRecord, ...]:
    """Each life once."""
    by_id = {one.id: one for one in records if _rank(one) <= _RANK[least]}
    return tuple(sorted(by_id.values(), key=lambda one: (_rank(one), one.row_id, one.code)))


def _rank(record: AnomalyRecord) -> int:
    return _RANK.get(record.severity, 0)
