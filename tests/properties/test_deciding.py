"""Whatever becomes of rows, answers and people, one after the other: the verdicts are those of the whole list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import structs

from sync_agent.detective import Heard, coming_up
from sync_agent.jobs.apart import Apart, as_known, with_answers
from sync_agent.jobs.observed import Observed
from sync_agent.judging import Rules
from sync_agent.leads import questions
from sync_agent.model import Found, Match, Row, Status, User
from sync_agent.reconcile import names_to_ask, reconcile
from tests.properties.offices import DOMAINS, Office, matches_of, worlds
from tests.properties.worlds import CELLS, SHOWN, USERS

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
WORLDS = worlds()
STRANGE_ROWS = st.lists(
    st.builds(Row, st.integers(1, 20), CELLS, st.sampled_from(["", "Jane Doe"]), SHOWN),
    max_size=3,
    unique_by=lambda row: row.id,
)
TENANTS = {f"account-{place}": f"tenant-{place % 2}" for place in range(len(DOMAINS))} | {"c": "c", "f": "c"}


class AList(RuleBasedStateMachine):
    @initialize(name_mismatch=st.booleans())
    def begin(self, name_mismatch: bool) -> None:
        self.observed = Observed(TENANTS, Rules(name_mismatch))
        self.renamed: set[int] = set()
        self.rows_apart: Apart | None = None
        self.answers_apart: tuple[Apart, dict[str, Match]] | None = None
        """What was decided in a thread, and waits to be taken in."""
        self.undecided: set[int] = set()
        """Rows whose own write changed what the verdict may rest on, which is taken in with the next news."""

    def before(self, rows: Sequence[Row]) -> None:
        """Rows that are about to be read."""
        cells = {id_: row.upn for id_, row in self.observed.rows.items()}
        self.renamed |= {row.id for row in rows if row.id in cells and cells[row.id] != row.upn}

    @rule(world=WORLDS, strange=STRANGE_ROWS)
    def the_list_is_read(self, world: tuple[Sequence[Office], list[Row]], strange: list[Row]) -> None:
        rows = list({row.id: row for row in [*world[1], *strange]}.values())
        self.before(rows)
        self.observed.put_rows(rows, NOW)
        self.undecided.clear()

    @precondition(lambda self: self.rows_apart is None and self.answers_apart is None)
    @rule(world=WORLDS, strange=STRANGE_ROWS)
    def the_list_is_read_and_decided_apart(self, world: tuple[Sequence[Office], list[Row]], strange: list[Row]) -> None:
        rows = as_known({row.id: row for row in [*world[1], *strange]}.values(), self.observed.rows)
        self.rows_apart = self.observed.apart(rows, dict(self.observed.matches))
        self.rows_apart.decide()

    @precondition(lambda self: self.rows_apart is not None)
    @rule()
    def the_rows_decided_apart_are_taken_in(self) -> None:
        assert self.rows_apart is not None
        self.before(list(self.rows_apart.rows.values()))
        self.observed.put_rows(self.rows_apart.rows.values(), NOW, self.rows_apart)
        self.rows_apart = None
        self.undecided.clear()

    @precondition(lambda self: self.rows_apart is None and self.answers_apart is None)
    @rule(world=WORLDS)
    def tenants_answer_and_that_is_decided_apart(self, world: tuple[Sequence[Office], list[Row]]) -> None:
        answers = matches_of(world[0], self.observed.rows.values())
        apart = self.observed.apart(dict(self.observed.rows), with_answers(self.observed.matches, answers)[0])
        apart.decide()
        self.answers_apart = apart, answers

    @precondition(lambda self: self.answers_apart is not None or self.rows_apart is not None)
    @rule(world=WORLDS, data=st.data())
    def much_happens_before_it_is_taken_in(
        self, world: tuple[Sequence[Office], list[Row]], data: st.DataObject
    ) -> None:
        rows = {row.id: row for row in world[1]}
        self.before(list(rows.values()))
        self.observed.put_followed(rows, data.draw(st.sets(st.integers(1, 20), max_size=3)) - rows.keys(), NOW)
        self.observed.put_matches(matches_of(world[0], self.observed.rows.values()))
        self.undecided.clear()
        if self.rows_apart is None:
            self.the_answers_decided_apart_are_taken_in()
        else:
            self.the_rows_decided_apart_are_taken_in()

    @precondition(lambda self: self.answers_apart is not None)
    @rule()
    def the_answers_decided_apart_are_taken_in(self) -> None:
        assert self.answers_apart is not None
        apart, answers = self.answers_apart
        self.observed.put_matches(answers, apart)
        self.answers_apart = None
        self.undecided.clear()

    @rule(world=WORLDS, deleted=st.sets(st.integers(1, 20), max_size=3))
    def changes_are_followed(self, world: tuple[Sequence[Office], list[Row]], deleted: set[int]) -> None:
        rows = {row.id: row for row in world[1] if row.id not in deleted}
        self.before(list(rows.values()))
        self.observed.put_followed(rows, deleted, NOW)

    @precondition(lambda self: self.observed.rows)
    @rule(data=st.data(), strange=STRANGE_ROWS)
    def a_person_was_faster(self, data: st.DataObject, strange: list[Row]) -> None:
        row_id = data.draw(st.sampled_from(sorted(self.observed.rows)))
        rows: dict[int, Row | None] = {row_id: None, **{row.id: row for row in strange}}
        self.before([row for row in rows.values() if row is not None])
        self.observed.put_overtaken(rows)
        self.undecided.clear()

    @precondition(lambda self: self.observed.rows)
    @rule(data=st.data())
    def a_row_is_written(self, data: st.DataObject) -> None:
        row = self.observed.rows[data.draw(st.sampled_from(sorted(self.observed.rows)))]
        user = self.observed.verdicts[row.id].user
        object_id = data.draw(st.sampled_from(["", row.shown.object_id])) if user is None else user.id
        self.observed.put_written(structs.replace(row, shown=structs.replace(row.shown, object_id=object_id)))
        self.undecided.add(row.id)

    @rule(world=WORLDS, data=st.data())
    def tenants_answer(self, world: tuple[Sequence[Office], list[Row]], data: st.DataObject) -> None:
        names = sorted(names_to_ask([*self.observed.rows.values(), *world[1]]))
        matches = matches_of(world[0], self.observed.rows.values())
        few: set[str] = data.draw(st.sets(st.sampled_from(names))) if names else set()
        some = few if data.draw(st.booleans()) else names
        self.observed.put_matches({name: match for name, match in matches.items() if name in some})
        self.undecided.clear()

    @precondition(lambda self: self.observed.rows)
    @rule(data=st.data(), user=USERS)
    def two_names_turn_out_to_be_one_users(self, data: st.DataObject, user: User) -> None:
        names = sorted(names_to_ask(self.observed.rows.values()))
        some = data.draw(st.sets(st.sampled_from(names), max_size=3)) if names else set()
        self.observed.put_matches({name: Found(user, data.draw(st.sampled_from(["c", "account-1"]))) for name in some})
        self.undecided.clear()

    @rule(world=WORLDS)
    def people_come_up(self, world: tuple[Sequence[Office], list[Row]]) -> None:
        asked = questions(self.observed.rows.values(), self.observed.matches)
        everybody = {each.account: [Found(user, each.account) for user in each.users] for each in world[0]}
        heard = {
            each.account: Heard({one.user.id.lower(): one for one in coming_up(asked, everybody[each.account])}, asked)
            if not each.silent
            else Heard(failed=asked, silent="no answer")
            for each in world[0]
        }
        self.observed.put_heard(heard, asked)

    @rule()
    def names_are_forgotten(self) -> None:
        self.observed.forget_names(self.observed.names())

    @invariant()
    def each_row_has_the_verdict_of_the_whole_list(self) -> None:
        observed = self.observed
        whole = reconcile(list(observed.rows.values()), observed.matches, observed.clues, observed.rules)
        self.renamed = {id_ for id_ in self.renamed if id_ in whole and whole[id_].status is Status.UNKNOWN}
        assert observed.verdicts.keys() == whole.keys()
        for row_id in whole.keys() - self.undecided:
            assert observed.verdicts[row_id] == structs.replace(whole[row_id], renamed=row_id in self.renamed)

    @invariant()
    def by_whom_a_row_was_matched_is_remembered(self) -> None:
        for row_id, verdict in self.observed.verdicts.items():
            assert verdict.user is None or self.observed.before[row_id][1] == verdict.user.id

    @invariant()
    def rows_are_found_by_their_users_and_those_are_watched(self) -> None:
        rows_of, watched = defaultdict(set), defaultdict(set)
        for id_, verdict in self.observed.verdicts.items():
            if verdict.user is not None:
                rows_of[verdict.user.id].add(id_)
                watched[TENANTS[verdict.account]].add(verdict.user.id)
        assert all(set(self.observed.rows_of(user_id)) == rows for user_id, rows in rows_of.items())
        assert self.observed.watched == {id_: tuple(sorted(users)) for id_, users in watched.items()}
        assert set(self.observed.dirty) <= self.observed.rows.keys()


AList.TestCase.settings = settings(
    max_examples=60, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAList = AList.TestCase
