"""Passes for tests that start where a pass has ended."""

from __future__ import annotations

from datetime import UTC, datetime

from sync_agent.model import Anomaly, Code, Row, Severity, Status, Verdict
from sync_agent.outcome import AccountState, Outcome, Writes

STARTED = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def anomaly(code: Code, suggestion: str | None = None) -> Anomaly:
    return Anomaly(code, f"It is {code}.", "Mend it.", suggestion)


def outcome(
    anomalies: dict[int, list[Anomaly]],
    *,
    rows: int = 5,
    started: datetime = STARTED,
    names: dict[int, str] | None = None,
    upns: dict[int, str | None] | None = None,
) -> Outcome:
    """A pass over ``rows`` rows, of which those in ``anomalies`` have something wrong."""
    ids = range(1, rows + 1)
    return Outcome(
        started=started,
        seconds=1.5,
        list_title="Agents",
        rows={i: Row(i, (upns or {}).get(i, f"agent{i}@contoso.com"), (names or {}).get(i, f"Agent {i}")) for i in ids},
        verdicts={i: _verdict(i, anomalies.get(i, [])) for i in ids},
        writes=Writes(planned=rows, done=rows),
        accounts={"contoso": AccountState(rows)},
    )


def _verdict(row_id: int, anomalies: list[Anomaly]) -> Verdict:
    return Verdict(row_id, _status(anomalies), tuple(anomalies), account="contoso")


def _status(anomalies: list[Anomaly]) -> Status:
    severities = {anomaly.severity for anomaly in anomalies}
    if Severity.ERROR in severities:
        return Status.ERROR
    if Severity.INFO in severities:
        return Status.UNKNOWN
    return Status.WARNING if severities else Status.OK
