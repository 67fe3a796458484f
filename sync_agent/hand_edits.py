"""The list as it was known x as it was read -> rows whose presence cells a person changed.

Presence is not journalled, so it is known only from what this process read and wrote before. Each write of the service,
of another copy of it and of an undo sets SyncChangedAt too: where that is the same and presence is not, none of them
was it. In doubt nobody is said to have.
"""

from __future__ import annotations

from collections.abc import Mapping

from sync_agent.model import Row, Shown


def presence_edited(known: Mapping[int, Row], read: Mapping[int, Row | None]) -> frozenset[int]:
    """Ids of rows; ``read``: those that may be other now, None where the row is gone."""
    return frozenset(
        row_id
        for row_id, row in read.items()
        if row is not None and (before := known.get(row_id)) is not None and before is not row
        if _edited(before.shown, row.shown)
    )


def _edited(before: Shown, now: Shown) -> bool:
    if before.sync_changed_at is None or before.sync_changed_at != now.sync_changed_at:
        return False
    return _presence(before) != _presence(now)


def _presence(shown: Shown) -> tuple[object, ...]:
    return shown.presence, shown.activity, shown.presence_changed_at
