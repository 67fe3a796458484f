"""The report as JSON has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sync_agent.expiry import Warned
from sync_agent.outcome import in_json
from sync_agent.report.administrator import advice
from sync_agent.report.content import Content, Group
from sync_agent.state.store import AnomalyRecord, FreshnessRecord, PassRecord


def document(content: Content) -> dict[str, Any]:
    """The same values as the other forms. Times are ISO 8601 in UTC, ages whole days."""
    return {
        "made": content.made.isoformat(),
        "list": content.last.list_title,
        "rows": content.last.rows,
        "held": content.held,
        "status": {str(status): count for status, count in content.last.status.items()},
        "by_code": dict(content.by_code),
        "by_tenant": _counts(content.tenants),
        "by_team": _counts(content.teams),
        "by_age": _counts(content.ages),
        "acknowledged": content.acknowledged,
        "anomalies": [_anomaly(content, anomaly) for anomaly in content.anomalies],
        "administrator": {group.name: asdict(advice(group.name)) for group in content.codes},
        "unwritten": [{"row": id_, "reason": in_json(reason)} for id_, reason in content.unwritten.items()],
        "freshness": None if content.freshness is None else _freshness(content.freshness),
        "credentials": [_credential(each) for each in content.credentials],
        "days": [_day(day) for day in content.days],
    }


def _freshness(record: FreshnessRecord) -> dict[str, Any]:
    """Ages in seconds; ``right`` and ``never_read`` are rows."""
    return {"at": record.at.isoformat(), **asdict(record.found)}


def _credential(near: Warned) -> dict[str, Any]:
    """What an account signs in with, 30 days before its end and nearer; ``days`` are negative once it is over."""
    end = near.end
    told = {"ends": end.ends.isoformat(), "days": near.days, "message": near.sentence}
    return {"account": end.account, "setting": end.setting, **told}


def _counts(groups: list[Group]) -> dict[str, int]:
    return {group.name: group.count for group in groups}


def _anomaly(content: Content, anomaly: AnomalyRecord) -> dict[str, Any]:
    return {
        "row": anomaly.row_id,
        "upn": in_json(anomaly.upn),
        "name": in_json(anomaly.name),
        "team": in_json(anomaly.team) or None,
        "account": anomaly.account or None,
        "tenant": content.tenant(anomaly),
        "code": anomaly.code,
        "severity": anomaly.severity,
        "message": in_json(anomaly.message),
        "suggestion": in_json(anomaly.suggestion),
        "object_id": content.users.get(anomaly.row_id),
        "opened": anomaly.opened.isoformat(),
        "seen": anomaly.seen.isoformat(),
        "days": content.standing(anomaly).days,
        "times": anomaly.times,
    }


def _day(day: PassRecord) -> dict[str, Any]:
    return {
        "day": day.started.date().isoformat(),
        "rows": day.rows,
        "status": {str(status): count for status, count in day.status.items()},
    }
