"""What a report says, whatever its form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sync_agent.state.store import AnomalyRecord, PassRecord, Store

TREND = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Content:
    """``last`` is the latest pass that no fuse held, ``days`` the last such pass of each day, oldest first.

    ``held``: the fuse that held the pass after it, if there was one.
    """

    made: datetime
    last: PassRecord
    anomalies: Sequence[AnomalyRecord]
    days: Sequence[PassRecord]
    held: str | None = None
    acknowledged: int = 0
    """Anomalies that people have acknowledged as they stand, in the list of anomalies: they are not in here."""

    @property
    def held_note(self) -> str:
        """What a reader must know before all else; empty where there is nothing of the kind."""
        if self.held is None:
            return ""
        return f"The last pass was held by the fuse {self.held}, and is not in here: run `sync-agent sync` to see why."

    @property
    def by_code(self) -> list[tuple[str, int]]:
        return Counter(anomaly.code for anomaly in self.anomalies).most_common()

    def standing(self, anomaly: AnomalyRecord) -> timedelta:
        """How long the anomaly has stood."""
        return self.made - anomaly.opened


class NothingToReport(Exception):
    """No pass has been made yet."""


def gather(store: Store, now: datetime) -> Content:
    """Raises NothingToReport before the first pass, StateUnavailable when the database cannot be read."""
    last, held = store.last_pass(), store.held()
    if last is None:
        why = "no pass has been made" if held is None else "every pass was held by a fuse"
        raise NothingToReport(f"There is nothing to report yet: {why}. Run `sync-agent sync` first.")
    standing = store.open_anomalies(last.list_title)
    counted = [anomaly for anomaly in standing if not anomaly.acknowledged]
    days = store.days(last.list_title, now - TREND)
    return Content(now, last, counted, days, held, acknowledged=len(standing) - len(counted))


def document(content: Content) -> dict[str, Any]:
    """The report as JSON has it."""
    return {
        "made": content.made.isoformat(),
        "list": content.last.list_title,
        "rows": content.last.rows,
        "held": content.held,
        "status": {str(status): count for status, count in content.last.status.items()},
        "by_code": dict(content.by_code),
        "acknowledged": content.acknowledged,
        "anomalies": [
            {
                "row": anomaly.row_id,
                "upn": anomaly.upn,
                "name": anomaly.name,
                "account": anomaly.account or None,
                "code": anomaly.code,
                "severity": anomaly.severity,
                "message": anomaly.message,
                "suggestion": anomaly.suggestion,
                "opened": anomaly.opened.isoformat(),
                "seen": anomaly.seen.isoformat(),
            }
            for anomaly in content.anomalies
        ],
        "days": [
            {
                "day": day.started.date().isoformat(),
                "rows": day.rows,
                "status": {str(s): n for s, n in day.status.items()},
            }
            for day in content.days
        ],
    }
