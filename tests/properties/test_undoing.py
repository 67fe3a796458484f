"""An undo, over whatever a run wrote and whatever happened since: nobody's edit is lost, and what was left alone shows
what it showed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sync_agent.model import Change, OurColumn, Row, Shown
from sync_agent.plan import written
from sync_agent.undoing import UpnWrite, VerdictCells, VerdictWrite, plan_undo

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
THEN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

CELLS = st.builds(
    VerdictCells,
    st.sampled_from(["", "OK", "Error"]),
    st.sampled_from(["", "upn_format: No.", "upn_format: No.\nuser_guest: So."]),
    st.sampled_from(["", "contoso"]),
    st.sampled_from(["", "id"]),
)
UPNS = st.sampled_from([None, "jane@contoso.com", "joe@contoso.com"])
PRESENCE = st.sampled_from(["", "Available", "Busy"])


@dataclass(frozen=True)
class Step:
    """One write of a run to a row: a verdict, or a fix. ``made``: it reached the list; ``sure``: it is known to."""

    row_id: int
    cells: VerdictCells | None
    upn: str | None
    made: bool
    sure: bool


STEPS = st.builds(Step, st.integers(1, 4), st.none() | CELLS, UPNS, st.booleans(), st.booleans())
ROWS = st.fixed_dictionaries({row_id: st.tuples(CELLS, UPNS, PRESENCE) for row_id in range(1, 5)})


@dataclass(frozen=True)
class Ran:
    """A run: the rows before and after it, and what the journal says of it."""

    before: Mapping[int, Row]
    after: Mapping[int, Row]
    verdicts: list[VerdictWrite]
    upns: list[UpnWrite]


def row_of(row_id: int, cells: VerdictCells, upn: str | None, presence: str) -> Row:
    shown = Shown(cells.status, cells.anomalies, cells.account, cells.object_id, presence)
    return Row(row_id, upn, shown=structs.replace(shown, sync_changed_at=THEN))


def ran(found: Mapping[int, tuple[VerdictCells, str | None, str]], steps: list[Step]) -> Ran:
    before = {row_id: row_of(row_id, *cells) for row_id, cells in found.items()}
    rows, verdicts = dict(before), []
    upns: dict[int, UpnWrite] = {}
    for step in steps:
        row, made = rows[step.row_id], step.made or step.sure
        if step.cells is None:
            if made and step.upn != row.upn:
                first = upns[row.id].before if row.id in upns else row.upn
                upns[row.id] = UpnWrite(row.id, first, step.upn)
                rows[row.id] = structs.replace(row, upn=step.upn)
        else:
            is_ = VerdictCells.of(row.shown)
            verdicts.append(VerdictWrite(row.id, row.upn, is_, step.cells, step.sure))
            if made:
                rows[row.id] = row_of(row.id, step.cells, row.upn, row.shown.presence)
    return Ran(before, rows, verdicts, list(upns.values()))


def applied(rows: Mapping[int, Row], run: Ran) -> dict[int, Row]:
    """The rows after the undo of the run."""
    after = dict(rows)
    for each in plan_undo(run.verdicts, run.upns, rows, NOW).restoring:
        row = after[each.row.id]
        if each.change is not None:
            row = written(each.change, None)
        if each.upn is not None:
            row = structs.replace(row, upn=each.upn.before)
        after[each.row.id] = row
    return after


def says(row: Row) -> tuple[VerdictCells, str | None]:
    return VerdictCells.of(row.shown), row.upn


@given(ROWS, st.lists(STEPS, max_size=8))
def test_where_nobody_changed_anything_since_each_row_shows_what_it_showed(
    found: Mapping[int, tuple[VerdictCells, str | None, str]], steps: list[Step]
) -> None:
    """What was written, known to be or not; what was not, is not in the journal for long, and never known to be."""
    run = ran(found, [step for step in steps if step.made or step.sure])
    after = applied(run.after, run)
    for row_id, row in after.items():
        assert VerdictCells.of(row.shown).same(VerdictCells.of(run.before[row_id].shown))
        assert row.upn == run.before[row_id].upn
        assert row.shown.presence == run.after[row_id].shown.presence


@given(ROWS, st.lists(STEPS, max_size=8), st.dictionaries(st.integers(1, 4), st.none() | st.tuples(CELLS, UPNS)))
def test_nobody_s_edit_is_lost(
    found: Mapping[int, tuple[VerdictCells, str | None, str]],
    steps: list[Step],
    edits: Mapping[int, tuple[VerdictCells, str | None] | None],
) -> None:
    """Whatever is not as the run left it (cells, UPN, or the row itself) is not touched; each row has its reason."""
    run = ran(found, steps)
    now = dict(run.after)
    for row_id, edit in edits.items():
        if edit is None:
            del now[row_id]
        else:
            now[row_id] = row_of(row_id, edit[0], edit[1], "Away")
    planned = plan_undo(run.verdicts, run.upns, now, NOW)
    after = applied(now, run)
    assert after.keys() == now.keys()
    assert not {each.row.id for each in planned.restoring} & planned.kept.keys()
    afters = {(each.row_id, each.after) for each in run.verdicts}
    for row_id, row in now.items():
        if says(after[row_id]) != says(row):
            touched = VerdictCells.of(after[row_id].shown) != VerdictCells.of(row.shown)
            if touched:
                assert any(id_ == row_id and cells.same(VerdictCells.of(row.shown)) for id_, cells in afters)
            if after[row_id].upn != row.upn:
                assert any(each.row_id == row_id and (each.after or "") == (row.upn or "") for each in run.upns)
        assert after[row_id].shown.presence == row.shown.presence


@given(ROWS, st.lists(STEPS, max_size=8))
def test_only_verdict_columns_and_their_time_are_written(
    found: Mapping[int, tuple[VerdictCells, str | None, str]], steps: list[Step]
) -> None:
    run = ran(found, steps)
    allowed = {OurColumn.STATUS, OurColumn.ANOMALIES, OurColumn.ACCOUNT, OurColumn.OBJECT_ID}
    for each in plan_undo(run.verdicts, run.upns, run.after, NOW).restoring:
        assert each.change is not None or each.upn is not None
        if each.change is not None:
            assert each.change.values.keys() - {OurColumn.SYNC_CHANGED_AT} <= allowed
            assert each.change.values.keys() & allowed


@given(ROWS, st.lists(STEPS, max_size=8))
def test_an_undo_can_be_undone_and_twice_is_no_more_than_once(
    found: Mapping[int, tuple[VerdictCells, str | None, str]], steps: list[Step]
) -> None:
    run = ran(found, steps)
    once = applied(run.after, run)
    assert {row_id: says(row) for row_id, row in applied(once, run).items()} == {
        row_id: says(row) for row_id, row in once.items()
    }
    undo = _as_run(run, once)
    again = applied(once, undo)
    assert {row_id: says(row) for row_id, row in again.items()} == {
        row_id: says(row) for row_id, row in run.after.items()
    }


def _as_run(run: Ran, once: Mapping[int, Row]) -> Ran:
    """What the journal says of the undo: the verdicts first, and then the UPNs."""
    verdicts, upns = [], []
    for each in plan_undo(run.verdicts, run.upns, run.after, NOW).restoring:
        if each.change is not None:
            after = VerdictCells.of(written(Change(each.row, each.change.values), None).shown)
            verdicts.append(VerdictWrite(each.row.id, each.row.upn, VerdictCells.of(each.row.shown), after))
        if each.upn is not None:
            upns.append(UpnWrite(each.row.id, each.upn.after, each.upn.before))
    return Ran(run.after, once, verdicts, upns)
