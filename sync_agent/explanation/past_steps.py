"""The steps that the history gives: since when, how often, and how a row stood at another time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sync_agent.characters import printable
from sync_agent.explanation.cell import quoted, rows_named
from sync_agent.explanation.facts import Facts
from sync_agent.explanation.past import RowPast, Then
from sync_agent.explanation.standing import anomaly_steps, outcome_of, time_of
from sync_agent.explanation.step import FactValue, Part, Step, StepOutcome
from sync_agent.model import Status
from sync_agent.state.records import AnomalyRecord, JournalEntry, PassRecord, VerdictRecord


def live_history_steps(facts: Facts) -> Iterator[Step]:
    """Beside what was asked live; nothing where there is no history."""
    past = facts.past
    if past is None or past.last_pass is None:
        return
    yield Step(Part.HISTORY, "last pass", StepOutcome.INFO, _last_pass(past, past.last_pass), _pass(past.last_pass))
    for life in past.standing:
        yield _life_step(life)
    yield from map(_fix_step, past.fixed)


def past_steps(then: Then) -> Iterator[Step]:
    """How the row stood then: what it held, the verdict in the words of then, and the passes around it."""
    verdict = then.verdict
    if verdict is None:
        yield Step(Part.ROW, "The row", StepOutcome.UNKNOWN, _nothing_known(then))
    else:
        yield _row_step(then, verdict)
        yield Step(Part.VERDICT, "Status", outcome_of(verdict.status), _status(verdict), _of_verdict(verdict))
        yield from anomaly_steps(verdict.anomalies)
        yield Step(Part.HISTORY, "It stood", StepOutcome.INFO, _stood(verdict))
        for title, other in (("before", then.before), ("afterwards", then.after)):
            if other is not None:
                yield Step(Part.HISTORY, title, StepOutcome.INFO, _other(other), _of_verdict(other))
    yield from map(_fix_step, then.fixed)
    for title, one in (("last pass", then.pass_before), ("next pass", then.pass_after)):
        if one is not None:
            yield Step(Part.HISTORY, title, StepOutcome.INFO, _pass_told(one), _pass(one))
    yield Step(Part.HISTORY, "reaches back", StepOutcome.INFO, _reaches_back(then.reaches_back_to))


def _row_step(then: Then, verdict: VerdictRecord) -> Step:
    text = f"On {time_of(then.at)} row {verdict.row_id} of {printable(then.list_title)} held {quoted(verdict.upn)}"
    named = f", the name beside it was {quoted(verdict.name)}"
    team = f", the team {quoted(verdict.team)}" if verdict.team else ""
    also = f" So did {rows_named(then.also)}." if then.also else ""
    told: dict[str, FactValue] = {"upn": verdict.upn, "name": verdict.name, "team": verdict.team}
    return Step(Part.ROW, "The row", StepOutcome.INFO, f"{text}{named}{team}.{also}", told)


def _nothing_known(then: Then) -> str:
    if then.row_id is None:
        return f"On {time_of(then.at)} no row is known to have held {quoted(then.asked)}."
    return f"On {time_of(then.at)} nothing is known of row {then.row_id}: it was not in the list, or in no pass."


def _status(verdict: VerdictRecord) -> str:
    if verdict.user_id:
        return f"{verdict.status}: the row led to {quoted(verdict.user_upn)}, found by account {_account(verdict)}."
    if verdict.status is Status.UNKNOWN:
        return f"{verdict.status}: who it was could not be asked."
    return f"{verdict.status}: the row led to no user."


def _account(verdict: VerdictRecord) -> str:
    return printable(verdict.account)


def _stood(verdict: VerdictRecord) -> str:
    until = "and still does" if verdict.until is None else f"until {time_of(verdict.until)}"
    return f"So since {time_of(verdict.since)}, {until}."


def _other(verdict: VerdictRecord) -> str:
    codes = ", ".join(str(anomaly.code) for anomaly in verdict.anomalies)
    until = "" if verdict.until is None else f" until {time_of(verdict.until)}"
    told = f"{verdict.status}{f' ({codes})' if codes else ''}"
    return f"{told} from {time_of(verdict.since)}{until}, with {quoted(verdict.upn)} in the cell."


def _last_pass(past: RowPast, last: PassRecord) -> str:
    verdict = past.verdict
    if verdict is None:
        return f"Of {time_of(last.started)}, in which this row was not."
    return f"Of {time_of(last.started)}. Its verdict, {verdict.status}, stands since {time_of(verdict.since)}."


def _life_step(life: AnomalyRecord) -> Step:
    often = "" if life.times == 1 else f", for the {_ordinal(life.times)} time"
    acknowledged = " People have acknowledged it." if life.acknowledged else ""
    told: dict[str, FactValue] = {"opened": life.opened, "times": life.times, "acknowledged": life.acknowledged}
    text = f"Stands since {time_of(life.opened)}{often}.{acknowledged}"
    return Step(Part.HISTORY, life.code, StepOutcome.INFO, text, told)


def _fix_step(entry: JournalEntry) -> Step:
    told: dict[str, FactValue] = {"at": entry.at, "before": entry.before, "after": entry.after, "why": entry.why}
    text = f"On {time_of(entry.at)}, from {quoted(entry.before)} to {quoted(entry.after)}: {printable(entry.why, 300)}."
    return Step(Part.HISTORY, printable(entry.column), StepOutcome.INFO, text, told)


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(0 if 10 <= number % 100 < 20 else number % 10, "th")
    return f"{number:,}{ending}"


def _pass_told(one: PassRecord) -> str:
    counts = ", ".join(f"{one.status[status]:,} {status}" for status in Status)
    return f"Of {time_of(one.started)}: {one.rows:,} rows, {counts}."


def _pass(one: PassRecord) -> dict[str, FactValue]:
    return {"started": one.started, "rows": one.rows}


def _of_verdict(verdict: VerdictRecord) -> dict[str, FactValue]:
    return {
        "status": str(verdict.status),
        "upn": verdict.upn,
        "account": verdict.account,
        "user_id": verdict.user_id or None,
        "since": verdict.since,
        "until": verdict.until,
    }


def _reaches_back(first: datetime | None) -> str:
    return "No pass over this list is known." if first is None else f"The history begins on {time_of(first)}."
