"""Verdicts and presences x what the rows show -> the changes that make the rows show what is true.

A plan is a value: it is printed, counted and judged before the first write. Made again after it was applied, from the
same world, it is empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from operator import itemgetter

from msgspec import structs

from sync_agent.characters import as_line
from sync_agent.model import (
    SHOWN_AS,
    Anomaly,
    CellValue,
    Change,
    Code,
    OurColumn,
    Presence,
    Row,
    Shown,
    Status,
    Verdict,
)
from sync_agent.new_cells import NewCells
from sync_agent.reconcile import first_seen, shows_user

LONGEST_ANOMALIES = 6_000
"""Of ours, for SyncAnomalies: a person reads it in the list."""

_LIVE = frozenset({OurColumn.PRESENCE, OurColumn.ACTIVITY, OurColumn.PRESENCE_CHANGED_AT, OurColumn.SYNC_CHANGED_AT})
"""Columns that move while an operator thinks about a plan. No fuse judges them, so no approval is bound to them."""

_EXPLAINED: Mapping[str, Code] = {
    Code.USER_DELETED: Code.USER_NOT_FOUND,
    Code.UPN_IS_ALIAS: Code.USER_NOT_FOUND,
    Code.USER_RENAMED: Code.USER_NOT_FOUND,
}
"""What becomes of these while a tenant answers that nobody has the name, but not what else it knows of it."""
_VERDICTS_SHOWN = frozenset({Status.OK, Status.WARNING, Status.ERROR})


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes of one pass, before any is made."""

    changes: tuple[Change, ...] = ()

    @property
    def checksum(self) -> str:
        """Bound to the rows as they were read (id, version, UPN, name) and to what becomes of their verdicts.

        Presence and the times are left out: the same plan has the same checksum a minute later.
        """
        decided = sorted(filter(None, map(_decided, self.changes)), key=itemgetter(0))
        return sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:16]


def plan(
    rows: Sequence[Row], verdicts: Mapping[int, Verdict], presences: Mapping[str, Presence], now: datetime
) -> Plan:
    """``verdicts`` by row id, one for each row; ``presences`` by user id, as far as they were answered."""
    changes, stamp = [], _whole_seconds(now)
    for row in rows:
        verdict = verdicts[row.id]
        presence = None if verdict.user is None else presences.get(verdict.user.id)
        if values := _differences(row.shown, desired(verdict, presence, row.shown)):
            changes.append(Change(row, NewCells({**values, OurColumn.SYNC_CHANGED_AT: stamp})))
    return Plan(tuple(changes))


def desired(verdict: Verdict, presence: Presence | None, shown: Shown) -> Shown:
    """What the row should show. SyncChangedAt is as it is: it follows from the others."""
    if _is_no_news(verdict, shown):
        return shown
    availability, activity, since = _desired_presence(verdict, presence, shown)
    account_stays = verdict.stale and verdict.user is None
    return Shown(
        status=verdict.status.value,
        anomalies=shown.anomalies if _is_told(verdict, shown) else _anomalies_text(verdict.anomalies),
        account=shown.account if account_stays else as_line(verdict.account),
        object_id=_desired_object_id(verdict, shown),
        presence=availability,
        activity=activity,
        presence_changed_at=since,
        sync_changed_at=shown.sync_changed_at,
    )


def written(change: Change, etag: str | None) -> Row:
    """The row as the change leaves it; ``etag`` is its new one, None where the API told none."""
    cells = {**_cells(change.row.shown), **change.values}
    texts = {column: value if isinstance(value, str) else "" for column, value in cells.items()}
    times = {column: value if isinstance(value, datetime) else None for column, value in cells.items()}
    shown = Shown(
        status=texts[OurColumn.STATUS],
        anomalies=texts[OurColumn.ANOMALIES],
        account=texts[OurColumn.ACCOUNT],
        object_id=texts[OurColumn.OBJECT_ID],
        presence=texts[OurColumn.PRESENCE],
        activity=texts[OurColumn.ACTIVITY],
        presence_changed_at=times[OurColumn.PRESENCE_CHANGED_AT],
        sync_changed_at=times[OurColumn.SYNC_CHANGED_AT],
    )
    return structs.replace(change.row, shown=shown, etag=etag)


def judged_values(change: Change) -> dict[OurColumn, CellValue]:
    """What fuses and approvals are about: the change without presence and times."""
    return {column: value for column, value in change.values.items() if column not in _LIVE}


def _is_no_news(verdict: Verdict, shown: Shown) -> bool:
    """A failed request is none: neither takes it a verdict away, nor the suggestion that goes with one."""
    if verdict.stale:
        return False
    if verdict.status is Status.UNKNOWN and shown.status in _VERDICTS_SHOWN:
        return not verdict.renamed
    if shown.status != verdict.status or not (verdict.unsure or verdict.status is Status.UNKNOWN):
        return False
    codes = [line.partition(":")[0] for line in _lines(shown.anomalies)]
    now = [anomaly.code for anomaly in verdict.anomalies]
    return [_EXPLAINED.get(code, code) for code in codes] == [_EXPLAINED.get(code, code) for code in now]


def _desired_object_id(verdict: Verdict, shown: Shown) -> str:
    if verdict.user is not None:
        return as_line(verdict.user.id)
    return "" if verdict.edited or verdict.renamed else shown.object_id


def _is_told(verdict: Verdict, shown: Shown) -> bool:
    """What is stale is told once, whatever the reason is by now."""
    if not verdict.stale or shown.status != verdict.status:
        return False
    return [line.partition(":")[0] for line in _lines(shown.anomalies)] == [each.code for each in verdict.anomalies]


def _desired_presence(verdict: Verdict, presence: Presence | None, shown: Shown) -> tuple[str, str, datetime | None]:
    """Without an answer in this pass, what is shown stays, if it is this user's and not stale."""
    user = verdict.user
    if user is None or verdict.presence_stale:
        return "", "", None
    if presence is not None:
        since = first_seen(presence, user, shown)
        return as_line(presence.availability), as_line(presence.activity), _whole_seconds(since)
    if shows_user(shown, user):
        return shown.presence, shown.activity, shown.presence_changed_at
    return "", "", None


def _cells(shown: Shown) -> dict[OurColumn, CellValue]:
    return {column: getattr(shown, attribute) for column, attribute in SHOWN_AS.items()}


def _differences(shown: Shown, wanted: Shown) -> dict[OurColumn, CellValue]:
    if wanted == shown:
        return {}
    differing: dict[OurColumn, CellValue] = {
        column: value
        for column, attribute in SHOWN_AS.items()
        if (value := getattr(wanted, attribute)) != getattr(shown, attribute)
    }
    if OurColumn.ANOMALIES in differing and _lines(wanted.anomalies) == _lines(shown.anomalies):
        del differing[OurColumn.ANOMALIES]
    return differing


def _lines(note: str) -> list[str]:
    """SharePoint keeps a note's line ends and outer blanks as it likes: they are no difference."""
    return [line.strip() for line in note.splitlines() if line.strip()]


def _anomalies_text(anomalies: Sequence[Anomaly]) -> str:
    if not anomalies:
        return ""
    text = "\n".join(anomaly.line for anomaly in anomalies)
    return text if len(text) <= LONGEST_ANOMALIES else text[: LONGEST_ANOMALIES - 1] + "…"


def _whole_seconds(moment: datetime) -> datetime:
    """In UTC: SharePoint keeps no fractions, and a row must show what it was made to show."""
    if moment.tzinfo is UTC and not moment.microsecond:
        return moment
    return moment.astimezone(UTC).replace(microsecond=0)


def _decided(change: Change) -> list[object] | None:
    """What the checksum is made of; None for a change that judges nothing."""
    row, values = change.row, judged_values(change)
    return [row.id, row.etag, row.upn, row.name, values] if values else None
