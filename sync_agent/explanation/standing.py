"""The last steps: the row among the others, its user's presence, the verdict, and what becomes of the row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from sync_agent.characters import printable
from sync_agent.explanation.cell import LONGEST_CELL, quoted, rows_named
from sync_agent.explanation.facts import Approval, Duplicates, Facts, PresenceFacts
from sync_agent.explanation.step import FactValue, Part, Step, StepOutcome
from sync_agent.explanation.tenants import licence_of, reason_of
from sync_agent.model import (
    APPROVAL_COLUMN,
    Anomaly,
    CellValue,
    Change,
    CouldNotAsk,
    OurColumn,
    Severity,
    Status,
    User,
    Verdict,
)
from sync_agent.reconcile import PRESENCE_UNKNOWN
from sync_agent.report.administrator import advice

_OUTCOME = {
    Status.OK: StepOutcome.OK,
    Status.WARNING: StepOutcome.WRONG,
    Status.ERROR: StepOutcome.WRONG,
    Status.UNKNOWN: StepOutcome.UNKNOWN,
}


def duplicates_step(facts: Facts) -> Step:
    found = facts.duplicates
    outcome = StepOutcome.WRONG if found.same_upn or found.same_user else StepOutcome.OK
    if found.unsure or (outcome is StepOutcome.OK and _is_unknown(facts)):
        outcome = StepOutcome.UNKNOWN
    told: dict[str, FactValue] = {"same_upn": found.same_upn, "same_user": found.same_user}
    return Step(
        Part.DUPLICATES,
        "Other rows",
        outcome,
        " ".join(_duplicates(found, whose_is_known=not _is_unknown(facts))),
        told,
        found.requests,
    )


def presence_step(facts: Facts) -> Step:
    presence, user = facts.presence, facts.verdict.user
    if user is None or presence.read is None:
        none = "It is not known whose to read." if _is_unknown(facts) else "The row leads to no user, so there is none."
        return Step(Part.PRESENCE, "Presence", StepOutcome.INFO, none)
    if isinstance(presence.read, CouldNotAsk):
        text = f"Could not be asked: {reason_of(presence.read)}."
        return Step(Part.PRESENCE, "Presence", StepOutcome.UNKNOWN, text, {}, presence.requests)
    told: dict[str, FactValue] = {
        "availability": presence.read.availability,
        "activity": presence.read.activity,
        "since": presence.since,
        "teams_licensed": user.teams_licensed,
    }
    unknown = presence.read.availability == PRESENCE_UNKNOWN
    outcome, text = _unknown_presence(presence, user) if unknown else (StepOutcome.OK, _presence(presence))
    return Step(Part.PRESENCE, "Presence", outcome, text, told, presence.requests)


def verdict_steps(facts: Facts) -> Iterator[Step]:
    verdict = facts.verdict
    told: dict[str, FactValue] = {"status": str(verdict.status), "account": verdict.account}
    yield Step(Part.VERDICT, "Status", outcome_of(verdict.status), _status(verdict), told)
    yield from anomaly_steps(verdict.anomalies)
    if not facts.assumed:
        yield _write_step(facts)
    if facts.approval is not None:
        yield _approval_step(facts.approval)


def anomaly_steps(anomalies: Iterable[Anomaly]) -> Iterator[Step]:
    """In the words of the cell, which are the team leader's; beneath them what an administrator needs."""
    for anomaly in anomalies:
        outcome = StepOutcome.UNKNOWN if anomaly.severity is Severity.INFO else StepOutcome.WRONG
        advised = advice(anomaly.code)
        told: dict[str, FactValue] = {
            "severity": str(anomaly.severity),
            "suggestion": anomaly.suggestion,
            "behind": advised.behind,
            "look": advised.look,
        }
        text = f"{anomaly.message}\nFor the administrator: {advised.behind} {advised.look}"
        yield Step(Part.VERDICT, anomaly.code, outcome, text, told)


def outcome_of(status: Status) -> StepOutcome:
    return _OUTCOME[status]


def time_of(moment: datetime | None) -> str:
    return "at an unknown time" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _is_unknown(facts: Facts) -> bool:
    return facts.verdict.status is Status.UNKNOWN


def _duplicates(found: Duplicates, *, whose_is_known: bool) -> Iterator[str]:
    if found.same_upn:
        yield f"The same UPN is in {rows_named(found.same_upn)}."
    if found.same_user:
        yield f"The same user is in {rows_named(found.same_user)}, by another UPN or alias."
    if found.unsure:
        reason = printable(found.unsure.strip().rstrip("."), 300)
        yield f"Whether a row leads to the same user by another name could not be asked: {reason}."
    elif not whose_is_known:
        yield "Whether another row leads to the same user can only be told once it is known who that is."
    elif not found.same_upn and not found.same_user:
        yield "No other row has this UPN or leads to the same user."


def _presence(presence: PresenceFacts) -> str:
    assert not isinstance(presence.read, CouldNotAsk | None)
    availability, activity = printable(presence.read.availability), printable(presence.read.activity)
    doing = "" if activity == availability else f" ({activity})"
    return f"{availability}{doing}, first seen {time_of(presence.since)}."


def _unknown_presence(presence: PresenceFacts, user: User) -> tuple[StepOutcome, str]:
    """As `with_presence` judges it, in words."""
    if user.guest or not user.enabled:
        return StepOutcome.INFO, "Teams knows none, which is to be expected of a guest or a disabled account."
    if user.teams_licensed is False:
        return StepOutcome.WRONG, f"Teams knows none: the user is {licence_of(user)}."
    hours = presence.unavailable_after / timedelta(hours=1)
    since = f"Teams has known none since {time_of(presence.since)}, for a user {licence_of(user)}"
    return StepOutcome.INFO, f"{since}. From {hours:g} hours on that counts as an anomaly."


def _status(verdict: Verdict) -> str:
    if verdict.user is not None:
        who = printable(verdict.user.display_name) or "a user without a name"
        return f"{verdict.status}: the row leads to {who}, found by account {printable(verdict.account)}."
    if verdict.status is Status.UNKNOWN:
        return f"{verdict.status}: who it is could not be asked, and nobody is accused for that."
    return f"{verdict.status}: the row leads to no user, so telephony cannot see a presence."


def _write_step(facts: Facts) -> Step:
    """Whether the row shows it already."""
    title = "In the list"
    if facts.change is None:
        kept = facts.verdict.status is Status.UNKNOWN and facts.row.shown.status != Status.UNKNOWN
        text = "The row keeps what it shows until there is an answer." if kept else "The row shows it already."
        return Step(Part.VERDICT, title, StepOutcome.INFO, text)
    told: dict[str, FactValue] = {str(column): value for column, value in facts.change.values.items()}
    return Step(Part.VERDICT, title, StepOutcome.INFO, f"A pass would write:\n{_written(facts.change)}", told)


def _approval_step(approval: Approval) -> Step:
    told: dict[str, FactValue] = {
        "approved": approval.approved,
        "would_write": approval.code is not None,
        "reason": approval.reason or None,
    }
    text = f"A person approved {quoted(approval.approved)}. "
    if approval.code is not None:
        text += f"A pass would write it into the UPN cell, for {approval.code} suggests it."
    elif approval.reason:
        text += f"It is not followed: {printable(approval.reason, 300)}."
    else:
        text += "There is nothing to be done about the row."
    return Step(Part.VERDICT, APPROVAL_COLUMN, StepOutcome.INFO, text, told)


def _written(change: Change) -> str:
    """SyncChangedAt follows from the others, and is left out."""
    values = {column: value for column, value in change.values.items() if column is not OurColumn.SYNC_CHANGED_AT}
    return "\n".join(f"{column}: {_cell(value)}" for column, value in values.items())


def _cell(value: CellValue) -> str:
    if isinstance(value, datetime):
        return time_of(value)
    return printable(" | ".join((value or "").splitlines()), LONGEST_CELL) or "(empty)"
