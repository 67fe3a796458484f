"""Rows and what the directories said of their UPNs -> verdicts. Every row gets one.

Three things are kept throughout. The directory trumps the rules of spelling: a row whose UPN is somebody's is never
accused, and as long as the directory has not answered, what it could lift is not held against the row. One root cause
gives one anomaly. And a name that only *means* a user (a candidate, an alias) leads to a suggestion, never to a match:
telephony does not see that user, so the row must not look as if it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sync_agent import anomalies
from sync_agent.detective import NO_CLUES, Clues, candidates, clearly_best
from sync_agent.duplicates import find_duplicates, user_of
from sync_agent.leads import guest_lead, lead
from sync_agent.model import (
    Absent,
    Anomaly,
    Code,
    CouldNotAsk,
    Found,
    Match,
    NoTenant,
    Presence,
    Row,
    Severity,
    Shown,
    Status,
    User,
    Verdict,
)
from sync_agent.personal_names import Likeness, likeness
from sync_agent.upn import Findings, examine, key

PRESENCE_UNKNOWN = "PresenceUnknown"
"""What Graph calls the availability of users of whom Teams has none."""

_WORST_FIRST: Mapping[Code, tuple[int, int]] = {
    code: ((Severity.ERROR, Severity.INFO, Severity.WARNING).index(code.severity), place)
    for place, code in enumerate(Code)
}
_STATUS: Mapping[Severity, Status] = {
    Severity.ERROR: Status.ERROR,
    Severity.INFO: Status.UNKNOWN,
    Severity.WARNING: Status.WARNING,
}


def names_to_ask(rows: Iterable[Row]) -> frozenset[str]:
    """The keys of all names in the rows, and of what rows that are wrong probably mean."""
    names: set[str | None] = set()
    for row in rows:
        findings = examine(row.upn)
        names.add(findings.name)
        names.add(findings.candidate)
    return frozenset(name for name in names if name is not None)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is left to the operator: ``name_mismatch``, whether a user of quite another name is told."""

    name_mismatch: bool = False


def reconcile(
    rows: Sequence[Row],
    matches: Mapping[str, Match],
    clues: Clues = NO_CLUES,
    rules: Rules = Rules(),
) -> dict[int, Verdict]:
    """One verdict a row, by row id. ``matches`` are by key; a name that is not in it was never asked about."""
    return _Pass(rows, matches, clues, rules).verdicts()


def with_presence(
    verdict: Verdict,
    presence: Presence | None,
    now: datetime,
    unavailable_after: timedelta,
    shown: Shown | None = None,
) -> Verdict:
    """The verdict with presence_unavailable added, if Teams has no presence of the user and that is no passing state.

    ``shown``: what the row shows, which remembers across restarts how long the presence has been unknown, and is judged
    where presence could not be asked (None): it stays in the row, so what is said of it must stay too.
    """
    user = verdict.user
    if user is None:
        return verdict
    presence = presence or _shown_presence(user, shown, now)
    if presence is None or presence.availability != PRESENCE_UNKNOWN:
        return verdict
    if user.guest or not user.enabled:
        return verdict
    if user.teams_licensed is False:
        anomaly = anomalies.unlicensed(user.teams_plan)
    elif now - first_seen(presence, user, shown) >= unavailable_after:
        anomaly = anomalies.presence_unknown(unavailable_after, user.teams_licensed)
    else:
        return verdict
    return _judged(verdict.row_id, (*verdict.anomalies, anomaly), user, verdict.account)


def _shown_presence(user: User, shown: Shown | None, now: datetime) -> Presence | None:
    if shown is None or not shows_user(shown, user):
        return None
    return Presence(shown.presence, shown.activity, shown.presence_changed_at or now)


def first_seen(presence: Presence, user: User, shown: Shown | None) -> datetime:
    """Since when the user has had this presence: as the row shows it, if it shows this very one."""
    if shown is None or shown.presence_changed_at is None or not shows_user(shown, user):
        return presence.since
    same = shown.presence == presence.availability and shown.activity == presence.activity
    return shown.presence_changed_at if same else presence.since


def shows_user(shown: Shown, user: User) -> bool:
    return shown.object_id == user.id or shown.object_id.lower() == user.id.lower()


class _Pass:
    """One reconciliation: the row at hand among all others."""

    def __init__(self, rows: Sequence[Row], matches: Mapping[str, Match], clues: Clues, rules: Rules) -> None:
        self._rows = rows
        self._matches = matches
        self._clues = clues
        self._rules = rules
        self._findings = {row.id: examine(row.upn) for row in rows}
        names = ((row_id, found.name) for row_id, found in self._findings.items())
        self._match_of = {row_id: None if name is None else matches.get(name) for row_id, name in names}
        self._renamed = {row.id: user for row in rows if (user := self._renamed_user(row)) is not None}
        self._taken = frozenset(match.user.id.lower() for match in self._match_of.values() if isinstance(match, Found))
        self._duplicates = find_duplicates(self._findings, self._users())

    def verdicts(self) -> dict[int, Verdict]:
        return {row.id: self._verdict(row) for row in self._rows}

    def _users(self) -> dict[int, User]:
        """Whom each row leads to, by UPN, alias or former name."""
        led = {row.id: self._renamed.get(row.id) or user_of(self._match_of[row.id]) for row in self._rows}
        return {row_id: user for row_id, user in led.items() if user is not None}

    def _verdict(self, row: Row) -> Verdict:
        match, warnings = self._match_of[row.id], self._duplicates.anomalies(row.id)
        if isinstance(match, Found):
            verdict = _judged(row.id, (*self._of_user(row, match), *warnings), match.user, match.account)
            return replace(verdict, unsure=True) if self._may_have_a_home(match.user) else verdict
        said, unsure = self._without_user(row, match)
        verdict, edited = _judged(row.id, (*said, *warnings)), self._is_edited(row)
        unsure = unsure or (not edited and self._may_be_renamed(row, match))
        return replace(verdict, unsure=unsure, edited=edited, former=self._renamed.get(row.id))

    def _is_edited(self, row: Row) -> bool:
        """Whether the cell is known to be another than when the row last had a user."""
        name, before = self._findings[row.id].name, self._clues.before.get(row.id)
        return name is None or (before is not None and before[0] != name)

    def _may_be_renamed(self, row: Row, match: Match | None) -> bool:
        """Whether the user whose id the row shows could not be asked for."""
        id_ = row.shown.object_id.lower()
        asked = id_ in self._clues.asked.ids and (id_ in self._clues.people.by_id or not self._clues.silent)
        return bool(id_) and not asked and not isinstance(match, CouldNotAsk)

    def _may_have_a_home(self, guest: User) -> bool:
        """Whether a guest's user at home could not be asked for."""
        if not guest.guest or self._at_home(guest) is not None:
            return False
        asked = self._clues.asked.locals.issuperset(guest_lead(guest).locals)
        return bool(self._clues.silent) or not asked

    def _of_user(self, row: Row, match: Found) -> Iterator[Anomaly]:
        for anomaly in anomalies.of_user(match):
            home = self._at_home(match.user) if anomaly.code is Code.USER_GUEST else None
            yield anomalies.suggesting(anomaly, home)
        if self._rules.name_mismatch and likeness(row.name, match.user.display_name) is Likeness.NOTHING:
            yield anomalies.name_mismatch(match.user)

    def _at_home(self, guest: User) -> str | None:
        """The guest's UPN in another configured tenant, unless another row has it already."""
        told = guest_lead(guest)
        homes = (found.user for local in told.locals for found in self._clues.people.with_local(local))
        upns = {user.upn for user in homes if self._is_home(user, told.domain)}
        return upns.pop() if len(upns) == 1 else None

    def _is_home(self, user: User, domain: str) -> bool:
        free = user.enabled and not user.guest and user.id.lower() not in self._taken
        return free and key(user.upn).rpartition("@")[2] == domain

    def _without_user(
        self, row: Row, match: Absent | NoTenant | CouldNotAsk | None
    ) -> tuple[tuple[Anomaly, ...], bool]:
        """What is wrong with a row that leads to no user, and whether more may yet come of it. Before the directory
        answers, only what it cannot lift.
        """
        findings = self._findings[row.id]
        if isinstance(match, CouldNotAsk) or (match is None and findings.name is not None):
            return (anomalies.unavailable(match),), False
        if (renamed := self._renamed.get(row.id)) is not None:
            return (anomalies.renamed(renamed),), False
        known = _known_upn(self._matches, findings.candidate) or _known_upn(self._matches, findings.name)
        meant, unsure = (known, False) if known else self._meant(row, match, findings)
        if findings.anomalies:
            return tuple(anomalies.suggesting(anomaly, meant) for anomaly in findings.anomalies), unsure
        assert isinstance(match, Absent | NoTenant)
        unsure = unsure or (isinstance(match, Absent) and bool(match.unexplained))
        return (anomalies.suggesting(anomalies.of_absence(match), meant),), unsure

    def _meant(self, row: Row, match: Absent | NoTenant | None, findings: Findings) -> tuple[str | None, bool]:
        """The UPN of whoever is meant, where that is clear; and whether somebody else may turn up who is meant too."""
        if isinstance(match, Absent) and match.explained:
            return None, False
        open_ = _is_open(findings.candidate, self._matches) or bool(self._clues.silent)
        ordered = candidates(lead(row.upn, row.name), self._clues, self._taken, findings.name)
        best = clearly_best(ordered)
        if best is None or (open_ and not best.at_home):
            return None, open_
        return best.found.user.upn, False

    def _renamed_user(self, row: Row) -> User | None:
        """The user that the row shows by object id, whose UPN is now another. A cell that was edited since says
        nothing of the kind; where that is not known, the name must not speak against it.
        """
        match, found = self._match_of[row.id], self._clues.people.by_id.get(row.shown.object_id.lower())
        if found is None or not isinstance(match, Absent | NoTenant):
            return None
        before = self._clues.before.get(row.id)
        if before is not None:
            return found.user if before == (self._findings[row.id].name, found.user.id) else None
        alias = user_of(match)
        if alias is not None:
            return found.user if alias.id == found.user.id else None
        return found.user if self._sounds_like(row, found.user) else None

    def _sounds_like(self, row: Row, user: User) -> bool:
        """By the name beside the cell, or where that tells nothing, by what stands before the @."""
        alike = likeness(row.name, user.display_name)
        if alike is Likeness.INCOMPARABLE:
            alike = likeness(" ".join(lead(row.upn, "").locals), user.display_name)
        return alike in (Likeness.SAME, Likeness.SHARED)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Anomalies, the worst first, and the status that follows from them."""

    status: Status
    anomalies: tuple[Anomaly, ...]


def ranked(said: Iterable[Anomaly]) -> Ranked:
    ordered = tuple(sorted(said, key=lambda anomaly: _WORST_FIRST[anomaly.code]))
    return Ranked(_STATUS[ordered[0].severity] if ordered else Status.OK, ordered)


def _judged(row_id: int, said: tuple[Anomaly, ...], user: User | None = None, account: str = "") -> Verdict:
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
