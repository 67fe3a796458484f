"""Rows and what the directories said of their UPNs -> verdicts. Every row gets one.

This is the definition; `deciding` keeps verdicts up to date at the cost of what changed, and must come to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sync_agent import anomalies
from sync_agent.detective import NO_CLUES, Clues
from sync_agent.duplicates import find_duplicates
from sync_agent.judging import DEFAULT_RULES, Judge, Rules, judged
from sync_agent.model import Match, Presence, Row, Shown, User, Verdict
from sync_agent.upn import examine

PRESENCE_UNKNOWN = "PresenceUnknown"
"""What Graph calls the availability of users of whom Teams has none."""


def names_to_ask(rows: Iterable[Row]) -> frozenset[str]:
    """The keys of all names in the rows, and of what rows that are wrong probably mean."""
    names: set[str | None] = set()
    for row in rows:
        findings = examine(row.upn)
        names.add(findings.name)
        names.add(findings.candidate)
    return frozenset(name for name in names if name is not None)


def reconcile(
    rows: Sequence[Row],
    matches: Mapping[str, Match],
    clues: Clues = NO_CLUES,
    rules: Rules = DEFAULT_RULES,
) -> dict[int, Verdict]:
    """One verdict a row, by row id. ``matches`` are by key; a name that is not in it was never asked about."""
    judge = Judge(matches, clues, rules)
    standings = {row.id: judge.standing(row) for row in rows}
    taken = frozenset(found.user.id.lower() for each in standings.values() if (found := each.has) is not None)
    findings = {id_: each.findings for id_, each in standings.items()}
    users = {id_: user for id_, each in standings.items() if (user := each.leads_to) is not None}
    duplicates = find_duplicates(findings, users)
    return {id_: judge.verdict(each, taken, duplicates.anomalies(id_)) for id_, each in standings.items()}


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
    return judged(verdict.row_id, (*verdict.anomalies, anomaly), user, verdict.account)


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
