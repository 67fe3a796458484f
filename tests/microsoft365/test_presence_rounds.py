"""Presence asked for all the time, over HTTPS: evenly, each part by itself, in time that passes while nobody waits for
an answer.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.pacing import Budget, Timing
from sync_agent.microsoft365.presence import UNKNOWN, PresenceReader, Reading, Readings
from sync_agent.microsoft365.presence_rounds import TenantRounds
from sync_agent.microsoft365.transport import Transport
from sync_agent.simulator.faults import Fault, Truly
from sync_agent.simulator.wire import Call, Reply
from sync_agent.sweep_pace import Limit
from tests.microsoft365.contoso import NOW, TENANT, Contoso, SignIn, claims_of, id_of, members, opened, refusing
from tests.microsoft365.test_presence import BUSY, FREE, PRESENCE, person, team

pytestmark = pytest.mark.anyio

INTERVAL = 2.0
_REAL_PATIENCE = 20.0


@dataclass
class Following:
    """What the reader hands over, and when the service heard which questions."""

    contoso: Contoso
    reader: PresenceReader
    ids: Sequence[str]
    values: dict[str, Reading] = field(default_factory=dict)
    taken: list[Readings] = field(default_factory=list)
    asked: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """The seconds at which each part was asked for, by its first id."""
    hung: int = 0
    """So many parts are not waited for."""
    at_least: float = 0.0
    """Seconds that each wait takes in truth: where answers are slow in truth, hours would pass until they come."""
    _known: set[object] = field(default_factory=set)

    @property
    def rounds(self) -> TenantRounds:
        return self.reader.rounds[TENANT]

    @property
    def seconds(self) -> float:
        return self.contoso.clock.now - 1_000

    @property
    def all_asked(self) -> list[float]:
        return sorted(at for times in self.asked.values() for at in times)

    def take(self, parts: Sequence[Readings], read_at: datetime) -> None:
        """As whoever is told takes it in: the news alone, where what they are news to is known."""
        for part in parts:
            self.values.update(part.news if part.before in self._known else part.every)
            self._known.add(part.key)
            self.taken.append(part)

    def hear(self, call: Call, truly: Truly) -> Reply:
        self.asked[call.json()["ids"][0]].append(self.seconds)
        return truly(call)

    async def sleep(self, seconds: float) -> None:
        """Time passes once everybody has answered who does."""
        while self.rounds.waiting > self.hung:  # noqa: ASYNC110 -- what is waited for knows of no event
            await asyncio.sleep(0.001)
        self.contoso.clock.now += seconds
        await asyncio.sleep(self.at_least)

    async def until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(_REAL_PATIENCE):
            while not seen():  # noqa: ASYNC110 -- what is waited for knows of no event
                await asyncio.sleep(0.001)

    async def at(self, seconds: float) -> None:
        await self.until(lambda: self.seconds >= seconds)


@asynccontextmanager
async def following(
    contoso: Contoso,
    ids: Sequence[str],
    sign_ins: Mapping[str, SignIn] | None = None,
    *,
    interval: float = INTERVAL,
    before: Callable[[Following], object] = lambda _: None,
    worst_age: float | None = None,
    **how: Any,
) -> AsyncIterator[Following]:
    async with opened(contoso, sign_ins, **how) as at:
        now = at.reader._clock
        made = Following(contoso, at.reader, ids)
        timing = Timing(contoso.clock, made.sleep)
        made.reader = PresenceReader({TENANT: at.sessions}, now, timing=timing, worst_age=worst_age)
        contoso.spoil(PRESENCE, instead=made.hear)
        before(made)
        task = asyncio.create_task(made.reader.follow(lambda: {TENANT: made.ids}, interval, made.take))
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_requests_are_spread_evenly_and_everybodys_turn_comes_each_interval(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 2_600))
    async with following(contoso, ids) as it:
        await it.at(20)
    assert it.values == dict.fromkeys(ids, FREE)
    assert len(it.asked) == 4
    gaps = [after - before for before, after in pairwise(it.all_asked)]
    assert gaps == pytest.approx([INTERVAL / 4] * len(gaps))
    for times in it.asked.values():
        assert [after - before for before, after in pairwise(times)] == pytest.approx([INTERVAL] * (len(times) - 1))


async def test_each_answer_is_handed_over_as_soon_as_it_comes_and_news_are_seen(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 1_300))
    async with following(contoso, ids) as it:
        await it.until(lambda: len(it.taken) == 1)
        assert it.values == dict.fromkeys(ids[:650], FREE)
        await it.at(INTERVAL)
        assert it.values == dict.fromkeys(ids, FREE)
        person(contoso, ids[700]).availability, person(contoso, ids[700]).activity = BUSY
        asked_at = it.seconds
        await it.until(lambda: it.values[ids[700]] == BUSY)
        assert it.seconds - asked_at <= INTERVAL
        assert it.taken[-1].news == {ids[700]: BUSY}


async def test_when_each_user_was_last_read_is_known(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 1_300))
    async with following(contoso, ids) as it:
        assert it.reader.last_read() == {}
        await it.at(10)
        read = {id_: at.timestamp() - NOW.timestamp() - 1_000 for id_, at in it.reader.last_read().items()}
    assert read.keys() == set(ids)
    assert all(it.seconds - INTERVAL - 0.01 <= at <= it.seconds for at in read.values())
    assert len(set(read.values())) == 2


async def test_a_slow_part_delays_itself_alone_and_is_never_asked_twice_at_once(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 2_600))

    def hang(it: Following) -> None:
        it.hung = 1
        contoso.mend()
        contoso.spoil(PRESENCE, holding=ids[0].encode(), delay=2.0, times=1, instead=it.hear)
        contoso.spoil(PRESENCE, instead=it.hear)

    async with following(contoso, ids, before=hang) as it:
        await it.until(lambda: ids[0] in it.values)
        answered, others = it.seconds, [times for id_, times in it.asked.items() if id_ != ids[0]]
        assert len(it.asked[ids[0]]) == 1
        assert answered > 2 * INTERVAL
        assert it.rounds.failed() == {} or answered >= 30
        it.hung = 0
        await it.at(answered + 3 * INTERVAL)
    for times in others:  # while time passes beside an answer, a question may be heard a turn later than it was sent
        gaps = [after - before for before, after in pairwise(times)]
        assert gaps == pytest.approx([INTERVAL] * len(gaps), abs=INTERVAL / 4)
    again = [min(at % INTERVAL, -at % INTERVAL) for at in it.asked[ids[0]][1:]]
    assert max(again) <= INTERVAL / 4, "it comes back at its own time"


async def test_a_part_that_says_nothing_for_long_counts_as_failed_until_it_does(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 1_300))

    def hang(it: Following) -> None:
        it.hung = 1
        contoso.mend()
        contoso.spoil(PRESENCE, holding=ids[0].encode(), delay=1.5, times=1)

    async with following(contoso, ids, before=hang) as it:
        await it.at(29)
        assert it.rounds.failed() == {}
        await it.at(30 + INTERVAL)
        assert it.rounds.failed().keys() == set(ids[:650])
        assert "not answered yet" in it.rounds.failed()[ids[0]].reason
        await it.until(lambda: ids[0] in it.values)
        assert it.rounds.failed() == {}


async def test_the_limit_stretches_the_interval_evenly_and_that_is_said_once(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 2_600))
    with capture_logs() as logs:
        async with following(contoso, ids, units=10, window=10) as it:
            await it.at(100)
            assert it.rounds.pace is not None
            assert (it.rounds.pace.held, it.rounds.pace.limited_by) == (4.0, Limit.REQUESTS)
    gaps = [after - before for before, after in pairwise(it.all_asked)]
    assert gaps == pytest.approx([1.0] * len(gaps))
    (said,) = [log for log in logs if log["event"].startswith("presence_interval")]
    assert (said["wanted"], said["held"], said["because"]) == (INTERVAL, 4.0, "the limit of presence requests")


async def test_slow_answers_stretch_it_and_it_is_held_again_once_they_are_not(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 1_300))

    def slow(it: Following) -> None:
        it.hung = 2
        contoso.mend()
        contoso.spoil(PRESENCE, delay=0.05)

    with capture_logs() as logs:
        async with following(contoso, ids, before=slow) as it:
            await it.at(60)
            assert it.rounds.pace is not None
            assert it.rounds.pace.limited_by is Limit.ANSWERS
            it.hung = 0
            contoso.mend()
            await it.at(it.seconds + 60)
    said = [log["event"] for log in logs if log["event"].startswith("presence_interval")]
    assert said == ["presence_interval_is_stretched", "presence_interval_is_held_again"]


@pytest.mark.parametrize("how", [refusing(500), refusing(403, "Forbidden"), {"cut": True}, {"reset": True}])
async def test_what_fails_is_told_of_exactly_its_users_until_it_is_over(contoso: Contoso, how: dict[str, Any]) -> None:
    ids = tuple(team(contoso, 1_300))
    async with following(contoso, ids) as it:
        await it.at(INTERVAL)
        contoso.mend()
        fault: list[Fault] = [contoso.world.faults.add(PRESENCE, holding=ids[0].encode(), **how)]
        await it.until(lambda: it.rounds.failed().keys() == set(ids[:650]))
        person(contoso, ids[700]).availability, person(contoso, ids[700]).activity = BUSY
        await it.until(lambda: it.values[ids[700]] == BUSY)
        assert fault[0].seen > 0
        contoso.mend()
        await it.until(lambda: it.rounds.failed() == {})


async def test_a_malformed_id_is_set_aside_and_has_no_presence(contoso: Contoso) -> None:
    ids = (*team(contoso, 700), "no-guid")
    async with following(contoso, ids) as it:
        await it.until(lambda: it.values.keys() == set(ids))
        assert it.values == {**dict.fromkeys(ids, FREE), "no-guid": UNKNOWN}
        await it.at(it.seconds + 2 * INTERVAL)
        assert it.rounds.failed() == {}


async def test_whoever_is_watched_anew_is_asked_for_within_an_interval(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 1_400))
    async with following(contoso, ids[:700]) as it:
        await it.at(INTERVAL)
        it.ids = ids[600:]
        began = it.seconds
        await it.until(lambda: it.values.keys() == set(ids))
        assert it.seconds - began <= 1.5 * INTERVAL
        await it.at(began + 2 * INTERVAL)
        assert it.reader.last_read().keys() == set(ids[600:])
        it.ids = ()
        it.reader.note_told(ids[-1:], NOW)
        await it.until(lambda: it.reader.last_read() == {})


async def test_an_answer_from_before_the_watched_changed_does_not_overtake_a_newer_one(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 900))
    answered = asyncio.Event()
    loop = asyncio.get_running_loop()

    def as_it_was(call: Call, truly: Truly) -> Reply:
        loop.call_soon_threadsafe(answered.set)
        return members(lambda values: [{**value, "availability": "Busy", "activity": "InACall"} for value in values])(
            call, truly
        )

    def hang(it: Following) -> None:
        it.hung, it.at_least = 1, 0.1
        contoso.mend()
        contoso.spoil(PRESENCE, delay=1.5, times=1, instead=as_it_was)

    async with following(contoso, ids[:600], before=hang) as it:
        await it.until(lambda: len(contoso.heard(PRESENCE)) > 0)
        it.ids = ids[:500]
        await it.until(lambda: it.values.keys() == set(ids[:500]))
        assert not answered.is_set()
        await answered.wait()
        await asyncio.sleep(0.3)
        assert it.values == dict.fromkeys(ids[:500], FREE)


async def test_an_answer_from_before_the_watched_changed_counts_for_whom_nobody_told_since(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 600))

    def hang(it: Following) -> None:
        it.hung, it.at_least = 2, 0.1
        contoso.mend()
        contoso.spoil(PRESENCE, delay=2.0, times=1)
        contoso.spoil(PRESENCE, silent=True)

    async with following(contoso, ids, before=hang) as it:
        await it.until(lambda: len(contoso.heard(PRESENCE)) > 0)
        it.ids = ids[:500]
        await it.until(lambda: it.values.keys() >= set(ids[:500]))
        assert it.values == dict.fromkeys(ids[:500], FREE)
        assert it.reader.last_read().keys() == set(ids[:500])


async def test_the_parts_of_an_account_that_fails_are_asked_for_by_the_others(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 2_600))
    accounts = {"a0": contoso.signed("a0"), "a1": contoso.signed("a1"), "a2": contoso.signed("a2")}
    async with following(contoso, ids, accounts) as it:
        await it.at(12 * INTERVAL)
        before = contoso.askers()
        assert {before.count(id_of(account)) for account in accounts} <= {len(before) // 3, len(before) // 3 + 1}
        contoso.tenant.apps[id_of("a1")].permissions.discard("Presence.Read.All")
        contoso.world.faults.clear()
        contoso.world.faults.add(PRESENCE, instead=_without(id_of("a1")))
        contoso.world.heard.clear()
        await it.at(24 * INTERVAL)
        assert it.rounds.failed() == {}
        after = contoso.askers()
        assert after.count(id_of("a1")) == 1, "then it is passed over"
        assert abs(after.count(id_of("a0")) - after.count(id_of("a2"))) <= 2


async def test_while_one_account_is_throttled_the_others_ask_as_often_as_they_may(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 2_600))
    accounts = {"a0": contoso.signed("a0"), "a1": contoso.signed("a1")}
    async with following(contoso, ids, accounts, units=10, window=10) as it:
        await it.at(3 * INTERVAL)
        assert it.rounds.pace is not None
        assert it.rounds.pace.held == INTERVAL
        contoso.world.faults.clear()
        contoso.world.faults.add(PRESENCE, times=1, **refusing(429, headers={"Retry-After": "500"}))
        await it.at(5 * INTERVAL)
        contoso.world.heard.clear()
        await it.at(100)
        assert len(set(contoso.askers())) == 1
        assert it.rounds.failed() == {}
        assert (it.rounds.pace.held, it.rounds.pace.limited_by) == (2 * INTERVAL, Limit.REQUESTS)
        await it.at(600)
        contoso.world.heard.clear()
        await it.at(620)
        assert len(set(contoso.askers())) == 2
        assert it.rounds.pace.held == INTERVAL


async def test_a_sweep_that_is_throttled_is_known_to_be_until_it_is_no_more(contoso: Contoso) -> None:
    """In real time, for a budget's own waiting moves the clock of the others."""
    ids = tuple(team(contoso, 700))
    transport = Transport(ca_bundles=[contoso.ca_bundle])
    graph = Graph(transport, contoso.signed("a0")(transport), contoso.world.origin, Budget("a0", 1_500, 30), "presence")
    reader = PresenceReader({TENANT: {"a0": graph}}, lambda: datetime.now(UTC))
    contoso.spoil(PRESENCE, times=1, **refusing(429, headers={"Retry-After": "4"}))
    following_ = asyncio.create_task(reader.follow(lambda: {TENANT: ids}, 0.2, lambda parts, at: None))

    async def until(limit: Limit | None) -> None:
        async with asyncio.timeout(_REAL_PATIENCE):
            while (known := reader.rounds[TENANT].pace) is None or known.limited_by is not limit:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    await until(Limit.THROTTLED)
    await until(None)
    following_.cancel()
    await asyncio.gather(following_, return_exceptions=True)
    await transport.aclose()


def _without(app: str) -> Callable[[Call, Truly], Reply]:
    """As if this app had lost its permission, which a token that was made before still names."""

    def instead(call: Call, truly: Truly) -> Reply:
        told = refusing(403, "Forbidden")
        mine = claims_of(call)["appid"] == app
        return Reply(403, told["body"], told["headers"]) if mine else truly(call)

    return instead


async def test_while_nobody_can_sign_in_all_are_unread_and_nothing_is_asked(contoso: Contoso, tmp_path: Path) -> None:
    ids = tuple(team(contoso, 700))
    accounts = {"a0": contoso.signing_in("a0", tmp_path, secret="wrong")}
    async with following(contoso, ids, accounts) as it:
        await it.until(lambda: it.rounds.failed().keys() == set(ids))
        assert "AADSTS7000215" in it.rounds.failed()[ids[0]].reason
        assert it.asked == {}


async def test_a_fault_of_whoever_is_told_ends_it_and_leaves_nothing_running(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 1_300))
    async with opened(contoso) as at:
        before = asyncio.all_tasks()

        def broken(parts: Sequence[Readings], read_at: datetime) -> None:
            raise RuntimeError("a bug")

        with pytest.raises(ExceptionGroup):
            await at.reader.follow(lambda: {TENANT: ids}, 0.2, broken)
        assert asyncio.all_tasks() == before


@pytest.mark.parametrize("worst_age", [None, 1.0])
async def test_after_such_a_fault_everybody_is_asked_for_again(contoso: Contoso, worst_age: float | None) -> None:
    """Those too whose questions were under way and were cut off by it."""
    ids = tuple(team(contoso, 2_000))
    told: set[str] = set()

    def broken(parts: Sequence[Readings], read_at: datetime) -> None:
        raise RuntimeError("a bug")

    def take(parts: Sequence[Readings], read_at: datetime) -> None:
        told.update(id_ for part in parts for id_ in part.every)

    async with opened(contoso) as at:
        reader = PresenceReader({TENANT: at.sessions}, at.reader._clock, worst_age=worst_age)
        contoso.spoil(PRESENCE, delay=0.1)
        for _ in range(4):
            with pytest.raises(ExceptionGroup):
                await reader.follow(lambda: {TENANT: ids}, 0.1, broken)
        task = asyncio.create_task(reader.follow(lambda: {TENANT: ids}, 0.1, take))
        async with asyncio.timeout(_REAL_PATIENCE):
            while told != set(ids):  # noqa: ASYNC110 -- what is waited for knows of no event
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("worst_age", [None, 1.0])
async def test_a_question_that_is_cancelled_before_its_first_step_is_asked_again(
    contoso: Contoso, worst_age: float | None
) -> None:
    ids = tuple(team(contoso, 20))
    told: set[str] = set()
    bugs = [RuntimeError("a bug, right after the first question was put")]

    async def sleep(seconds: float) -> None:
        if bugs:
            raise bugs.pop()
        contoso.clock.now += seconds
        await asyncio.sleep(0.01)

    def take(parts: Sequence[Readings], read_at: datetime) -> None:
        told.update(*(part.every for part in parts))

    async with opened(contoso) as at:
        timing = Timing(contoso.clock, sleep)
        reader = PresenceReader({TENANT: at.sessions}, at.reader._clock, worst_age=worst_age, timing=timing)
        with pytest.raises(ExceptionGroup):
            await reader.follow(lambda: {TENANT: ids}, INTERVAL, take)
        assert reader.rounds[TENANT].waiting == 0
        task = asyncio.create_task(reader.follow(lambda: {TENANT: ids}, INTERVAL, take))
        async with asyncio.timeout(_REAL_PATIENCE):
            while told != set(ids):  # noqa: ASYNC110 -- what is waited for knows of no event
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_whole_answer_that_tells_nobody_is_not_believed(contoso: Contoso) -> None:
    ids = tuple(team(contoso, 20))
    async with following(contoso, ids) as it:
        await it.at(INTERVAL)
        contoso.mend()
        contoso.spoil(PRESENCE, instead=members(lambda values: []))
        await it.until(lambda: it.rounds.failed().keys() == set(ids))
        assert it.values == dict.fromkeys(ids, FREE)


@pytest.mark.parametrize("worst_age", [None, 7_200.0])
async def test_whoever_comes_to_an_empty_list_is_not_kept_waiting_for_an_interval(
    contoso: Contoso, worst_age: float | None
) -> None:
    ids = team(contoso, 1)
    async with following(contoso, [], interval=3_600.0, worst_age=worst_age) as it:
        await it.at(10)
        it.ids = ids
        await it.until(lambda: bool(it.asked))
        assert it.all_asked[0] < 3_600
