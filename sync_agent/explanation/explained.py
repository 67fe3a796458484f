"""The whole explanation of one row, for people and for machines: of now, asked live, or of then, from the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sync_agent.explanation.cell import row_step, rule_steps
from sync_agent.explanation.facts import Facts
from sync_agent.explanation.past import Then
from sync_agent.explanation.past_steps import live_history_steps, past_steps
from sync_agent.explanation.people import people_steps
from sync_agent.explanation.standing import duplicates_step, presence_step, verdict_steps
from sync_agent.explanation.step import FactValue, Part, Step, StepOutcome, complete
from sync_agent.explanation.tenants import domain_steps, tenant_steps
from sync_agent.model import Anomaly, Status
from sync_agent.outcome import Exit, in_json


@dataclass(frozen=True, slots=True)
class RowTold:
    id: int
    upn: str | None
    name: str


@dataclass(frozen=True, slots=True)
class VerdictTold:
    status: Status
    account: str
    user_id: str | None
    anomalies: tuple[Anomaly, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """``row``: None where no row has what was asked for. ``verdict``: None where none is known of then. ``names``: what
    the tenants were asked for; ``would_write``: by column. ``requests``: how many it took, by kind.
    """

    asked: str
    at: datetime
    list_title: str
    row: RowTold | None
    also: tuple[int, ...]
    steps: tuple[Step, ...]
    verdict: VerdictTold | None
    would_write: Mapping[str, FactValue] | None = None
    names: tuple[str, ...] = ()
    requests: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None
    """Why nothing could be found out at all."""

    @property
    def exit_code(self) -> Exit:
        return Exit.DONE if complete(self.steps) else Exit.INCOMPLETE

    def document(self) -> dict[str, Any]:
        """The document of `explain --json`, as docs/explain.md describes it."""
        row = self.row
        document: dict[str, Any] = {
            "asked": in_json(self.asked),
            "at": self.at,
            "list": in_json(self.list_title),
            "row": None if row is None else {"id": row.id, "upn": in_json(row.upn), "name": in_json(row.name)},
            "also": self.also,
            "steps": [_step(step) for step in self.steps],
            "verdict": None if self.verdict is None else _verdict(self.verdict),
            "would_write": None if self.would_write is None else _values(self.would_write),
            "complete": complete(self.steps),
            "requests": dict(sorted(self.requests.items())),
            "seconds": round(self.seconds, 3),
        }
        if self.error is not None:
            document["error"] = in_json(self.error)
        return document


def explained(facts: Facts, requests: Mapping[str, int], seconds: float) -> Explanation:
    row, verdict, change = facts.row, facts.verdict, facts.change
    user_id = None if verdict.user is None else verdict.user.id
    return Explanation(
        asked=facts.asked,
        at=facts.at,
        list_title=facts.list_title,
        row=None if facts.assumed else RowTold(row.id, row.upn, row.name),
        also=facts.also,
        steps=tuple(_steps(facts)),
        verdict=VerdictTold(verdict.status, verdict.account, user_id, verdict.anomalies),
        would_write=None if change is None else {str(column): value for column, value in change.values.items()},
        names=tuple(facts.matches),
        requests=requests,
        seconds=seconds,
    )


def not_explained(asked: str, at: datetime, list_title: str, reason: str, seconds: float) -> Explanation:
    """The list could not be read, so that not even the row is known."""
    unread = Step(Part.ROW, "The list", StepOutcome.UNKNOWN, reason)
    return Explanation(asked, at, list_title, None, (), (unread,), None, seconds=seconds, error=reason)


def explained_then(then: Then, seconds: float) -> Explanation:
    verdict = then.verdict
    return Explanation(
        asked=then.asked,
        at=then.at,
        list_title=then.list_title,
        row=None if verdict is None else RowTold(verdict.row_id, verdict.upn, verdict.name),
        also=then.also,
        steps=tuple(past_steps(then)),
        verdict=None
        if verdict is None
        else VerdictTold(verdict.status, verdict.account, verdict.user_id or None, verdict.anomalies),
        seconds=seconds,
    )


def _steps(facts: Facts) -> Iterator[Step]:
    yield row_step(facts)
    yield from rule_steps(facts)
    yield from domain_steps(facts)
    yield from tenant_steps(facts)
    yield from people_steps(facts)
    yield duplicates_step(facts)
    yield presence_step(facts)
    yield from verdict_steps(facts)
    yield from live_history_steps(facts)


def _step(step: Step) -> dict[str, Any]:
    return {
        "part": str(step.part),
        "title": in_json(step.title),
        "outcome": str(step.outcome),
        "text": in_json(step.text),
        "facts": _values(step.facts),
        "requests": [asdict(request) for request in step.requests],
    }


def _values(facts: Mapping[str, FactValue]) -> dict[str, str | int | bool | datetime | list[Any] | None]:
    return {name: _value(value) for name, value in facts.items()}


def _value(value: FactValue) -> str | int | bool | datetime | list[Any] | None:
    if isinstance(value, tuple):
        return [in_json(each) if isinstance(each, str) else each for each in value]
    return in_json(value) if isinstance(value, str) else value


def _verdict(verdict: VerdictTold) -> dict[str, Any]:
    return {
        "status": str(verdict.status),
        "account": verdict.account,
        "user_id": verdict.user_id,
        "anomalies": [
            {
                "code": str(anomaly.code),
                "severity": str(anomaly.severity),
                "message": in_json(anomaly.message),
                "suggestion": in_json(anomaly.suggestion),
            }
            for anomaly in verdict.anomalies
        ],
    }
