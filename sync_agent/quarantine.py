"""When a tenant's word that users are gone is not taken: it suddenly does not know most of those of the list's.

A lost permission, a wrong tenant, a directory restored from an old copy all look like that, and none of them makes an
agent missing. Users who are explained one by one (deleted on a date, renamed, an alias) are not gone in this sense.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sync_agent.model import Absent, CouldNotAsk, Found, Match, Row
from sync_agent.upn import examine

FEWEST_KNOWN = 10
"""Users. Of fewer a share says little: these may leave together."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Of one tenant, as of its last question: ``gone`` of the ``known`` users are, or it knew none of ``gone`` names.

    ``released``: when an operator said that it is so. That holds for as many as were gone then, no more.
    """

    tenant_id: str
    known: int
    gone: int
    since: datetime
    released: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of the users that a tenant was known to have. Of the rest of ``known`` nothing is heard."""

    known: int
    present: int
    gone: frozenset[str]
    failed: int
    """Who could not be asked about."""
    anew: int
    """Of those present, who was seen to be by this very question."""

    def without(self, explained: Collection[str]) -> Sight:
        left = self.gone.difference(explained)
        there = len(self.gone) - len(left)
        return replace(self, present=self.present + there, gone=left, anew=self.anew + there)

    def is_doubtful(self, least: float) -> bool:
        """``least``: the share of the users, as far as they could be asked about, that must be there."""
        asked = self.known - self.failed
        return bool(self.gone) and self.known >= FEWEST_KNOWN and asked - len(self.gone) < least * asked

    def is_back(self, least: float) -> bool:
        """While anybody is gone, what was heard of the others before that says nothing: so many must be seen anew."""
        return (self.anew if self.gone else self.present) >= least * self.known


def known_users(
    rows: Iterable[Row],
    matches: Mapping[str, Match],
    before: Mapping[int, tuple[str, str]],
    tenant_of: Mapping[str, str],
) -> dict[str, dict[str, str]]:
    """By tenant id: the ids of the users that it was known to have, by UPN key.

    The rows themselves remember them, by account and object id; a row whose UPN is another since (``before``, the name
    and user that it last was matched by) says nothing of its new name. ``tenant_of``: by account id.
    """
    known: defaultdict[str, dict[str, str]] = defaultdict(dict)
    names = set[str]()
    for row in rows:
        findings = examine(row.upn)
        names.update(filter(None, (findings.name, findings.candidate)))
        tenant_id = tenant_of.get(row.shown.account)
        if findings.name is None or tenant_id is None or not row.shown.object_id:
            continue
        if before.get(row.id, (findings.name, ""))[0] == findings.name:
            known[tenant_id][findings.name] = row.shown.object_id
    for name in names:
        match = matches.get(name)
        if isinstance(match, Found):
            known[tenant_of[match.account]][name] = match.user.id
    return dict(known)


def sight(known: Collection[str], answers: Mapping[str, Match], earlier: Mapping[str, Match] | None = None) -> Sight:
    """``answers``: to this very question; ``earlier``: the latest about each name before, be it that it could not be
    asked.
    """
    said = {**(earlier or {}), **answers}
    present, gone, failed, anew = 0, set(), 0, 0
    for name in known:
        match said.get(name):
            case Found() | Absent(explained=True):
                present += 1
                anew += name in answers
            case Absent() | CouldNotAsk(not_believed=True):
                gone.add(name)
            case CouldNotAsk():
                failed += 1
            case _:
                pass
    return Sight(len(known), present, frozenset(gone), failed, anew)


def judged(
    tenant_id: str, standing: Quarantine | None, seen: Sight, answers: Mapping[str, Match], least: float, now: datetime
) -> Quarantine | None:
    """What becomes of the quarantine of a tenant after it gave these ``answers``; None: there is none.

    A question about few names ends none: that takes users who are seen to be back.
    """
    unknown = sum(isinstance(answer, CouldNotAsk) and answer.not_believed for answer in answers.values())
    found = any(isinstance(answer, Found) for answer in answers.values())
    if seen.is_doubtful(least) or unknown:
        gone = max(len(seen.gone), unknown)
        if standing is None:
            return Quarantine(tenant_id, seen.known, gone, now)
        if standing.released is not None:
            return standing if gone <= standing.gone else replace(standing, gone=gone, known=seen.known, released=None)
        return replace(standing, gone=max(gone, standing.gone), known=max(seen.known, standing.known))
    return None if found and seen.is_back(least) else standing


def unbelieved(
    answers: Mapping[str, Match], explained: Collection[str], reason: str, now: datetime
) -> dict[str, Match]:
    """The answers of a tenant under quarantine. ``explained``: names of which it is known otherwise what became."""
    doubt = CouldNotAsk(reason, now, not_believed=True)
    return {
        name: doubt if isinstance(answer, Absent) and not answer.explained and name not in explained else answer
        for name, answer in answers.items()
    }
