"""What the service knows of the world, and what can be told from that: a cache of the truth, never the truth.

Losing it costs requests, not correctness: every job puts its part in anew, and the verdicts are computed from what is
here at that moment. Only the event loop touches it, so it needs no lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sync_agent.backlog import Backlog
from sync_agent.deciding import Deciding
from sync_agent.detective import NO_CLUES, Clues, Heard
from sync_agent.fixes import Sighting, Unfollowed
from sync_agent.jobs.seen_presences import SeenPresences
from sync_agent.jobs.silences import Silences
from sync_agent.jobs.watched import Watched
from sync_agent.judging import Rules
from sync_agent.leads import questions
from sync_agent.model import Absent, CouldNotAsk, Match, Presence, Questions, Row, Verdict
from sync_agent.pushing import Restlessness
from sync_agent.reconcile import names_to_ask
from sync_agent.staleness import Answered, Silence
from sync_agent.turns import Turns
from sync_agent.upn import examine


@dataclass(slots=True)
class Known:
    """Rows by id, matches by UPN key, presences by user id, and the verdicts that follow from rows and matches."""

    tenant_of: Mapping[str, str]
    """Tenant id by account id, from the settings."""
    rules: Rules = field(default_factory=Rules)
    rows: dict[int, Row] = field(default_factory=dict)
    rows_read_at: datetime | None = None
    matches: dict[str, Match] = field(default_factory=dict)
    """The last *answer* for each name; CouldNotAsk only where there never was one."""
    domains: dict[str, frozenset[str]] = field(default_factory=dict)
    """By tenant id: the domains that it is known to have, or once had."""
    not_believed: dict[str, str] = field(default_factory=dict)
    """By tenant id: why it is not believed that it does not know the names it was last asked for."""
    heard: Mapping[str, Heard] = field(default_factory=dict)
    """By tenant id: what it said about people."""
    clues: Clues = NO_CLUES
    before: dict[int, tuple[str, str]] = field(default_factory=dict)
    """By row id: the key of the UPN by which it last had a user, and the user's id."""
    dirty: dict[int, None] = field(default_factory=dict)
    """Rows to plan again, since something they depend on was read anew: whoever waits longest comes first."""
    backlog: Backlog = field(default_factory=Backlog)
    """Of the dirty rows, those that are known to show something else than what is true."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever there may be something to write."""
    trouble: dict[str, str] = field(default_factory=dict)
    """By tenant id: why its directory could not be asked."""
    presence_trouble: dict[str, str] = field(default_factory=dict)
    """By tenant id: why presence of some of its users could not be asked."""
    without_presence: frozenset[str] = frozenset()
    """Tenants, by id, in whose cloud Graph has no presence: nobody of theirs is watched."""
    turns: Turns = field(default_factory=Turns)
    """Rows being written: what they show is about to change, so they stay dirty if they become so."""
    unwritten: set[int] = field(default_factory=set)
    """Rows whose write failed, or of which that is not known, until the list was looked at again."""
    refusals: dict[int, str] = field(default_factory=dict)
    """Why rows could not be written when they last were tried, until they are or need not be."""
    edited: set[int] = field(default_factory=set)
    """Rows whose presence cells a person changed, until they are put right."""
    write_trouble: frozenset[str] = frozenset()
    """Why rows could not be written when rows last were: told once."""
    unfollowed: frozenset[Unfollowed] = frozenset()
    """Approved fixes that were not made when fixes last were looked for: told once."""
    approvals: dict[int, Sighting] = field(default_factory=dict)
    """By row id, beside which UPN cell an approval was first seen, as far as that is known."""
    watched: Watched = field(default_factory=dict)
    _asked_about: Questions = field(default_factory=Questions)
    """What tenants were asked about people, whatever came of it."""
    _silences: Silences = field(default_factory=Silences)
    _presences: SeenPresences = field(default_factory=SeenPresences)
    _deciding: Deciding = field(init=False)
    _names: frozenset[str] | None = None
    """Of the rows, until one of them has another UPN: all cells are examined for it."""

    def __post_init__(self) -> None:
        self._deciding = Deciding(self.rules)

    @property
    def verdicts(self) -> Mapping[int, Verdict]:
        """Without presence, which is joined when a row is planned."""
        return self._deciding.verdicts

    @property
    def presences(self) -> Mapping[str, Presence]:
        return self._presences.by_user

    @property
    def restlessness(self) -> Restlessness:
        """How often each user's presence changed lately."""
        return self._presences.restlessness

    @property
    def unanswered(self) -> Mapping[str, CouldNotAsk]:
        """Names whose latest question failed, to be asked again before their turn."""
        return self._silences.unanswered

    @property
    def unanswered_since(self) -> dict[str, datetime]:
        """By name: when its question failed for the first time since it was answered."""
        return self._silences.unanswered_since

    @property
    def answered(self) -> dict[str, Answered]:
        """By tenant id, also by earlier processes."""
        return self._silences.answered

    @property
    def unread(self) -> Mapping[str, Silence]:
        """By user id: since when their presence could not be read."""
        return self._silences.unread

    @property
    def unexplained(self) -> dict[str, Absent]:
        """By name: what nobody has, where what else it may be could not be asked."""
        return {name: match for name, match in self.matches.items() if isinstance(match, Absent) and match.unexplained}

    def rows_of(self, user_id: str) -> Collection[int]:
        """Ids of the rows that have this user."""
        return self._deciding.rows_of(user_id)

    def names(self) -> frozenset[str]:
        if self._names is None:
            self._names = names_to_ask(self.rows.values())
        return self._names

    def silence(self, row: Row) -> Silence | None:
        """Since when it is not answered whose the row's name is; None: it was, or nobody can be asked about it."""
        shown_in = self.tenant_of.get(row.shown.account)
        return self._silences.of(row, self.trouble if shown_in is None else (shown_in,))

    def is_news(self, heard: Mapping[str, Heard], asked: Questions) -> bool:
        """Whether tenants say something else about people, or were asked something else, than is known."""
        return asked != self._asked_about or heard != self.heard

    def is_known(self, row: Row) -> bool:
        """Whether all that the row's cells depend on was asked for: a new row is then written once, not thrice."""
        verdict = self.verdicts[row.id]
        if (verdict.user is None or verdict.user.guest) and not self._is_asked_about(row):
            return False
        if verdict.user is None or verdict.user.id in self.presences:
            return True
        return self.tenant_of[verdict.account] in {*self.presence_trouble, *self.without_presence}

    def _is_asked_about(self, row: Row) -> bool:
        findings = examine(row.upn)
        if any(name is not None and name not in self.matches for name in (findings.name, findings.candidate)):
            return False
        return not questions((row,), self.matches) - self._asked_about
