"""What a report says, whatever its form."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync_agent.characters import BLANKS, printable
from sync_agent.expiry import Warned, warned
from sync_agent.report.age import AGE_GROUPS, age_group
from sync_agent.report.freshness import in_words
from sync_agent.state.store import AnomalyRecord, FreshnessRecord, PassRecord, Store

TREND = timedelta(days=90)
"""Whole days (UTC), the one of the report included."""
_MOST_ROWS = 20
_RUNS = timedelta(minutes=10)
"""What was said of freshness longer ago says nothing of the list as it is: no service runs."""
NONE = "(none)"
"""The tenant of an anomaly where none is known to have the UPN or its domain, and the team of a row without one."""


@dataclass(frozen=True, slots=True)
class Group:
    """Anomalies that have something in common. ``longest``: how long the oldest of them has stood."""

    name: str
    count: int
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Content:
    """``last`` is the latest pass that no fuse held, ``days`` the last such pass of each day, oldest first.

    ``held``: the fuse that held the pass after it, if there was one.
    """

    made: datetime
    last: PassRecord
    anomalies: Sequence[AnomalyRecord]
    days: Sequence[PassRecord]
    held: str | None = None
    acknowledged: int = 0
    """Anomalies that people have acknowledged as they stand, in the list of anomalies: they are not in here."""
    users: Mapping[int, str] = field(default_factory=dict)
    """By row id, the object id of the user whom the row has, or had when it last had one."""
    accounts: Mapping[str, str] = field(default_factory=dict)
    """By domain, the account in which the list's users of that domain are found."""

    unwritten: Mapping[int, str] = field(default_factory=dict)
    """By row id, why rows could not be written: what they show is older than what is known."""

    freshness: FreshnessRecord | None = None
    """As `run` last saw it, if it is to be told."""

    credentials: Sequence[Warned] = ()
    """What accounts sign in with, and whose end is near."""

    @property
    def freshness_note(self) -> str:
        """A sentence on how fresh what the list shows is; empty where no service runs, or has read any presence."""
        record = self.freshness
        return "" if record is None else f"At {record.at:%Y-%m-%d %H:%M} UTC {in_words(record.found)}."

    @property
    def unwritten_notes(self) -> list[str]:
        """A sentence a reason."""
        by_reason: defaultdict[str, list[int]] = defaultdict(list)
        for row_id, reason in self.unwritten.items():
            by_reason[reason].append(row_id)
        return [_not_written(reason, row_ids) for reason, row_ids in by_reason.items()]

    @property
    def held_note(self) -> str:
        """What a reader must know before all else; empty where there is nothing of the kind."""
        if self.held is None:
            return ""
        return f"The last pass was held by the fuse {self.held}, and is not in here: run `sync-agent sync` to see why."

    @property
    def by_code(self) -> list[tuple[str, int]]:
        return [(group.name, group.count) for group in self.codes]

    @property
    def codes(self) -> list[Group]:
        return self._groups(lambda anomaly: anomaly.code)

    @property
    def tenants(self) -> list[Group]:
        return self._groups(self.tenant)

    @property
    def teams(self) -> list[Group]:
        """Empty where no row has a team."""
        return self._groups(team) if any(anomaly.team.strip() for anomaly in self.anomalies) else []

    @property
    def ages(self) -> list[Group]:
        """Youngest first."""
        groups = self._groups(lambda anomaly: age_group(self.standing(anomaly)))
        return sorted(groups, key=lambda group: AGE_GROUPS.index(group.name))

    def tenant(self, anomaly: AnomalyRecord) -> str:
        """By the account that answers for the user, or else for the domain of the UPN, or of the one that is meant."""
        if anomaly.account:
            return anomaly.account
        meant = (self.accounts.get(_domain(upn)) for upn in (anomaly.upn, anomaly.suggestion) if upn)
        return next(filter(None, meant), NONE)

    def standing(self, anomaly: AnomalyRecord) -> timedelta:
        """How long the anomaly has stood."""
        return max(self.made - anomaly.opened, timedelta())

    def _groups(self, name_of: Callable[[AnomalyRecord], str]) -> list[Group]:
        """The largest first, of the same size by name."""
        counts: Counter[str] = Counter()
        longest: dict[str, timedelta] = {}
        for anomaly in self.anomalies:
            name = name_of(anomaly)
            counts[name] += 1
            longest[name] = max(longest.get(name, timedelta()), self.standing(anomaly))
        return [Group(name, counts[name], longest[name]) for name in sorted(counts, key=lambda n: (-counts[n], n))]


def _not_written(reason: str, row_ids: Sequence[int]) -> str:
    named = ", ".join(map(str, row_ids[:_MOST_ROWS]))
    more = f" and {len(row_ids) - _MOST_ROWS:,} more" if len(row_ids) > _MOST_ROWS else ""
    rows = f"Row {named}" if len(row_ids) == 1 else f"Rows {named}{more}"
    return f"{rows} could not be written: {printable(reason, 300)}"


def _domain(upn: str) -> str:
    return BLANKS.sub("", upn).rpartition("@")[2].lower()


def team(anomaly: AnomalyRecord) -> str:
    return anomaly.team.strip() or NONE


class NothingToReport(Exception):
    """No pass has been made yet."""


def gather(store: Store, now: datetime) -> Content:
    """Raises NothingToReport before the first pass, StateUnavailable when the database cannot be read."""
    last, held = store.last_pass(), store.held()
    if last is None:
        why = "no pass has been made" if held is None else "every pass was held by a fuse"
        raise NothingToReport(f"There is nothing to report yet: {why}. Run `sync-agent sync` first.")
    standing = store.open_anomalies(last.list_title)
    counted = [anomaly for anomaly in standing if not anomaly.acknowledged]
    first_day = (now - TREND + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    days = store.days(last.list_title, first_day)
    users = {row_id: user_id for row_id, (_, user_id) in store.last_matched(last.list_title).items()}
    accounts, acknowledged = store.accounts_by_domain(last.list_title), len(standing) - len(counted)
    unwritten, freshness = store.unwritten(last.list_title), store.freshness(last.list_title)
    if freshness is not None and now - freshness.at > _RUNS:
        freshness = None
    near = warned(store.credential_ends(last.list_title), now)
    return Content(now, last, counted, days, held, acknowledged, users, accounts, unwritten, freshness, near)
