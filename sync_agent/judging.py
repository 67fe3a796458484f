"""The verdict on one row, from what the directories said and what has to be known of the other rows.

Three things are kept throughout. The directory trumps the rules of spelling: a row whose UPN is somebody's is never
accused, and as long as the directory has not answered, what it could lift is not held against the row. One root cause
gives one anomaly. And a name that only *means* a user (a candidate, an alias) leads to a suggestion, never to a match:
telephony does not see that user, so the row must not look as if it did.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from msgspec import structs

from sync_agent import anomalies
from sync_agent.detective import Clues, candidates, clearly_best
from sync_agent.duplicates import user_of
from sync_agent.leads import guest_lead, lead
from sync_agent.model import (
    Absent,
    Anomaly,
    Code,
    CouldNotAsk,
    Found,
    Match,
    NoTenant,
    Row,
    Severity,
    Status,
    Struct,
    User,
    Verdict,
)
from sync_agent.personal_names import Likeness, likeness
from sync_agent.upn import Findings, examine, key

_WORST_FIRST: Mapping[Code, tuple[int, int]] = {
    code: ((Severity.ERROR, Severity.INFO, Severity.WARNING).index(code.severity), place)
    for place, code in enumerate(Code)
}
_STATUS: Mapping[Severity, Status] = {
    Severity.ERROR: Status.ERROR,
    Severity.INFO: Status.UNKNOWN,
    Severity.WARNING: Status.WARNING,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What is left to the operator: ``name_mismatch``, whether a user of quite another name is told."""

    name_mismatch: bool = False


DEFAULT_RULES = Rules()


class Standing(Struct, frozen=True):
    """A row, what its cell alone tells, what the directories said of its name, and who had it before a rename."""

    row: Row
    findings: Findings
    match: Match | None
    renamed: User | None

    @property
    def leads_to(self) -> User | None:
        """By UPN, alias or former name."""
        return self.renamed or user_of(self.match)

    @property
    def has(self) -> Found | None:
        """Whom the row has by UPN, so that nobody else may be told that they are meant."""
        return self.match if isinstance(self.match, Found) else None


class Judge:
    """Of single rows. ``taken``, wherever it is asked for: the ids, in lower case, of users whom rows have by UPN."""

    def __init__(self, matches: Mapping[str, Match], clues: Clues, rules: Rules) -> None:
        self._matches = matches
        self._clues = clues
        self._rules = rules

    def standing(self, row: Row) -> Standing:
        findings = examine(row.upn)
        match = None if findings.name is None else self._matches.get(findings.name)
        return Standing(row, findings, match, self._renamed_user(row, findings, match))

    def verdict(self, standing: Standing, taken: Container[str], warnings: Iterable[Anomaly]) -> Verdict:
        """``warnings``: what the other rows give rise to."""
        row, match = standing.row, standing.match
        if isinstance(match, Found):
            verdict = judged(row.id, (*self._of_user(row, match, taken), *warnings), match.user, match.account)
            return structs.replace(verdict, unsure=True) if self._may_have_a_home(match.user, taken) else verdict
        said, unsure = self._without_user(standing, match, taken)
        verdict, edited = judged(row.id, (*said, *warnings)), self._is_edited(standing)
        unsure = unsure or (not edited and self._may_be_renamed(row, match))
        return structs.replace(verdict, unsure=unsure, edited=edited, former=standing.renamed)

    def _is_edited(self, standing: Standing) -> bool:
        """Whether the cell is known to be another than when the row last had a user."""
        name, before = standing.findings.name, self._clues.before.get(standing.row.id)
        return name is None or (before is not None and before[0] != name)

    def _may_be_renamed(self, row: Row, match: Match | None) -> bool:
        """Whether the user whose id the row shows could not be asked for."""
        id_ = row.shown.object_id.lower()
        asked = id_ in self._clues.asked.ids and (id_ in self._clues.people.by_id or not self._clues.silent)
        return bool(id_) and not asked and not isinstance(match, CouldNotAsk)

    def _may_have_a_home(self, guest: User, taken: Container[str]) -> bool:
        """Whether a guest's user at home could not be asked for."""
        if not guest.guest or self._at_home(guest, taken) is not None:
            return False
        asked = self._clues.asked.locals.issuperset(guest_lead(guest).locals)
        return bool(self._clues.silent) or not asked

    def _of_user(self, row: Row, match: Found, taken: Container[str]) -> Iterator[Anomaly]:
        for anomaly in anomalies.of_user(match):
            home = self._at_home(match.user, taken) if anomaly.code is Code.USER_GUEST else None
            yield anomalies.suggesting(anomaly, home)
        if self._rules.name_mismatch and likeness(row.name, match.user.display_name) is Likeness.NOTHING:
            yield anomalies.name_mismatch(match.user)

    def _at_home(self, guest: User, taken: Container[str]) -> str | None:
        """The guest's UPN in another configured tenant, unless another row has it already."""
        told = guest_lead(guest)
        homes = (found.user for local in told.locals for found in self._clues.people.with_local(local))
        upns = {user.upn for user in homes if _is_home(user, told.domain, taken)}
        return upns.pop() if len(upns) == 1 else None

    def _without_user(
        self, standing: Standing, match: Absent | NoTenant | CouldNotAsk | None, taken: Container[str]
    ) -> tuple[tuple[Anomaly, ...], bool]:
        """What is wrong with a row that leads to no user, and whether more may yet come of it. Before the directory
        answers, only what it cannot lift.
        """
        findings, renamed = standing.findings, standing.renamed
        if isinstance(match, CouldNotAsk) or (match is None and findings.name is not None):
            return (anomalies.unavailable(match),), False
        if renamed is not None:
            return (anomalies.renamed(renamed),), False
        known = _known_upn(self._matches, findings.candidate) or _known_upn(self._matches, findings.name)
        meant, unsure = (known, False) if known else self._meant(standing.row, match, findings, taken)
        if findings.anomalies:
            return tuple(anomalies.suggesting(anomaly, meant) for anomaly in findings.anomalies), unsure
        assert isinstance(match, Absent | NoTenant)
        unsure = unsure or (isinstance(match, Absent) and bool(match.unexplained))
        return (anomalies.suggesting(anomalies.of_absence(match), meant),), unsure

    def _meant(
        self, row: Row, match: Absent | NoTenant | None, findings: Findings, taken: Container[str]
    ) -> tuple[str | None, bool]:
        """The UPN of whoever is meant, where that is clear; and whether somebody else may turn up who is meant too."""
        if isinstance(match, Absent) and match.explained:
            return None, False
        open_ = _is_open(findings.candidate, self._matches) or bool(self._clues.silent)
        ordered = candidates(lead(row.upn, row.name), self._clues, taken, findings.name)
        best = clearly_best(ordered)
        if best is None or (open_ and not best.at_home):
            return None, open_
        return best.found.user.upn, False

    def _renamed_user(self, row: Row, findings: Findings, match: Match | None) -> User | None:
        """The user that the row shows by object id, whose UPN is now another. A cell that was edited since says
        nothing of the kind; where that is not known, the name must not speak against it.
        """
        if not isinstance(match, Absent | NoTenant):
            return None
        found = self._clues.people.by_id.get(row.shown.object_id.lower())
        if found is None:
            return None
        before = self._clues.before.get(row.id)
        if before is not None:
            return found.user if before == (findings.name, found.user.id) else None
        alias = user_of(match)
        if alias is not None:
            return found.user if alias.id == found.user.id else None
        return found.user if _sounds_like(row, found.user) else None


@dataclass(frozen=True, slots=True)
class Ranked:
    """Anomalies, the worst first, and the status that follows from them."""

    status: Status
    anomalies: tuple[Anomaly, ...]


def ranked(said: Iterable[Anomaly]) -> Ranked:
    ordered = tuple(sorted(said, key=lambda anomaly: _WORST_FIRST[anomaly.code]))
    return Ranked(_STATUS[ordered[0].severity] if ordered else Status.OK, ordered)


def judged(row_id: int, said: tuple[Anomaly, ...], user: User | None = None, account: str = "") -> Verdict:
    """A verdict with its anomalies in order, the worst first, and the status that follows from it."""
    if not said:
        return Verdict(row_id, Status.OK, (), user, account)
    in_order = ranked(said)
    return Verdict(row_id, in_order.status, in_order.anomalies, user, account)


def _is_open(name: str | None, matches: Mapping[str, Match]) -> bool:
    """Whether somebody may yet be found by this name."""
    return name is not None and isinstance(matches.get(name), CouldNotAsk | None)


def _known_upn(matches: Mapping[str, Match], name: str | None) -> str | None:
    """The UPN, as its tenant writes it, of the user that the name leads to."""
    user = None if name is None else user_of(matches.get(name))
    return None if user is None else user.upn


def _is_home(user: User, domain: str, taken: Container[str]) -> bool:
    free = user.enabled and not user.guest and user.id.lower() not in taken
    return free and key(user.upn).rpartition("@")[2] == domain


def _sounds_like(row: Row, user: User) -> bool:
    """By the name beside the cell, or where that tells nothing, by what stands before the @."""
    alike = likeness(row.name, user.display_name)
    if alike is Likeness.INCOMPARABLE:
        alike = likeness(" ".join(lead(row.upn, "").locals), user.display_name)
    return alike in (Likeness.SAME, Likeness.SHARED)
