"""Which approval a row held, and beside which UPN: kept between processes, and only as long as it is held."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sync_agent.fixes import first_seen
from sync_agent.model import Row
from sync_agent.state.store import Store
from tests.outcomes import STARTED, outcome
from tests.state.queried import queried

SEEN = first_seen({}, [Row(row_id, f"user{row_id}@contoso.com", approved="jane@contoso.com") for row_id in (1, 2, 9)])


def test_they_come_back_as_they_were_and_only_of_their_list(store: Store) -> None:
    store.note_approvals("Agents", SEEN)
    assert store.approvals("Agents") == SEEN
    assert store.approvals("Others") == {}
    edited = first_seen(SEEN, [Row(1, "typed@contoso.com", approved="jane@contoso.com")])
    assert edited[1].void
    store.note_approvals("Agents", {**edited, 2: None})
    assert store.approvals("Agents") == {**edited, 9: SEEN[9]}


def test_a_pass_forgets_those_of_rows_that_are_gone(store: Store) -> None:
    store.note_approvals("Agents", SEEN)
    store.save(outcome({}, rows=3))
    assert store.approvals("Agents") == {1: SEEN[1], 2: SEEN[2]}


def test_those_of_a_list_that_is_synced_no_more_are_forgotten(url: str) -> None:
    forgetful = Store.open(url, timedelta(days=30))
    forgetful.note_approvals("Agents", SEEN)
    forgetful.save(outcome({}, rows=3))
    for day in (20, 40):
        forgetful.save(replace(outcome({}, started=STARTED + timedelta(days=day)), list_title="Others"))
    assert queried(url, "SELECT 1 FROM approvals") == []
    forgetful.close()


def test_no_text_of_a_cell_is_kept(store: Store, url: str) -> None:
    store.note_approvals("Agents", SEEN)
    assert "contoso" not in str(queried(url, "SELECT * FROM approvals"))
