"""Anomalies and passes as the history gives them, for tests of what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sync_agent.model import Code, Status
from sync_agent.report.content import Content
from sync_agent.state.store import AnomalyRecord, PassRecord

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def record(
    row_id: int = 1,
    code: Code = Code.USER_NOT_FOUND,
    *,
    stands: timedelta = timedelta(hours=5),
    upn: str | None = "jane@contoso.com",
    name: str = "Jane Doe",
    account: str = "contoso.com",
    team: str = "",
    message: str = "Nobody in contoso.com has this UPN. Check the spelling.",
    suggestion: str | None = None,
    times: int = 1,
) -> AnomalyRecord:
    opened = NOW - stands
    return AnomalyRecord(
        row_id,
        str(code),
        str(code.severity),
        upn,
        name,
        account,
        message,
        suggestion,
        opened,
        NOW,
        None,
        times=times,
        team=team,
    )


def a_pass(
    days_ago: int = 0, *, ok: int = 10, warning: int = 0, error: int = 0, unknown: int = 0, hour: int = 7
) -> PassRecord:
    started = (NOW - timedelta(days=days_ago)).replace(hour=hour)
    status = {Status.OK: ok, Status.WARNING: warning, Status.ERROR: error, Status.UNKNOWN: unknown}
    return PassRecord("Agents", started, 1.0, sum(status.values()), status, 0)


def content(anomalies: Sequence[AnomalyRecord] = (), days: Sequence[PassRecord] = (), **other: object) -> Content:
    last = days[-1] if days else a_pass(error=len(anomalies))
    return Content(NOW, last, anomalies, days, **other)  # type: ignore[arg-type]
