"""Whatever stands in a list or comes from a tenant can be told: nothing invisible, nothing that breaks a line or a
document, and never without end.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jsonschema
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_agent.characters import BLANK
from sync_agent.detective import NO_CLUES, candidates, clearly_best
from sync_agent.explanation.explained import explained
from sync_agent.explanation.facts import Duplicates, Facts, KnownBy, PeopleFacts, PresenceFacts, TenantFacts
from sync_agent.leads import lead
from sync_agent.model import CouldNotAsk, Match, NoTenant, Presence, Questions, Row, Verdict
from sync_agent.plan import plan
from sync_agent.reconcile import names_to_ask, reconcile, with_presence
from tests.cli.test_explain import SCHEMA
from tests.properties.worlds import ANSWERS, CELLS, NOW, PRESENCES, SHOWN

WILD = st.text(st.characters(), max_size=30)
ROWS = st.builds(Row, st.just(7), CELLS | WILD, WILD, SHOWN, st.none() | WILD)
DAY = timedelta(hours=24)


def facts(row: Row, match: Match, presences: dict[str, Presence], title: str, reason: str) -> Facts:
    """As if every name of the row had had this answer, by one tenant."""
    matches = dict.fromkeys(names_to_ask([row]), match)
    found = reconcile([row], matches)[row.id]
    presence = None if found.user is None else presences.get(found.user.id)
    verdict: Verdict = with_presence(found, presence, NOW, DAY, row.shown)
    silent = CouldNotAsk(reason, NOW)
    tenant = TenantFacts("id", title, ("c",), frozenset({"c.com"}), KnownBy.SETTINGS, matches, None, ())
    away = TenantFacts("other", "other", ("f",), frozenset(), KnownBy.NOT_KNOWN, {}, silent, ())
    told = lead(row.upn, row.name)
    ordered = tuple(candidates(told, NO_CLUES, (), None))
    people = PeopleFacts(told, told.questions(), Questions(), ordered, clearly_best(list(ordered)), reason)
    changes = plan([row], {row.id: verdict}, presences, NOW).changes
    return Facts(
        asked=row.upn or "",
        at=NOW,
        list_title=title,
        rows=1,
        row=row,
        assumed=False,
        also=(),
        matches=matches,
        tenants=(tenant, away),
        owners={name.rpartition("@")[2]: silent for name in matches if isinstance(match, NoTenant)},
        people=people,
        duplicates=Duplicates((1, 2, 3, 4, 5, 6, 8), (9,), reason),
        presence=PresenceFacts(presence or (silent if found.user else None), NOW, DAY),
        verdict=verdict,
        change=changes[0] if changes else None,
    )


@settings(deadline=None)
@given(ROWS, ANSWERS, PRESENCES, WILD, WILD)
def test_everything_can_be_told(
    row: Row, match: Match, presences: dict[str, Presence], title: str, reason: str
) -> None:
    explanation = explained(facts(row, match, presences, title, reason), {"list": 1}, 0.1)
    for step in explanation.steps:
        for line in step.text.split("\n"):
            assert not [character for character in line if BLANK.match(character) and character != " "]
            assert line.isprintable()
        assert len(step.text) < 2_000
    document: Any = orjson.loads(orjson.dumps(explanation.document()))
    jsonschema.validate(document, SCHEMA)
    assert document["row"]["id"] == 7
    assert [anomaly["code"] for anomaly in document["verdict"]["anomalies"]] == [
        step["title"] for step in document["steps"] if step["part"] == "verdict" and "severity" in step["facts"]
    ]
