"""What is shown of a row when what it rests on could not be asked for long: Unknown, for how long, and why.

An answer that stays away for a moment changes nothing in a row. One that stays away for longer is no longer to be
trusted, neither by people nor by what routes calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import structs

from sync_agent import anomalies
from sync_agent.judging import ranked
from sync_agent.model import Code, Status, Verdict

_OF_THE_LIST_ALONE = frozenset({Code.UPN_DUPLICATE})


@dataclass(frozen=True, slots=True)
class Answered:
    """When one tenant last answered anything: about names, and about presence; None: not known."""

    names: datetime | None = None
    presence: datetime | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """``since``: when what is asked about was last answered, or first was not. ``not_believed``: there is an
    answer, which is not believed.
    """

    since: datetime
    not_believed: bool = False

    def lasts(self, longest: timedelta, now: datetime) -> bool:
        return now - self.since >= longest


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer may stay away before what it said is no longer shown as true."""

    verdict: timedelta = timedelta(hours=24)
    presence: timedelta = timedelta(minutes=5)


def aged(
    verdict: Verdict, names: Silence | None, presence: Silence | None, patience: Patience, now: datetime
) -> Verdict:
    """The verdict as it may still be shown. ``names``: since when it is not answered whose the row's name is;
    ``presence``: since when the presence of the row's user could not be read; None: it was answered the last time.

    A stale verdict keeps its user, by whom presence goes on being read; a stale presence takes nothing from the verdict
    but that the row is OK, and what it says of presence.
    """
    if presence is not None and verdict.user is not None and presence.lasts(patience.presence, now):
        said = anomalies.presence_not_read(patience.presence)
        kept = (anomaly for anomaly in verdict.anomalies if anomaly.code is not Code.PRESENCE_UNAVAILABLE)
        ordered = ranked((*kept, said))
        verdict = structs.replace(
            verdict, status=ordered.status, anomalies=ordered.anomalies, presence_stale=True, stale=True
        )
    if names is None or verdict.renamed or not names.lasts(patience.verdict, now):
        return verdict
    alone = (anomaly for anomaly in verdict.anomalies if anomaly.code in _OF_THE_LIST_ALONE)
    said = anomalies.silent(patience.verdict, not_believed=names.not_believed)
    return structs.replace(
        verdict, status=Status.UNKNOWN, anomalies=(said, *alone), stale=True, unsure=False, former=None
    )
