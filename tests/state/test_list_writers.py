"""Who writes to a list, as the services of one database tell each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sync_agent.state.store import Store
from sync_agent.two_writers import Known, Look, Span

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_what_is_told_of_a_list_comes_back_and_of_no_other(store: Store) -> None:
    agents, others = store.list_writers("site Agents"), store.list_writers("site Others")
    assert agents.known() == Known(None, {})
    agents.cover("a", Span(NOON, NOON + HOUR))
    agents.cover("a", Span(NOON - HOUR, NOON + 2 * HOUR))
    agents.cover("b", Span(NOON, NOON))
    looks = (Look(NOON, 3, NOON), Look(NOON + HOUR, 1, NOON - HOUR))
    agents.note(NOON - HOUR, looks)
    spans = {"a": Span(NOON - HOUR, NOON + 2 * HOUR), "b": Span(NOON, NOON)}
    assert agents.known() == Known(NOON - HOUR, spans, looks)
    assert others.known() == Known(None, {})


def test_writers_are_forgotten_once_all_their_times_are_accepted(store: Store) -> None:
    agents = store.list_writers("site Agents")
    agents.cover("long ago", Span(NOON - 3 * HOUR, NOON - 2 * HOUR))
    agents.cover("now", Span(NOON - 3 * HOUR, NOON))
    store.list_writers("site Others").cover("long ago", Span(NOON - 3 * HOUR, NOON - 2 * HOUR))
    agents.note(NOON - HOUR, ())
    assert agents.known() == Known(NOON - HOUR, {"now": Span(NOON - 3 * HOUR, NOON)})
    assert store.list_writers("site Others").known().spans.keys() == {"long ago"}
