"""How what was read of the world becomes known, and what it makes dirty: each job puts its part in anew."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from msgspec import structs

from sync_agent.detective import Clues, Heard, clues_of
from sync_agent.hand_edits import presence_edited
from sync_agent.jobs.apart import MUCH, Apart, as_known, matched, other_upns, says_other, with_answers
from sync_agent.jobs.known import Known
from sync_agent.jobs.meanwhile import Meanwhile
from sync_agent.jobs.seen_presences import News
from sync_agent.jobs.watched import Watched, same_where_equal, those_with_rows, watching
from sync_agent.microsoft365.presence import Reading, Readings
from sync_agent.microsoft365.presence_chunk import without_history
from sync_agent.model import CouldNotAsk, Match, Questions, Row
from sync_agent.upn import examine


@dataclass(slots=True)
class Observed(Known):
    """What is known, and the ways in which more comes to be."""

    _one_apart: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Of what is decided beside the loop, one thing at a time: each goes on from the one before."""
    _meanwhile: Meanwhile | None = None
    """While the list is being read."""

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
        return Apart(
            self._deciding.anew(rows), rows, matches, self.clues, self.tenant_of, without_presence=self.without_presence
        )

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
        changed = [id_ for id_, row in rows.items() if says_other(row, self.rows.get(id_))]
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
            if self._silences.heard(name, match):
                ageing.add(name)
            known = self.matches.get(name)
            if known != match and not (isinstance(match, CouldNotAsk) and known is not None):
                self.matches[name] = match
                news.add(name)
        if apart is None:
            self._deciding.note_answers(news)
        aged = [id_ for id_, row in self.rows.items() if ageing and examine(row.upn).name in ageing]
        self._decide(aged, apart)

    def put_unread(
        self, failed: Collection[str], answered: Mapping[str, datetime], at: datetime, patience: timedelta
    ) -> None:
        """Whose presence could not be read when it was last asked for, and when each tenant last told anybody's. Rows
        are planned again when it has been so for too long, and when it is over.
        """
        for user_id in self._silences.put_unread(failed, answered, at, patience, self.watched):
            self.dirty.update(dict.fromkeys(self.rows_of(user_id)))

    def put_answered(self, tenant_id: str, at: datetime) -> None:
        """The tenant answered about some name at least."""
        self._silences.put_answered(tenant_id, at)

    def put_heard(self, heard: Mapping[str, Heard], asked: Questions, clues: Clues | None = None) -> None:
        """What the tenants have said about people; ``asked`` is all that they were asked. ``clues``: made of both."""
        if not self.is_news(heard, asked):
            return  # as at most turns, and the index of people takes a while to make
        self._asked_about = asked
        clues = clues or clues_of(heard.values(), asked, self.before)
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
        """What a sweep, or a part of one, read; how many were news."""
        return self._tell(self._presences.put_rounds(parts, read_at, self.rows_of), read_at)

    def put_pushed(self, told: Mapping[str, Reading], at: datetime) -> int:
        """What Graph told by itself, by user id; how many were news."""
        return self.put_beside([without_history(told)], at)

    def put_beside(self, parts: Sequence[Readings], read_at: datetime) -> int:
        """What was read beside the rounds; how many were news."""
        return self._tell(self._presences.put_beside(parts, read_at, self.rows_of), read_at)

    def forget_names(self, names: frozenset[str]) -> None:
        """Drop what is known of names that no row has any more, so that a year of edits does not pile up."""
        for gone in self.matches.keys() - names:
            del self.matches[gone]
            self._silences.forget(gone)

    def _tell(self, news: News, read_at: datetime) -> int:
        changed = 0
        for user_id, before in news:
            if before is not None:
                self.backlog.changed(user_id, before, read_at)
            self.dirty.update(dict.fromkeys(self.rows_of(user_id)))
            self.news.set()
            changed += 1
        return changed

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
            changed = decided.changed
            self.before.update(matched(self.rows, self.verdicts, changed))
            if decided.users:
                self._watch(decided.users)
        else:
            changed = self._take_over(apart, before or {})
        dirty = {**self.dirty, **dict.fromkeys(read), **dict.fromkeys(changed)}
        self.dirty = {row_id: None for row_id in dirty if row_id in self.rows}
        self.backlog.keep(self.rows.keys())
        self.news.set()

    def _take_over(self, apart: Apart, rows: Mapping[int, Row]) -> Collection[int]:
        """Go on with what was decided ``apart``. Gives the rows with another verdict."""
        before, self._names = self.verdicts, None
        others, users = apart.go_on(self._deciding, rows, self.rows, self.matches, self.clues)
        self._deciding = apart.deciding
        self.before.update((id_, found) for id_, found in apart.matched.items() if id_ not in others)
        self.before.update(matched(self.rows, self.verdicts, others))
        self._watch(users, apart.watched)
        return [id_ for id_, verdict in self.verdicts.items() if before.get(id_) is not verdict]

    def _watch(self, users: frozenset[str], apart: Watched | None = None) -> None:
        """``users``: ids of those whom rows have now, or had, since it was found who is watched, or is to be."""
        have = those_with_rows(users, self.rows_of, self.verdicts, self.tenant_of, self.without_presence)
        watched = watching(self.watched if apart is None else apart, have, users)
        if watched != self.watched:
            had = users if apart is None else frozenset(chain.from_iterable(self.watched.values()))
            self.watched = same_where_equal(self.watched, watched)
            self._presences.watch_others(had.difference(*watched.values()))
