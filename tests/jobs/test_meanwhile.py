"""What becomes of rows while the list is being read is not undone by a page that came before it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sync_agent.jobs.observed import Observed
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.model import Row, Shown
from sync_agent.simulator.lab import Api
from tests.test_following_the_list import Running, right_rows, running
from tests.test_scheduler import until

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
IDS = range(1, 7)


class TheList:
    """As it truly is: people edit UPNs and delete rows, and the service writes what rows show."""

    def __init__(self) -> None:
        self.rows = {id_: Row(id_, f"{id_}@contoso.com", shown=Shown(presence="Away")) for id_ in IDS}
        self.observed = Observed({})
        self.observed.put_rows(self.rows.values(), NOW)

    def happens(self, what: str, row_id: int, serial: int) -> None:
        row = self.rows.get(row_id)
        if row is None:
            return
        if what == "written":
            self.rows[row_id] = written = structs.replace(row, shown=Shown(presence=f"Busy {serial}"))
            self.observed.put_written(written)
        elif what == "edited, and that was found out":
            self.rows[row_id] = edited = structs.replace(row, upn=f"{serial}@contoso.com", shown=Shown())
            self.observed.put_overtaken({row_id: edited})
        elif what == "edited":
            self.rows[row_id] = structs.replace(row, upn=f"{serial}@contoso.com")
        else:
            del self.rows[row_id]
            self.observed.put_overtaken({row_id: None})


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["written", "edited, and that was found out", "edited", "deleted"]), st.sampled_from(IDS)
    ),
    max_size=12,
)


def found_out(of: Mapping[int, Row]) -> dict[int, Shown]:
    return {id_: row.shown for id_, row in of.items()}


@given(EVENTS, st.lists(st.integers(0, 12), min_size=len(IDS), max_size=len(IDS)), EVENTS, st.booleans())
def test_pages_of_any_moment_leave_what_is_known_better(
    events: list[tuple[str, int]], moments: list[int], later: list[tuple[str, int]], whole: bool
) -> None:
    """Each row is read at a moment of its own. ``later``: before the reading is known, after its last page."""
    a_list = TheList()
    a_list.observed.begin_reading()
    read: dict[int, Row] = {}
    for moment in range(13):
        read.update(
            {id_: a_list.rows[id_] for id_, at in zip(IDS, moments, strict=True) if at == moment and id_ in a_list.rows}
        )
        if moment < len(events):
            a_list.happens(*events[moment], moment)
    for serial, event in enumerate(later, 100):
        a_list.happens(*event, serial)
    if whole:
        a_list.observed.put_rows(read.values(), NOW)
    else:
        a_list.observed.put_followed(read, IDS - read.keys(), NOW)
    assert found_out(a_list.observed.rows) == found_out(a_list.rows)


def test_an_edit_that_was_read_while_the_row_was_written_is_taken_in() -> None:
    a_list = TheList()
    a_list.observed.begin_reading()
    a_list.happens("written", 1, 1)
    a_list.happens("edited", 1, 2)
    a_list.observed.put_rows(list(a_list.rows.values()), NOW)
    assert a_list.observed.rows == a_list.rows


def test_a_later_reading_is_believed_again() -> None:
    a_list = TheList()
    a_list.observed.begin_reading()
    a_list.happens("written", 1, 1)
    a_list.observed.put_rows(list(a_list.rows.values()), NOW)
    a_list.observed.begin_reading()
    emptied = {**a_list.rows, 1: structs.replace(a_list.rows[1], shown=Shown())}
    a_list.observed.put_rows(emptied.values(), NOW)
    assert a_list.observed.rows == emptied


@pytest.mark.parametrize("whole", [True, False])
def test_a_write_of_unknown_outcome_stays_in_doubt_where_it_ended_after_the_reading_began(whole: bool) -> None:
    a_list = TheList()
    a_list.observed.put_unwritten([1, 2])
    a_list.observed.begin_reading()
    a_list.observed.put_unwritten([2, 3])
    if whole:
        a_list.observed.put_rows(list(a_list.rows.values()), NOW)
    else:
        a_list.observed.put_followed({}, [], NOW)
    assert a_list.observed.unwritten == {2, 3}


async def _write_while_the_list_is_read(run: Running, row_id: int) -> None:
    run.whole.on_its_way, seen = 1.0, run.whole.seen
    run.jobs.looks.read_whole()
    reading = asyncio.create_task(run.jobs.looks.turn())
    await until(lambda: run.whole.seen > seen)
    await asyncio.sleep(0.2)  # the page is made, and on its way
    context = run.service.context
    await poll_presence(context)
    await run.jobs.writes.turn()
    assert run.served.shown(row_id, "Presence") == context.observed.rows[row_id].shown.presence == "DoNotDisturb"
    assert not reading.done()
    await reading
    run.whole.on_its_way = 0.0


@pytest.mark.anyio
@pytest.mark.parametrize("api", ["graph", "rest"])
async def test_who_is_back_where_he_was_before_a_reading_is_shown_so(api: Api, tmp_path: Path) -> None:
    """The page shows the presence of before our write: were it believed, nothing would seem left to write."""
    async with running(tmp_path, api, schedule="presence: 1s") as (served, run):
        row_id, user = right_rows(served)[0]
        before = user.availability, user.activity
        user.availability, user.activity = "DoNotDisturb", "Presenting"
        await _write_while_the_list_is_read(run, row_id)
        assert run.service.context.observed.rows[row_id].shown.presence == "DoNotDisturb"
        user.availability, user.activity = before
        run.service.context.observed.backlog.flapping.damping = 0.0
        await run.turn()
        assert served.shown(row_id, "Presence") == before[0]
