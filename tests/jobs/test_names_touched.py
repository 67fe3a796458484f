"""Which names are asked about again: all that the changed users have, had or are shown beside, and no others."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from sync_agent.duplicates import user_of
from sync_agent.jobs.names_touched import names_touched
from sync_agent.model import Match, Row
from sync_agent.reconcile import names_to_ask
from tests.properties.worlds import MATCHES, ROWS, UPNS

IDS = st.sampled_from(["id-1", "ID-2", "id-3", "id-9"])
CHANGED = st.dictionaries(IDS, st.frozensets(st.sampled_from([*UPNS, "stranger@c.com"])), max_size=3)


@given(CHANGED, MATCHES, ROWS)
def test_a_name_is_touched_exactly_where_a_changed_user_has_to_do_with_it(
    changed: Mapping[str, frozenset[str]], matches: Mapping[str, Match], rows: list[Row]
) -> None:
    touched = names_touched(changed, matches, rows)
    ids = {id_.lower() for id_ in changed}
    for name in touched | matches.keys() | names_to_ask(rows):
        user = user_of(matches.get(name))
        expected = (
            (name in matches and any(name in names for names in changed.values()))
            or (user is not None and user.id.lower() in ids)
            or any(row.shown.object_id.lower() in ids and name in names_to_ask([row]) for row in rows)
        )
        assert (name in touched) is expected


@given(MATCHES, ROWS)
def test_nobody_touches_nothing(matches: Mapping[str, Match], rows: list[Row]) -> None:
    assert names_touched({}, matches, rows) == frozenset()
