"""The first steps: the row as it was read, the rules one by one, and what its cell is taken for."""

from __future__ import annotations

from collections.abc import Iterator

from sync_agent.characters import joined, printable
from sync_agent.explanation.facts import Facts
from sync_agent.explanation.step import Part, Step, StepOutcome
from sync_agent.model import Found
from sync_agent.upn import RULES, Rule, consulted, examine
from sync_agent.upn_reading import read

LONGEST_CELL = 120
_MOST_NAMED = 5


def row_step(facts: Facts) -> Step:
    row, shown = facts.row, facts.row.shown
    told: dict[str, str | None] = {
        "upn": row.upn,
        "name": row.name,
        "status": shown.status,
        "anomalies": shown.anomalies,
        "account": shown.account,
        "object_id": shown.object_id,
        "presence": shown.presence,
        "etag": row.etag,
    }
    return Step(Part.ROW, "The row", StepOutcome.INFO, " ".join(_row_told(facts)), told, facts.list_requests)


def rule_steps(facts: Facts) -> Iterator[Step]:
    """In the order of the catalogue; a rule that is no longer asked says so."""
    asked = dict(consulted(read(facts.row.upn or "")))
    name = examine(facts.row.upn).name
    lifted = name is not None and isinstance(facts.matches.get(name), Found)
    for rule in RULES:
        if rule not in asked:
            outcome, text = StepOutcome.INFO, "Not asked: another rule has settled it."
        elif (wrong := asked[rule]) is None:
            outcome, text = StepOutcome.OK, rule.sentence
        elif lifted:
            outcome, text = StepOutcome.INFO, f"{wrong} But a tenant has a user of this very name, and knows better."
        else:
            outcome, text = (
                StepOutcome.WRONG,
                f"{wrong}\nThe rule: {rule.sentence} {rule.source.title}, {rule.source.url}",
            )
        yield Step(Part.RULES, rule.code, outcome, text, _of_rule(rule, asked.get(rule)))
    yield _reading_step(facts)


def quoted(text: str | None) -> str:
    """A cell, or a name, for a sentence: where it begins and ends can be seen, and so can what is invisible in it."""
    return f"“{printable(text or '', LONGEST_CELL)}”"


def rows_named(ids: tuple[int, ...]) -> str:
    """`row 3`, `rows 3, 5 and 2 more`."""
    named = [str(id_) for id_ in ids[:_MOST_NAMED]]
    if len(ids) > _MOST_NAMED:
        named.append(f"{len(ids) - _MOST_NAMED:,} more")
    return f"{'row' if len(ids) == 1 else 'rows'} {joined(named)}"


def _row_told(facts: Facts) -> Iterator[str]:
    title, row = printable(facts.list_title), facts.row
    cell = f"The UPN cell holds {quoted(row.upn)}" if row.upn else "The UPN cell is empty"
    if facts.assumed:
        yield f"None of the {facts.rows:,} rows of {title} has {quoted(row.upn)}; this is what one would get."
        return
    yield f"Row {row.id} of {title}, which has {facts.rows:,}. {cell}, the name beside it is {quoted(row.name)}."
    yield f"It shows {printable(row.shown.status)}." if row.shown.status else "It shows no verdict yet."
    if facts.also:
        verb = "has" if len(facts.also) == 1 else "have"
        yield f"{rows_named(facts.also).capitalize()} {verb} it too, and can be explained by id."


def _of_rule(rule: Rule, wrong: str | None) -> dict[str, str | None]:
    return {"rule": rule.sentence, "found": wrong, "source": rule.source.title, "url": rule.source.url}


def _reading_step(facts: Facts) -> Step:
    reading, findings = read(facts.row.upn or ""), examine(facts.row.upn)
    text = []
    if findings.name is not None:
        text.append(f"The tenants are asked for {quoted(findings.name)}.")
    if findings.candidate is not None:
        text.append(f"It probably means {quoted(findings.candidate)}, which is asked for to suggest it.")
    if not text:
        text.append("There is no name in it that a tenant could be asked for.")
    told = {"name": findings.name, "means": findings.candidate, "wrapping": reading.wrapping or None}
    return Step(Part.RULES, "read as", StepOutcome.INFO, " ".join(text), told)
