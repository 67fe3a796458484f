"""Rows and what the directories said of their UPNs -> verdicts. Every row gets one.

Three things are kept throughout. The directory trumps the rules of spelling: a row whose UPN is somebody's is never
accused, and as long as the directory has not answered, what it could lift is not held against the row. One root cause
gives one anomaly. And a name that only *means* a user (a candidate, an alias) leads to a suggestion, never to a match:
telephony does not see that user, so the row must not look as if it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sync_agent import anomalies
from sync_agent.duplicates import Duplicates, find_duplicates, user_of
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
from sync_agent.upn import Findings, examine

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


def reconcile(rows: Sequence[Row], matches: Mapping[str, Match]) -> dict[int, Verdict]:
    """One verdict a row, by row id. ``matches`` are by key; a name that is not in it was never asked about."""
    findings = {row.id: examine(row.upn) for row in rows}
    duplicates = find_duplicates({row_id: found.name for row_id, found in findings.items()}, matches)
    return {row_id: _verdict(row_id, found, matches, duplicates) for row_id, found in findings.items()}


def with_presence(
    verdict: Verdict,
    presence: Presence | None,
    now: datetime,
    unknown_after: timedelta,
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
        anomaly = anomalies.unlicensed()
    elif now - first_seen(presence, user, shown) >= unknown_after:
        anomaly = anomalies.presence_unknown(unknown_after)
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


def _verdict(row_id: int, findings: Findings, matches: Mapping[str, Match], duplicates: Duplicates) -> Verdict:
    match = None if findings.name is None else matches.get(findings.name)
    warnings = duplicates.anomalies(row_id, findings.name)
    if isinstance(match, Found):
        return _judged(row_id, (*anomalies.of_user(match), *warnings), match.user, match.account)
    verdict = _judged(row_id, (*_without_user(findings, match, matches), *warnings))
    unexplained = isinstance(match, Absent) and match.unexplained
    return replace(verdict, unsure=True) if unexplained or _is_open(findings.candidate, matches) else verdict


def _judged(row_id: int, said: tuple[Anomaly, ...], user: User | None = None, account: str = "") -> Verdict:
    """A verdict with its anomalies in order, the worst first, and the status that follows from it."""
    if not said:
        return Verdict(row_id, Status.OK, (), user, account)
    ordered = tuple(sorted(said, key=lambda anomaly: _WORST_FIRST[anomaly.code]))
    return Verdict(row_id, _STATUS[ordered[0].severity], ordered, user, account)


def _without_user(
    findings: Findings, match: Absent | NoTenant | CouldNotAsk | None, matches: Mapping[str, Match]
) -> tuple[Anomaly, ...]:
    """What is wrong with a row that leads to no user. Before the directory answers, only what it cannot lift."""
    if isinstance(match, Absent | NoTenant) and not findings.anomalies:
        return (anomalies.of_absence(match),)
    if isinstance(match, Absent | NoTenant) or findings.name is None:
        upn = _known_upn(matches, findings.candidate) or _known_upn(matches, findings.name)
        return tuple(anomalies.suggesting(anomaly, upn) for anomaly in findings.anomalies)
    return (anomalies.unavailable(match),)


def _is_open(name: str | None, matches: Mapping[str, Match]) -> bool:
    """Whether somebody may yet be found by this name."""
    return name is not None and isinstance(matches.get(name), CouldNotAsk | None)


def _known_upn(matches: Mapping[str, Match], name: str | None) -> str | None:
    """The UPN, as its tenant writes it, of the user that the name leads to."""
    match = None if name is None else matches.get(name)
    user = None if match is None else user_of(match)
    return None if user is None else user.upn
