"""Turns of writes side by side, in any order of news, answers, failures and edits: no row is ever in two turns, and
none is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from sync_agent.backlog import Backlog
from sync_agent.flapping import Flapping
from sync_agent.fuses import Safety
from sync_agent.jobs.context import Context, Edges
from sync_agent.jobs.domain_owners import DomainOwners
from sync_agent.jobs.history import History
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.other_writers import OtherWriters
from sync_agent.jobs.quarantines import Quarantines
from sync_agent.jobs.write_back import begin_turn, carry_out
from sync_agent.jobs.write_journal import WriteJournal
from sync_agent.leads import questions
from sync_agent.microsoft365.agent_list import Failed, Outcome, Overtaken, Written
from sync_agent.microsoft365.cells import same_cells
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.presence_chunk import without_history
from sync_agent.microsoft365.side_by_side import Writing
from sync_agent.model import Change, Found, Row, User
from sync_agent.plan import plan, written
from sync_agent.progress import Silent
from sync_agent.staleness import Patience
from sync_agent.turns import Turn
from tests.properties.worlds import NOW

ROWS = range(1, 9)
AT_ONCE, SIZE = 2, 2
LATER = timedelta(hours=1)
Answer = Literal["written", "written", "written", "refused", "failed", "lost", "cut off"]
ANSWERS: list[Answer] = ["written", "written", "written", "refused", "failed", "lost", "cut off"]
AVAILABILITIES = st.sampled_from(["Available", "Busy", "Away", "Offline"])


@dataclass(eq=False)
class Asked:
    """Rows on the wire, and the answer that a rule gives."""

    changes: Sequence[Change]
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SlowList:
    """Rows as people see them, in a list that answers when it is told to. An AgentList, as far as writing needs it."""

    title = "Agents"

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = {row.id: row for row in rows}
        self.asked: list[Asked] = []

    async def unwritable(self) -> str:
        await asyncio.sleep(0)
        return ""

    async def write(self, changes: Iterable[Change]) -> AsyncGenerator[Outcome, None]:
        async for outcome in Writing(self._write, SIZE, AT_ONCE).all(changes):
            yield outcome

    async def _write(self, changes: Sequence[Change]) -> list[Outcome]:
        out = {change.row.id for asked in self.asked for change in asked.changes}
        assert out.isdisjoint(change.row.id for change in changes), "a row is written twice at a time"
        asked = Asked(changes)
        self.asked.append(asked)
        try:
            answer = await asked.answer
        finally:
            self.asked.remove(asked)
        if answer == "cut off":
            raise ServiceError("The list went away")
        return [self._outcome(change, answer) for change in changes]

    def _outcome(self, change: Change, answer: Answer) -> Outcome:
        row_id = change.row.id
        now = self.rows.get(row_id)
        if now is None or not same_cells(now, change.row):
            return Overtaken(row_id, now)
        if answer in ("written", "lost"):
            self.rows[row_id] = replace(written(change, None), upn=now.upn, name=now.name)
        return Written(row_id) if answer == "written" else Failed(row_id, answer, refused=answer == "refused")


def user(row_id: int) -> User:
    return User(f"id-{row_id}", f"user{row_id}@contoso.com", f"User {row_id}", teams_licensed=True)


class TurnsSideBySide(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now, self.may_write = NOW, True
        self.users = {row_id: user(row_id) for row_id in ROWS}
        self.presences = dict.fromkeys(ROWS, "Available")
        self.list = SlowList(Row(row_id, each.upn) for row_id, each in self.users.items())
        self.context = self._context()
        self.observed = self.context.observed
        self.tasks: dict[asyncio.Task[None], Turn] = {}
        self._answered()
        self._read()
        self._sweep()

    def _context(self) -> Context:
        def clock() -> Any:
            return self.now

        unused = cast(Any, None)
        edges = Edges(
            agent_list=cast(Any, self.list),
            tenants={},
            presence=unused,
            tenant_names=unused,
            sharepoint=Budget("SharePoint", 1e6, 60.0),
        )
        return Context(
            edges=edges,
            safety=Safety(max_worsened=1.0, max_wrong_at_first=1.0),
            progress=Silent(),
            clock=clock,
            unavailable_after=timedelta(days=9),
            patience=Patience(),
            observed=Observed(tenant_of={"contoso": "tenant"}, backlog=Backlog(Flapping(5.0))),
            quarantines=Quarantines(History(None), "Agents", 0.5, clock),
            writers=OtherWriters(None, "Agents", clock),
            journal=WriteJournal(None, "Agents", clock),
            owners=DomainOwners(None, clock),
            may_write=lambda: self.may_write,
        )

    # What becomes of people and the list

    @rule(row_id=st.sampled_from(ROWS), availability=AVAILABILITIES)
    def somebody_has_another_presence(self, row_id: int, availability: str) -> None:
        self.presences[row_id] = availability
        self._sweep()

    @rule(row_id=st.sampled_from(ROWS))
    def somebody_is_disabled_or_enabled(self, row_id: int) -> None:
        self.users[row_id] = replace(self.users[row_id], enabled=not self.users[row_id].enabled)
        self._answered()

    @rule(row_id=st.sampled_from(ROWS), name=st.sampled_from(["", "Jane", "Bob"]))
    def somebody_edits_a_row(self, row_id: int, name: str) -> None:
        if row_id in self.list.rows:
            self.list.rows[row_id] = replace(self.list.rows[row_id], name=name)

    @rule(row_id=st.sampled_from(ROWS))
    def somebody_deletes_a_row(self, row_id: int) -> None:
        if len(self.list.rows) > 4:
            self.list.rows.pop(row_id, None)

    @rule(seconds=st.sampled_from([1, 6, 70]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    # What the service does

    @rule()
    def the_list_is_read(self) -> None:
        self._read()

    @rule(most=st.integers(1, 5), quick=st.booleans())
    def a_turn_begins(self, most: int, quick: bool) -> None:
        async def begin() -> None:
            taken = set(self.observed.turns.taken)
            result, turn = await begin_turn(self.context, known_rows=None, leave=None, most=most, quick=quick)
            assert result.held is None
            assert taken.isdisjoint(turn.changes)
            task = asyncio.create_task(carry_out(self.context, turn, result))
            self.tasks[task] = turn
            await _settle()

        self.runner.run(begin())

    @precondition(lambda self: self.list.asked)
    @rule(which=st.integers(0, 9), answer=st.sampled_from(ANSWERS))
    def an_answer_comes(self, which: int, answer: Answer) -> None:
        async def answered() -> None:
            self.list.asked[which % len(self.list.asked)].answer.set_result(answer)
            await _settle()

        self.runner.run(answered())

    @precondition(lambda self: any(not task.done() for task in self.tasks))
    @rule(which=st.integers(0, 9))
    def a_turn_is_cut_off(self, which: int) -> None:
        running = [task for task in self.tasks if not task.done()]
        running[which % len(running)].cancel()
        self.runner.run(_settle())

    @rule()
    def the_lease_comes_or_goes(self) -> None:
        self.may_write = not self.may_write

    # What holds

    @invariant()
    def each_row_is_in_one_turn_that_runs(self) -> None:
        open_ = [turn.unanswered | turn.not_begun for task, turn in self.tasks.items() if not task.done()]
        rows = [row_id for each in open_ for row_id in each]
        assert sorted(rows) == sorted(self.observed.turns.taken), "rows are held by nobody, or twice"
        out = {change.row.id for asked in self.list.asked for change in asked.changes}
        assert out <= self.observed.turns.in_flight

    def teardown(self) -> None:
        try:
            self._all_ends_well()
        finally:
            self.runner.close()

    def _all_ends_well(self) -> None:
        """Without the list being read, but for rows of which it is not known what they show."""
        self.may_write = True
        while self.list.asked:
            self.an_answer_comes(0, "written")
        if self.observed.unwritten or self.observed.rows.keys() != self.list.rows.keys():
            self._read()
        for _ in range(6):
            self.now += LATER
            self.a_turn_begins(99, quick=False)
            while self.list.asked:
                self.an_answer_comes(0, "written")
        assert not self.observed.turns.taken
        self._read()
        shown = plan(list(self.list.rows.values()), self.observed.verdicts, self.observed.presences, self.now)
        assert shown.changes == (), "a row is lost"

    def _answered(self) -> None:
        self.observed.put_matches({each.upn: Found(each, "contoso") for each in self.users.values()})
        self.observed.put_heard({}, questions(self.observed.rows.values(), self.observed.matches))

    def _read(self) -> None:
        self.observed.put_rows(list(self.list.rows.values()), self.now)
        self.observed.put_heard({}, questions(self.observed.rows.values(), self.observed.matches))

    def _sweep(self) -> None:
        every = {self.users[row_id].id: (each, each) for row_id, each in self.presences.items()}
        self.observed.put_presences([without_history(every)], self.now)


async def _settle() -> None:
    """Until nobody has anything to do but to wait for an answer."""
    for _ in range(50):
        await asyncio.sleep(0)


TestTurnsSideBySide = TurnsSideBySide.TestCase
TestTurnsSideBySide.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
