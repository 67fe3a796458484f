"""Presence asked for by who needs it most, over HTTPS, in time that passes while nobody waits for an answer."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync_agent.microsoft365.presence import UNKNOWN
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from sync_agent.sweep_pace import Limit
from tests.microsoft365.contoso import Contoso, refusing
from tests.microsoft365.test_presence import BUSY, FREE, PRESENCE, person, team
from tests.microsoft365.test_presence_rounds import following

pytestmark = pytest.mark.anyio

INTERVAL = 0.5
ONE_A_SECOND: dict[str, Any] = {"units": 10, "window": 10}


def counted(contoso: Contoso) -> Counter[str]:
    return Counter(id_ for call in contoso.heard(PRESENCE) for id_ in call.json()["ids"])


async def test_where_the_limit_is_no_constraint_everybody_is_asked_at_the_best_interval(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 1_300))
    async with following(contoso, ids, interval=INTERVAL, worst_age=60) as it:
        await it.at(10)
        assert it.rounds.pace is not None
        assert it.rounds.pace.limited_by is None
    assert it.values == dict.fromkeys(ids, FREE)
    assert {15 <= count <= 21 for count in counted(contoso).values()} == {True}


async def test_where_it_is_those_who_change_come_often_and_nobody_later_than_the_worst_age(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 2_600))
    for id_ in ids[100:]:
        person(contoso, id_).availability = person(contoso, id_).activity = "Offline"
    async with following(contoso, ids, interval=INTERVAL, worst_age=20, **ONE_A_SECOND) as it:
        await it.at(10)
        contoso.world.heard.clear()
        times: dict[str, list[float]] = {id_: [] for id_ in ids}

        def note(call: Call, truly: Truly) -> Reply:
            for id_ in call.json()["ids"]:
                times[id_].append(it.seconds)
            return truly(call)

        contoso.mend()
        contoso.spoil(PRESENCE, instead=note)
        await it.at(110)
    awake, gone = [[len(times[id_]) for id_ in some] for some in (ids[:100], ids[100:])]
    assert min(awake) > 2 * max(gone) > 0
    for seen in times.values():
        assert all(after - before <= 20 + 2 for before, after in pairwise([10.0, *seen, it.seconds]))
    assert len(contoso.heard(PRESENCE)) <= 103, "one a second is what the limit allows"
    assert max(len(call.json()["ids"]) for call in contoso.heard(PRESENCE)) <= 650


async def test_a_change_is_seen(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 2_600))
    async with following(contoso, ids, interval=INTERVAL, worst_age=20, **ONE_A_SECOND) as it:
        await it.until(lambda: it.values.keys() == set(ids))
        assert it.reader.last_read().keys() == set(ids)
        person(contoso, ids[700]).availability, person(contoso, ids[700]).activity = BUSY
        began = it.seconds
        await it.until(lambda: it.values[ids[700]] == BUSY)
        assert it.seconds - began <= 20


async def test_a_worst_age_that_the_limit_does_not_allow_is_stretched_for_all_and_said(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 2_600))
    with capture_logs() as logs:
        async with following(contoso, ids, interval=INTERVAL, worst_age=2, **ONE_A_SECOND) as it:
            await it.at(60)
            assert it.rounds.pace is not None
            assert (it.rounds.pace.held, it.rounds.pace.limited_by) == (4.0, Limit.REQUESTS)
    count = counted(contoso)
    assert max(count.values()) - min(count.values()) <= 1
    assert [log["held"] for log in logs if log["event"] == "presence_interval_is_stretched"] == [4.0]


async def test_what_fails_is_told_of_exactly_those_who_were_asked_until_they_are_answered(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 1_300))
    async with following(contoso, ids, interval=INTERVAL, worst_age=60) as it:
        await it.until(lambda: it.values.keys() == set(ids))
        contoso.mend()
        contoso.spoil(PRESENCE, holding=ids[0].encode(), **refusing(500))
        await it.until(lambda: ids[0] in it.rounds.failed())
        assert it.rounds.failed().keys() < set(ids)
        contoso.mend()
        await it.until(lambda: it.rounds.failed() == {})


async def test_malformed_ids_are_set_aside_and_who_is_watched_no_more_is_not_asked_for(contoso: Contoso) -> None:
    ids = (*team(contoso, 700), "no-guid")
    async with following(contoso, ids, interval=INTERVAL, worst_age=60) as it:
        await it.until(lambda: it.values.keys() == set(ids))
        assert it.values == {**dict.fromkeys(ids, FREE), "no-guid": UNKNOWN}
        it.ids = ids[:300]
        await it.at(it.seconds + 1)
        contoso.world.heard.clear()
        await it.at(it.seconds + 5)
        assert counted(contoso).keys() == set(ids[:300])
        assert it.rounds.failed() == {}
        it.ids = ()
        await it.until(lambda: it.reader.last_read() == {})
