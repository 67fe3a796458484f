"""The journal gives back what was put in, of one row or of all."""

from __future__ import annotations

from datetime import timedelta

from sync_agent.state.store import JournalEntry, Store
from tests.outcomes import STARTED

FIRST = JournalEntry(4, STARTED, "UPN", " jane@contoso.com", "jane@contoso.com", "approved by a person")
SECOND = JournalEntry(5, STARTED + timedelta(seconds=1), "UPN", None, "joe@contoso.com", "approved by a person")


def test_entries_come_back_as_they_were_oldest_first(store: Store) -> None:
    store.journal("Agents", [FIRST])
    store.journal("Agents", [SECOND])
    store.journal("Agents", [])
    assert store.journalled("Agents") == [FIRST, SECOND]
    assert store.journalled("Agents", 5) == [SECOND]
    assert store.journalled("Agents", 6) == store.journalled("Others") == []


def test_what_no_database_takes_is_kept_as_near_as_can_be(store: Store) -> None:
    store.journal("Agents", [JournalEntry(1, STARTED, "UPN", "\ud800", "a\0b", "why")])
    [entry] = store.journalled("Agents")
    assert (entry.before, entry.after) == ("\ufffd", "a\ufffdb")
