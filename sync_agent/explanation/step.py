"""One step of an explanation: what was looked at, how it came out, and what shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sync_agent.explanation.facts import Requests

FactValue = str | int | bool | datetime | None | tuple[str, ...] | tuple[int, ...]


class Part(StrEnum):
    """The chapters of an explanation, in order."""

    ROW = "row"
    RULES = "rules"
    DOMAIN = "domain"
    TENANTS = "tenants"
    PEOPLE = "people"
    DUPLICATES = "duplicates"
    PRESENCE = "presence"
    VERDICT = "verdict"
    HISTORY = "history"


class StepOutcome(StrEnum):
    """wrong: it speaks against the row; unknown: it could not be asked; info: it is no matter of right or wrong."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Step:
    """``text``: for people, foreign characters made visible. ``facts``: the same for machines, cells as they are."""

    part: Part
    title: str
    outcome: StepOutcome
    text: str
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    requests: Requests = ()


def complete(steps: Iterable[Step]) -> bool:
    """Whether all that was asked was answered."""
    return all(step.outcome is not StepOutcome.UNKNOWN for step in steps)
