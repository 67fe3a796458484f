"""Who may be meant by a row that leads to no user, and why one is suggested or nobody is."""

from __future__ import annotations

from collections.abc import Iterator

from sync_agent.characters import joined, printable
from sync_agent.detective import Candidate
from sync_agent.explanation.cell import quoted
from sync_agent.explanation.facts import Facts, PeopleFacts
from sync_agent.explanation.step import FactValue, Part, Step, StepOutcome
from sync_agent.model import User

_MOST = 8
_LONGEST_REASON = 300


def people_steps(facts: Facts) -> Iterator[Step]:
    """What was looked for, then whoever came up, the likeliest first."""
    people, former = facts.people, facts.verdict.former
    told: dict[str, FactValue] = {
        "before_the_at": people.lead.locals,
        "domain": people.lead.domain,
        "called": people.lead.called,
        "suggested": None if people.best is None else people.best.found.user.upn,
    }
    outcome = StepOutcome.UNKNOWN if people.silent else StepOutcome.INFO
    text = " ".join(_looked_for(people) if people.asked else ["Nobody has to be looked for."])
    yield Step(Part.PEOPLE, "looked for", outcome, text, told, people.requests)
    if former is not None:
        yield _former_step(former)
    for candidate in people.candidates[:_MOST]:
        yield _candidate_step(candidate, best=candidate is people.best)
    if len(people.candidates) > _MOST:
        more = f"{len(people.candidates) - _MOST:,} more, all less likely."
        yield Step(Part.PEOPLE, "and", StepOutcome.INFO, more)


def _looked_for(people: PeopleFacts) -> Iterator[str]:
    for_ = []
    if people.lead.locals:
        for_.append(f"{joined([quoted(local) for local in people.lead.locals])} before the @")
    if people.lead.called:
        for_.append(f"the name {joined([quoted(name) for name in people.lead.called])}")
    if people.asked.ids:
        for_.append("the user whose object id the row shows")
    yield f"In all tenants: {joined(for_)}."
    if people.silent:
        yield f"Not every tenant could be asked: {printable(people.silent.rstrip('.'), _LONGEST_REASON)}."
    if people.unanswered:
        yield "To a part of that a tenant gave no answer, or more people than one could mean."
    if not people.candidates:
        yield "Nobody came up who may be meant."
    elif people.best is None:
        likeliest = [each for each in people.candidates if each.against == people.candidates[0].against]
        barred = all(each.barred for each in likeliest)
        why = "whoever is likeliest may not be" if barred else "nobody is clearly the likeliest"
        yield f"Nobody is suggested: {why}."


def _former_step(user: User) -> Step:
    told: dict[str, FactValue] = {"object_id": user.id, "upn": user.upn, "display_name": user.display_name}
    who = printable(user.display_name) or "a user without a name"
    text = f"The row was {who}'s, by the object id that it shows; their UPN is {quoted(user.upn)} now."
    return Step(Part.PEOPLE, "renamed", StepOutcome.WRONG, text, told)


def _candidate_step(candidate: Candidate, *, best: bool) -> Step:
    user = candidate.found.user
    told: dict[str, FactValue] = {
        "object_id": user.id,
        "upn": user.upn,
        "display_name": user.display_name,
        "account": candidate.found.account,
        "against": candidate.against,
        "for": candidate.why,
        "barred": candidate.barred or None,
        "suggested": best,
    }
    who = f"{quoted(user.upn)}, {printable(user.display_name) or 'without a name'}: {candidate.why}."
    against = f" Points against it: {candidate.against}."
    barred = f" Not to be suggested: {candidate.barred}." if candidate.barred else ""
    outcome = StepOutcome.OK if best else StepOutcome.INFO
    return Step(Part.PEOPLE, "suggested" if best else "perhaps", outcome, f"{who}{against}{barred}", told)
