"""What the service has seen of the world, and when: a cache of the truth, never the truth.

Losing it costs requests, not correctness: every job puts its part in anew, and the verdicts are computed from what is
here at that moment. Only the event loop touches it, so it needs no lock.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from weakref import WeakSet

from msgspec import structs

from sync_agent.backlog import Backlog
from sync_agent.deciding import Decided, Deciding
from sync_agent.detective import NO_CLUES, Clues, Heard, clues_of
from sync_agent.fixes import Sighting, Unfollowed
from sync_agent.hand_edits import presence_edited
from sync_agent.jobs.apart import MUCH, Apart, as_known, other_upns, with_answers
from sync_agent.jobs.beside_poll import BesidePoll
from sync_agent.jobs.meanwhile import Meanwhile
from sync_agent.judging import Rules
from sync_agent.leads import questions
from sync_agent.microsoft365.presence import AnswerKey, Reading, Readings
from sync_agent.microsoft365.presence_chunk import without_history
from sync_agent.model import Absent, CouldNotAsk, Match, Presence, Questions, Row, Verdict
from sync_agent.pushing import Restlessness
from sync_agent.reconcile import names_to_ask
from sync_agent.staleness import Answered, Silence
from sync_agent.turns import Turns
from sync_agent.upn import examine


@dataclass(slots=True)
class Observed:
    """Rows by id, matches by UPN key, presences by user id, and the verdicts that follow from rows and matches."""

    tenant_of: Mapping[str, str]
    """Tenant id by account id, from the settings."""
    rules: Rules = field(default_factory=Rules)
    rows: dict[int, Row] = field(default_factory=dict)
    rows_read_at: datetime | None = None
    matches: dict[str, Match] = field(default_factory=dict)
    """The last *answer* for each name; CouldNotAsk only where there never was one."""
    unanswered: dict[str, CouldNotAsk] = field(default_factory=dict)
    """Names whose latest question failed, to be asked again before their turn."""
    unanswered_since: dict[str, datetime] = field(default_factory=dict)
    """By name: when its question failed for the first time since it was answered."""
    answered: dict[str, Answered] = field(default_factory=dict)
    """By tenant id, also by earlier processes."""
    unread: dict[str, Silence] = field(default_factory=dict)
    """By user id: since when their presence could not be read."""
    _stale: frozenset[str] = frozenset()
    """Ids of users whose presence could not be read for too long."""
    domains: dict[str, frozenset[str]] = field(default_factory=dict)
    """By tenant id: the domains that it is known to have, or once had."""
    not_believed: dict[str, str] = field(default_factory=dict)
    """By tenant id: why it is not believed that it does not know the names it was last asked for."""
    heard: Mapping[str, Heard] = field(default_factory=dict)
    """By tenant id: what it said about people."""
    clues: Clues = NO_CLUES
    before: dict[int, tuple[str, str]] = field(default_factory=dict)
    """By row id: the key of the UPN by which it last had a user, and the user's id."""
    _asked_about: Questions = field(default_factory=Questions)
    """What tenants were asked about people, whatever came of it."""
    presences: dict[str, Presence] = field(default_factory=dict)
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
    _one_apart: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Of what is decided beside the loop, one thing at a time: each goes on from the one before."""
    _meanwhile: Meanwhile | None = None
    """While the list is being read."""
    _answers: WeakSet[AnswerKey] = field(default_factory=WeakSet)
    """Of the answers that ``presences`` was made of, as long as more news may come to them."""
    _beside: BesidePoll = field(default_factory=BesidePoll)
    restlessness: Restlessness = field(default_factory=Restlessness)
    """How often each user's presence changed lately."""
    watched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Matched users by tenant id, in a fixed order: the same tuple as long as the same users are watched."""
    _deciding: Deciding = field(init=False)
    _names: frozenset[str] | None = None
    """Of the rows, until one of them has another UPN: all cells are examined for it."""

    def __post_init__(self) -> None:
        self._deciding = Deciding(self.rules)

    @property
    def verdicts(self) -> Mapping[int, Verdict]:
        """Without presence, which is joined when a row is planned."""
        return self._deciding.verdicts

    def rows_of(self, user_id: str) -> Collection[int]:
        """Ids of the rows that have this user."""
        return self._deciding.rows_of(user_id)

    @property
    def unexplained(self) -> dict[str, Absent]:
        """By name: what nobody has, where what else it may be could not be asked."""
        return {name: match for name, match in self.matches.items() if isinstance(match, Absent) and match.unexplained}

    def names(self) -> frozenset[str]:
        if self._names is None:
            self._names = names_to_ask(self.rows.values())
        return self._names

    def begin_reading(self) -> None:
        """Before the list is read, or what changed in it: what becomes of rows from now on is newer than that."""
        self._meanwhile = Meanwhile()

    async def take_rows(self, rows: Collection[Row], at: datetime) -> None:
        """As `put_rows`; the others get their turn meanwhile, however much is new."""
        async with self._one_apart:
            known = dict(self.rows)
            read = await asyncio.to_thread(as_known, rows, known)
            much = other_upns(read, known) >= MUCH
            apart = await self.apart(read, dict(self.matches)).decided() if much else None
            self.put_rows(read.values(), at, apart)

    async def take_matches(self, answers: Mapping[str, Match]) -> None:
        """As `put_matches`; the others get their turn meanwhile, however much is new."""
        async with self._one_apart:
            matches, news = with_answers(self.matches, answers)
            apart = await self.apart(dict(self.rows), matches).decided() if news >= MUCH else None
            self.put_matches(answers, apart)

    def apart(self, rows: Mapping[int, Row], matches: Mapping[str, Match]) -> Apart:
        """To decide what follows from these, which nobody changes, beside what is decided here."""
        return Apart(self._deciding.anew(rows), rows, matches, self.clues)

    def put_rows(self, rows: Iterable[Row], at: datetime, apart: Apart | None = None) -> None:
        """The whole list as just read. Every row is planned again: that is what heals lost writes and hand edits.
        ``apart``: what was decided of it.
        """
        before, meanwhile = self.rows, self._end_reading()
        self.rows = as_known(meanwhile.newest(rows, before).values(), before)
        if apart is None:
            self._note_rows(before, before.keys() | self.rows.keys())
        self.edited |= presence_edited(before, self.rows)
        for gone in self.before.keys() - self.rows.keys():
            del self.before[gone]
        self.rows_read_at = at
        self.unwritten &= meanwhile.doubted
        self.backlog.forgive()
        self._decide(self.rows, apart, before)

    def put_followed(self, rows: Mapping[int, Row], deleted: Iterable[int], at: datetime) -> None:
        """What became of the list since it was last read. Only what the changed rows and the verdicts that change with
        them concern is planned again; a row that shows no other cells (our own writes come back as changes too) is
        only remembered with its new version.
        """
        meanwhile = self._end_reading()
        rows = meanwhile.newest(rows.values(), self.rows)
        self.edited |= presence_edited(self.rows, rows)
        changed = [id_ for id_, row in rows.items() if _says_other(row, self.rows.get(id_))]
        gone = {id_ for id_ in deleted if id_ in self.rows}
        # Made anew: a pass that is being saved in a thread holds the one before.
        before, self.rows = self.rows, {id_: row for id_, row in {**self.rows, **rows}.items() if id_ not in gone}
        self._note_rows(before, gone.union(changed))
        self.rows_read_at = at
        looked_at = self.unwritten - meanwhile.doubted
        self.dirty.update(dict.fromkeys(id_ for id_ in looked_at if id_ in self.rows))
        self.unwritten -= looked_at
        if changed or gone:
            self._decide(changed)

    def put_overtaken(self, rows: Mapping[int, Row | None]) -> None:
        """Rows that a person changed since they were read, as they are now; None: deleted."""
        self.edited |= presence_edited(self.rows, rows)
        if self._meanwhile is not None:
            self._meanwhile.reread.update(rows)
        if rows:
            there = {id_: row for id_, row in {**self.rows, **rows}.items() if row is not None}
            before, self.rows = self.rows, there
            self._note_rows(before, rows)
            self._decide(rows)

    def put_written(self, row: Row) -> None:
        """A row as our own write left it: only what we wrote of it is news, for the rest may be newer here by now. Its
        verdict rests on other columns, so nothing is decided anew.
        """
        known = self.rows.get(row.id)
        if known is not None:
            now = structs.replace(known, shown=row.shown, etag=row.etag)
            self._deciding.note_rows({row.id: known}, {row.id: now}, (row.id,))
            self.rows[row.id] = now
            if self._meanwhile is not None:
                self._meanwhile.written.add(row.id)

    def put_unwritten(self, row_ids: Collection[int]) -> None:
        """Rows whose write failed, or of which it is not known whether it was made."""
        self.unwritten.update(row_ids)
        if self._meanwhile is not None:
            self._meanwhile.doubted.update(row_ids)

    def put_matches(self, answers: Mapping[str, Match], apart: Apart | None = None) -> None:
        """Answers replace what was known; a failed question does not, it is only remembered as to be asked again.
        ``apart``: what was decided of them.
        """
        ageing, news = set[str](), set[str]()
        for name, match in answers.items():
            if isinstance(match, CouldNotAsk):
                self.unanswered[name] = match
                self.unanswered_since.setdefault(name, match.at)
                ageing.add(name)
                if name in self.matches:
                    continue
            else:
                if self.unanswered.pop(name, None) is not None:
                    ageing.add(name)
                self.unanswered_since.pop(name, None)
            if self.matches.get(name) != match:
                self.matches[name] = match
                news.add(name)
        if apart is None:
            self._deciding.note_answers(news)
        aged = [id_ for id_, row in self.rows.items() if ageing and examine(row.upn).name in ageing]
        self._decide(aged, apart)

    def put_unread(
        self,
        failed: Mapping[str, CouldNotAsk],
        answered: Mapping[str, datetime],
        at: datetime,
        patience: timedelta,
    ) -> None:
        """Whose presence could not be read when it was last asked for, and when each tenant last told anybody's. Rows
        are planned again when it has been so for too long, and when it is over.
        """
        for tenant_id, when in answered.items():
            self.answered[tenant_id] = replace(self.answered.get(tenant_id, Answered()), presence=when)
        if not failed and not self.unread:
            return
        tenant_of = {id_: tenant_id for tenant_id, users in self.watched.items() for id_ in users if id_ in failed}
        before, self.unread = self.unread, {}
        for user_id in failed:
            known = before.get(user_id)
            last = self.answered.get(tenant_of.get(user_id, ""), Answered()).presence or at
            self.unread[user_id] = Silence(last if known is None else known.since)
        stale = frozenset(id_ for id_, silence in self.unread.items() if silence.lasts(patience, at))
        for user_id in stale ^ self._stale:
            self.dirty.update(dict.fromkeys(self.rows_of(user_id)))
        self._stale = stale

    def put_answered(self, tenant_id: str, at: datetime) -> None:
        """The tenant answered about some name at least."""
        self.answered[tenant_id] = replace(self.answered.get(tenant_id, Answered()), names=at)

    def silence(self, row: Row) -> Silence | None:
        """Since when it is not answered whose the row's name is; None: it was, or nobody can be asked about it."""
        if not self.unanswered:
            return None
        name = examine(row.upn).name
        failure = None if name is None else self.unanswered.get(name)
        if name is None or failure is None:
            return None
        first = self.unanswered_since.get(name, failure.at)
        shown_in = self.tenant_of.get(row.shown.account)
        tenants = [shown_in] if shown_in is not None else self.trouble
        known = [at for id_ in tenants if (at := self.answered.get(id_, Answered()).names) is not None]
        return Silence(min(first, max(known, default=first)), failure.not_believed)

    def put_heard(self, heard: Mapping[str, Heard], asked: Questions) -> None:
        """What the tenants have said about people; ``asked`` is all that they were asked."""
        if asked == self._asked_about and heard == self.heard:
            return  # nothing new at most turns, and the index of people takes a while to make
        self._asked_about = asked
        clues = clues_of(heard.values(), asked, self.before)
        same = heard == self.heard and clues.asked == self.clues.asked
        self.heard = heard
        if not same:
            self.clues = clues
            self._decide()

    def put_people(self, heard: Mapping[str, Heard]) -> None:
        """Who answers by now what the tenants were asked before."""
        self.put_heard(heard, self._asked_about)

    def forget_people(self, tenant_ids: Collection[str]) -> None:
        """So that these tenants are asked about people anew; until they answer, what they said counts."""
        self.heard = {id_: said for id_, said in self.heard.items() if id_ not in tenant_ids}

    def put_presences(self, parts: Sequence[Readings], read_at: datetime) -> int:
        """What a sweep, or a part of one, read; how many were news. Of an answer whose predecessor was put here only
        the news are looked at, and one that was put here itself has none: 15,000 comparisons in each sweep would cost
        as much as decoding the answers.
        """
        changed = 0
        for part in parts:
            if part.key in self._answers:
                readings: Mapping[str, Reading] = {}
            else:
                readings = part.news if part.before in self._answers else part.every
            readings = self._beside.weighed(part, readings, read_at, rounds=True)
            changed += sum(self._put_presence(id_, reading, read_at) for id_, reading in readings.items())
            self._answers.add(part.key)
        return changed

    def put_pushed(self, told: Mapping[str, Reading], at: datetime) -> int:
        """What Graph told by itself, by user id; how many were news."""
        return self.put_beside([without_history(told)], at)

    def put_beside(self, parts: Sequence[Readings], read_at: datetime) -> int:
        """What was read beside the rounds; how many were news."""
        changed = 0
        for part in parts:
            self._beside.note(part.every, read_at)
            readings = self._beside.weighed(part, part.every, read_at, rounds=False)
            changed += sum(self._put_presence(id_, reading, read_at) for id_, reading in readings.items())
        return changed

    def _put_presence(self, user_id: str, reading: tuple[str, str], read_at: datetime) -> bool:
        known = self.presences.get(user_id)
        rows = self.rows_of(user_id)  # none where they were asked for before the last row with them went
        if not rows or (known is not None and reading == (known.availability, known.activity)):
            return False
        if known is not None:
            self.backlog.changed(user_id, known, read_at)
            self.restlessness.changed(user_id, read_at.timestamp())
        self.news.set()
        self.presences[user_id] = Presence(*reading, since=read_at)
        self.dirty.update(dict.fromkeys(rows))
        return True

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

    def forget_names(self, names: frozenset[str]) -> None:
        """Drop what is known of names that no row has any more, so that a year of edits does not pile up."""
        for gone in self.matches.keys() - names:
            del self.matches[gone]
            self.unanswered.pop(gone, None)
            self.unanswered_since.pop(gone, None)

    def _end_reading(self) -> Meanwhile:
        meanwhile, self._meanwhile = self._meanwhile or Meanwhile(), None
        return meanwhile

    def _note_rows(self, before: Mapping[int, Row], row_ids: Iterable[int]) -> None:
        if self._deciding.note_rows(before, self.rows, row_ids):
            self._names = None

    def _decide(
        self, read: Iterable[int] = (), apart: Apart | None = None, before: Mapping[int, Row] | None = None
    ) -> None:
        """Whatever was noted; dirty become the rows just ``read`` and those whose verdict changed. Where it was decided
        ``apart``, ``before`` are the rows that were known before these, if others were.
        """
        if apart is None:
            decided = self._deciding.decide(self.rows, self.matches, self.clues)
        else:
            decided = self._take_over(apart, before or {})
        self._note_found(decided.changed)
        if decided.users:
            self._watch(decided.users)
        dirty = {**self.dirty, **dict.fromkeys(read), **dict.fromkeys(decided.changed)}
        self.dirty = {row_id: None for row_id in dirty if row_id in self.rows}
        self.backlog.keep(self.rows.keys())
        self.news.set()

    def _take_over(self, apart: Apart, rows: Mapping[int, Row]) -> Decided:
        """Go on with what was decided ``apart``, and decide what became of rows, answers and people meanwhile."""
        before, self._names = self._deciding.verdicts, None
        renamed = [id_ for id_, row in self.rows.items() if (was := rows.get(id_)) is not None and was.upn != row.upn]
        apart.deciding.take_over(self._deciding, renamed)
        self._deciding = apart.deciding
        changed = (id_ for id_ in apart.rows.keys() | self.rows.keys() if apart.rows.get(id_) is not self.rows.get(id_))
        self._deciding.note_rows(apart.rows, self.rows, changed)
        news = (name for name, match in self.matches.items() if apart.matches.get(name) is not match)
        self._deciding.note_answers(news)
        self._deciding.decide(self.rows, self.matches, self.clues)
        now = self.verdicts
        users = (verdict.user for verdict in chain(before.values(), now.values()))
        return Decided(
            [id_ for id_, verdict in now.items() if before.get(id_) is not verdict],
            frozenset(user.id for user in users if user is not None),
        )

    def _note_found(self, row_ids: Iterable[int]) -> None:
        for row_id in row_ids:
            user, name = self.verdicts[row_id].user, examine(self.rows[row_id].upn).name
            if user is not None and name is not None:
                self.before[row_id] = (name, user.id)

    def _watch(self, users: frozenset[str]) -> None:
        """``users``: ids of those whom rows have now, or had."""
        have: defaultdict[str, set[str]] = defaultdict(set)
        for user_id in users:
            for row_id in self.rows_of(user_id):
                have[self.tenant_of[self.verdicts[row_id].account]].add(user_id)
        for tenant_id in self.without_presence:
            have.pop(tenant_id, None)
        told = {id_: watching(self.watched.get(id_, ()), have[id_], users) for id_ in {*self.watched, *have}}
        watched = {id_: user_ids for id_, user_ids in told.items() if user_ids}
        if watched != self.watched:
            self.watched = watched
            for gone in users.difference(*have.values()):
                self.presences.pop(gone, None)
                self._beside.forget(gone)
                self.restlessness.forget(gone)
            self._answers.clear()


def watching(before: tuple[str, ...], have: set[str], users: frozenset[str]) -> tuple[str, ...]:
    """Who is watched now, in order, where of ``users`` there are those that rows ``have``: the same tuple where that
    changes nobody.
    """
    come = have.difference(before)
    stay = [id_ for id_ in before if id_ in have or id_ not in users]
    return before if not come and len(stay) == len(before) else tuple(sorted([*stay, *come]))


def _says_other(row: Row, known: Row | None) -> bool:
    return known is None or structs.replace(row, etag=known.etag) != known
