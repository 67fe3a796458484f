"""The verdicts of a list, kept at the cost of what changed: of 15,000 rows only those that it can concern are judged.

`reconcile` is the definition; a property test holds the two together. Besides its own row a verdict rests on the rows
that share its UPN or its user, and on whether some row has a user by now who may be meant by this one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from msgspec import structs

from sync_agent.detective import NO_CLUES, Clues
from sync_agent.duplicates import Duplicates, find_duplicates
from sync_agent.judging import Judge, Rules, Standing
from sync_agent.model import Match, Row, Status, Verdict
from sync_agent.row_index import RowIndex


@dataclass(frozen=True, slots=True)
class Decided:
    """``changed``: rows with another verdict than before, or with their first, in order.

    ``users``: ids of users whom rows have by UPN and had not before, or the other way round, or by another account.
    """

    changed: Collection[int] = ()
    users: frozenset[str] = frozenset()


class Deciding:
    """What changed is noted; `decide` then judges whatever that concerns."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._clues = NO_CLUES
        self._index = RowIndex()
        self._pending: set[int] = set()
        """Rows of which something was noted, also such that are gone."""
        self._renamed: set[int] = set()
        """Rows that got another UPN, of which it is not known yet whose it is: what they show is somebody else's."""
        self.verdicts: Mapping[int, Verdict] = {}
        """By row id; without presence. Another mapping where one of them changed."""

    def anew(self, rows: Mapping[int, Row]) -> Deciding:
        """Another one, to which all about these rows is news; verdicts that come out the same stay the very ones.
        It knows of no row that it got another UPN.
        """
        fresh = Deciding(self._rules)
        fresh.verdicts = self.verdicts
        fresh._pending = rows.keys() | self.verdicts.keys()
        return fresh

    def take_over(self, other: Deciding, renamed: Collection[int]) -> None:
        """In the place of ``other``, which was told of each other UPN that a row got, but for these rows."""
        self._renamed = other._renamed.union(renamed)
        self._pending |= self._renamed

    def rows_of(self, user_id: str) -> Collection[int]:
        """Ids of the rows that have this user by UPN."""
        return self._index.by_user.of(user_id)

    def note_rows(self, before: Mapping[int, Row], now: Mapping[int, Row], row_ids: Iterable[int]) -> bool:
        """These rows were read anew, or are gone. Gives whether some UPN came, went or is another."""
        cells_changed = False
        for row_id in row_ids:
            was, is_ = before.get(row_id), now.get(row_id)
            if was is is_:
                continue
            if was is None or is_ is None or was.upn != is_.upn:
                cells_changed = True
                self._pending.add(row_id)
                if was is not None and is_ is not None:
                    self._renamed.add(row_id)
            elif was.name != is_.name or (was.shown.object_id != is_.shown.object_id and not self._has_user(row_id)):
                self._pending.add(row_id)
        return cells_changed

    def note_answers(self, names: Iterable[str]) -> None:
        """Something else is said of these names than before."""
        for name in names:
            self._pending.update(self._index.naming(name))

    def decide(self, rows: Mapping[int, Row], matches: Mapping[str, Match], clues: Clues) -> Decided:
        """``rows``, ``matches``, ``clues``: all that is known, what was noted included."""
        if clues is not self._clues:
            self._clues = clues
            self._pending.update(id_ for id_, verdict in self.verdicts.items() if _rests_on_people(verdict))
        pending, self._pending = self._pending, set()
        if not pending:
            return Decided()
        judge = Judge(matches, clues, self._rules)
        standings = {id_: judge.standing(row) for id_ in pending if (row := rows.get(id_)) is not None}
        users = frozenset(chain.from_iterable(self._index.put(id_, standings.get(id_)) for id_ in pending))
        concerned = self._index.concerned() | standings.keys()
        standings = {id_: standings.get(id_) or judge.standing(rows[id_]) for id_ in sorted(concerned)}
        duplicates = self._duplicates(standings, judge, rows)
        now = {id_: self._verdict(judge, each, duplicates) for id_, each in standings.items()}
        return Decided(self._take(now, pending - standings.keys()), users)

    def _has_user(self, row_id: int) -> bool:
        """Then it does not matter whom the row shows."""
        return row_id in self.verdicts and self.verdicts[row_id].user is not None

    def _duplicates(self, standings: Mapping[int, Standing], judge: Judge, rows: Mapping[int, Row]) -> Duplicates:
        """Among these and the rows that they have something in common with; right for these alone."""
        several = [id_ for id_ in standings if not self._index.is_alone(id_)]
        if not several:
            return Duplicates()
        ids = set(chain.from_iterable(self._index.mates(id_) for id_ in several))
        among = {id_: standings.get(id_) or judge.standing(rows[id_]) for id_ in ids}
        users = {id_: user for id_, each in among.items() if (user := each.leads_to) is not None}
        return find_duplicates({id_: each.findings for id_, each in among.items()}, users)

    def _verdict(self, judge: Judge, standing: Standing, duplicates: Duplicates) -> Verdict:
        row_id, taken = standing.row.id, _Taken(self._index)
        verdict = judge.verdict(standing, taken, duplicates.anomalies(row_id))
        self._index.looks_for(row_id, frozenset(taken.asked))
        if row_id not in self._renamed:
            return verdict
        if verdict.status is Status.UNKNOWN:
            return structs.replace(verdict, renamed=True)
        self._renamed.remove(row_id)
        return verdict

    def _take(self, now: Mapping[int, Verdict], gone: Collection[int]) -> Collection[int]:
        changed = {id_: verdict for id_, verdict in now.items() if self.verdicts.get(id_) != verdict}
        if changed or gone:
            kept = {**self.verdicts, **changed}
            for row_id in gone:
                kept.pop(row_id, None)
                self._renamed.discard(row_id)
            self.verdicts = kept
        return changed.keys()


class _Taken:
    """Whether a row has a user, by id in lower case. Notes who was asked for: on them the verdict at hand rests."""

    __slots__ = ("_index", "asked")

    def __init__(self, index: RowIndex) -> None:
        self._index = index
        self.asked: set[str] = set()

    def __contains__(self, user_id: object) -> bool:
        assert isinstance(user_id, str)
        self.asked.add(user_id)
        return self._index.is_taken(user_id)


def _rests_on_people(verdict: Verdict) -> bool:
    return verdict.user is None or verdict.user.guest
