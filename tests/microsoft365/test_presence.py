"""Sweeps over HTTPS: as few requests as possible, nothing lost to a bad id, no failure taken for an absence."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from sync_agent.microsoft365.presence import UNKNOWN, Sweep
from sync_agent.microsoft365.transport import TokenSource, Transport
from sync_agent.model import CouldNotAsk
from sync_agent.simulator.world import SimUser
from tests.microsoft365.contoso import TENANT, Contoso, Opened, SignIn, id_of, members, opened, refusing, saying

pytestmark = pytest.mark.anyio

BUSY, FREE = ("Busy", "InACall"), ("Available", "Available")
HOUR = 3_600
PRESENCE = "getPresencesByUserId"


def team(contoso: Contoso, count: int) -> list[str]:
    """The ids of so many users, who are free."""
    users = [contoso.add_user(f"agent{number}@contoso.com") for number in range(count)]
    return [user.id for user in users]


def person(contoso: Contoso, id_: str) -> SimUser:
    return contoso.tenant.users[id_]


async def swept(at: Opened, ids: Sequence[str]) -> Sweep:
    """Each id is in values or in failed, and the progress tells of each once."""
    at.contoso.world.heard.clear()
    told: list[int] = []
    sweep = await at.reader.sweep({TENANT: ids}, told.append)
    assert sweep.values.keys() | sweep.failed.keys() == set(ids)
    assert not sweep.values.keys() & sweep.failed.keys()
    assert sum(told) == len(ids)
    return sweep


def sizes(at: Opened) -> list[int]:
    """How many ids each request of the latest sweep named."""
    return [len(call.json()["ids"]) for call in at.contoso.heard(PRESENCE)]


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (650, 1), (651, 2), (1_300, 2), (2_000, 4)])
async def test_a_sweep_takes_as_few_requests_as_possible(contoso: Contoso, count: int, requests: int) -> None:
    ids = team(contoso, count)
    async with opened(contoso) as at:
        sweep = await swept(at, ids)
    assert sweep.values == dict.fromkeys(ids, FREE)
    assert len(sizes(at)) == requests
    assert sum(sizes(at)) == count
    assert max(sizes(at), default=0) <= 650


async def test_each_sweep_tells_what_is_now(contoso: Contoso) -> None:
    ids = team(contoso, 1_000)
    async with opened(contoso) as at:
        first = await swept(at, ids)
        person(contoso, ids[7]).availability, person(contoso, ids[7]).activity = BUSY
        contoso.clock.now += 2
        second = await swept(at, ids)
    assert second.values == {**first.values, ids[7]: BUSY}
    assert (second.read_at - first.read_at).total_seconds() == 2


async def test_values_that_graph_adds_one_day_are_kept_as_they_come(contoso: Contoso) -> None:
    ids = team(contoso, 1)
    person(contoso, ids[0]).availability, person(contoso, ids[0]).activity = "Dreaming", "OnTheMoon"
    async with opened(contoso) as at:
        assert (await swept(at, ids)).values == {ids[0]: ("Dreaming", "OnTheMoon")}


async def test_who_has_no_presence_is_unknown_whether_answered_or_left_out(contoso: Contoso) -> None:
    ids = team(contoso, 60)
    strangers = [id_of(str(number)) for number in range(10)]
    for id_ in ids[:20]:
        person(contoso, id_).licensed = False
    named: set[str] = set()

    def seen(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
        named.update(value["id"] for value in values)
        return values

    contoso.spoil(PRESENCE, instead=members(seen))
    async with opened(contoso) as at:
        sweep = await swept(at, [*ids, *strangers])
    assert 40 < len(named) < 70
    assert sweep.values == {**dict.fromkeys(ids[20:], FREE), **dict.fromkeys([*ids[:20], *strangers], UNKNOWN)}


async def test_ids_in_capitals_are_known_again_and_unasked_ones_are_passed_over(contoso: Contoso) -> None:
    ids = team(contoso, 30)
    more = {"id": "x", "availability": "Busy", "activity": "Busy"}

    def odd(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [more, *({**value, "id": value["id"].upper()} for value in values if value["id"] != ids[3])]

    contoso.spoil(PRESENCE, instead=members(odd))
    async with opened(contoso) as at:
        sweep = await swept(at, ids)
    assert sweep.values == {**dict.fromkeys(ids, FREE), ids[3]: UNKNOWN}


async def test_other_users_are_divided_anew(contoso: Contoso) -> None:
    ids = team(contoso, 1_000)
    async with opened(contoso) as at:
        await swept(at, ids[:700])
        sweep = await swept(at, ids[100:])
    assert sweep.values == dict.fromkeys(ids[100:], FREE)
    assert sizes(at) == [450, 450]


async def test_a_malformed_id_is_found_by_halving_and_set_aside(contoso: Contoso) -> None:
    ids = team(contoso, 1_300)
    ids[123] = bad = "no-guid"
    async with opened(contoso) as at:
        sweep = await swept(at, ids)
        assert sweep.values == {**dict.fromkeys(ids, FREE), bad: UNKNOWN}
        assert sweep.set_aside.keys() == {bad}
        assert "400" in sweep.set_aside[bad]
        assert len(sizes(at)) <= 2 + 2 * 10
        again = await swept(at, ids)
        assert again.values == sweep.values
        assert sorted(sizes(at)) == [649, 650]


@pytest.mark.parametrize("count", [2, 5, 11])
async def test_several_malformed_ids_cost_no_other_its_presence(contoso: Contoso, count: int) -> None:
    ids = team(contoso, 650)
    for place in random.Random(count).sample(range(650), count):
        ids[place] = f"no-guid-{place}"
    bad = {id_ for id_ in ids if id_.startswith("no")}
    async with opened(contoso) as at:
        sweep = await swept(at, ids)
    assert sweep.set_aside.keys() == bad
    assert sweep.values == dict.fromkeys(ids, FREE) | dict.fromkeys(bad, UNKNOWN)
    assert len(sizes(at)) <= 1 + 20 * count


async def test_a_very_bad_chunk_is_sorted_out_over_several_sweeps(contoso: Contoso) -> None:
    bad = [f"no-guid-{number}" for number in range(40)]
    ids = bad + team(contoso, 610)
    async with opened(contoso) as at:
        for _ in range(4):
            sweep = await swept(at, ids)
            assert len(sizes(at)) <= 260
    assert sweep.set_aside.keys() == set(bad)
    assert not sweep.failed


async def test_an_id_set_aside_is_tried_again_alone_after_an_hour(contoso: Contoso) -> None:
    ids = team(contoso, 650)
    contoso.spoil(PRESENCE, holding=ids[0].encode(), **refusing(400, "BadRequest"))
    async with opened(contoso) as at:
        await swept(at, ids)
        contoso.clock.now += HOUR
        assert (await swept(at, ids)).set_aside.keys() == {ids[0]}
        assert sorted(sizes(at)) == [1, 649]
        contoso.mend()
        contoso.clock.now += HOUR
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
        assert (await swept(at, ids)).set_aside == {}
        assert sizes(at) == [650]


async def test_an_id_set_aside_is_forgotten_with_its_user(contoso: Contoso) -> None:
    ids = ["no-guid", *team(contoso, 19)]
    async with opened(contoso) as at:
        assert (await swept(at, ids)).set_aside.keys() == {"no-guid"}
        assert (await swept(at, ids[1:])).set_aside == {}


@pytest.mark.parametrize(("count", "most"), [(1, 1), (20, 31), (650, 31)])
async def test_a_request_that_is_refused_whatever_is_in_it_blames_no_id(
    contoso: Contoso, count: int, most: int
) -> None:
    ids = team(contoso, count)
    contoso.spoil(PRESENCE, **refusing(400, "BadRequest"))
    async with opened(contoso) as at:
        sweep = await swept(at, ids)
    assert sweep.failed.keys() == set(ids)
    assert not sweep.set_aside
    assert len(sizes(at)) <= most


FAILURES = [
    refusing(403, "Forbidden"),
    refusing(404, "NotFound"),
    refusing(500),
    refusing(503),
    saying({}),
    saying({"value": []}),
    saying({"value": [{"id": "1"}]}),
    {"status": 200, "body": b"<html>sorry</html>"},
    {"status": 200, "body": b'{"value": [', "headers": {"content-type": "application/json"}},
    {"instead": members(lambda values: [])},
    {"cut": True},
    {"reset": True},
]


@pytest.mark.parametrize("how", FAILURES)
async def test_a_failure_leaves_exactly_its_ids_unanswered_until_it_is_over(
    contoso: Contoso, how: dict[str, Any]
) -> None:
    ids = team(contoso, 1_300)
    async with opened(contoso) as at:
        await swept(at, ids)
        contoso.spoil(PRESENCE, holding=ids[0].encode(), **how)
        sweep = await swept(at, ids)
        assert sweep.failed.keys() == set(ids[:650])
        assert sweep.values == dict.fromkeys(ids[650:], FREE)
        contoso.mend()
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)


async def test_a_missing_permission_is_named(contoso: Contoso) -> None:
    ids = team(contoso, 1)
    async with opened(contoso, {"a0": contoso.signed("a0", without="Presence.Read.All")}) as at:
        failure = (await swept(at, ids)).failed[ids[0]]
    assert isinstance(failure, CouldNotAsk)
    assert "Presence.Read.All" in failure.reason


async def test_throttling_is_waited_for(contoso: Contoso) -> None:
    ids = team(contoso, 1_300)
    contoso.spoil(PRESENCE, times=2, **refusing(429, headers={"Retry-After": "11"}))
    async with opened(contoso) as at:
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
    assert contoso.clock.now >= 1_011
    assert len(sizes(at)) == 4


async def test_the_budget_is_kept(contoso: Contoso) -> None:
    ids = team(contoso, 1)
    async with opened(contoso, units=60, window=30) as at:
        for _ in range(60):
            await at.reader.sweep({TENANT: ids})
        assert contoso.clock.now == 1_000
        await at.reader.sweep({TENANT: ids})
        assert contoso.clock.now >= 1_029.8


async def test_two_accounts_share_the_requests_of_a_sweep(contoso: Contoso) -> None:
    ids = team(contoso, 2_600)
    async with opened(contoso, {account: contoso.signed(account) for account in ("a0", "a1")}) as at:
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
    assert sorted(contoso.askers()) == sorted([id_of("a0"), id_of("a1")] * 2)


async def test_an_account_without_sign_in_or_permission_is_stood_in_for(contoso: Contoso, tmp_path: Path) -> None:
    ids = team(contoso, 2_600)
    accounts = {
        "a0": contoso.signed("a0", without="Presence.Read.All"),
        "a1": contoso.signing_in("a1", tmp_path, secret="wrong"),
        "a2": contoso.signed("a2"),
    }
    async with opened(contoso, accounts) as at:
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
    assert set(contoso.askers()) == {id_of("a2")}


async def test_without_any_sign_in_all_are_unanswered(contoso: Contoso, tmp_path: Path) -> None:
    ids = team(contoso, 700)
    async with opened(contoso, {"a0": contoso.signing_in("a0", tmp_path, secret="wrong")}) as at:
        sweep = await swept(at, ids)
    assert sweep.failed.keys() == set(ids)
    (reason,) = {failure.reason for failure in sweep.failed.values()}
    assert "AADSTS7000215" in reason
    assert sizes(at) == []


class Stuck:
    """A sign-in that takes as long as the test wants."""

    account = "a0"

    def __init__(self, sign_in: SignIn) -> None:
        self.free = asyncio.Event()
        self._sign_in = sign_in

    def __call__(self, transport: Transport) -> TokenSource:
        self._tokens = self._sign_in(transport)
        return self

    async def token(self) -> str:
        await self.free.wait()
        return await self._tokens.token()

    async def renew(self, rejected: str) -> None:
        await self._tokens.renew(rejected)


def at_once(sweep: Coroutine[Any, Any, Sweep]) -> Sweep:
    """What a sweep gives that waits for nothing at all."""
    with pytest.raises(StopIteration) as ended:
        sweep.send(None)
    result: Sweep = ended.value.value
    return result


async def test_a_tenant_that_hangs_is_waited_for_once_and_taken_in_when_it_answers(contoso: Contoso) -> None:
    ids = team(contoso, 10)
    stuck = Stuck(contoso.signed("a0"))
    before = asyncio.all_tasks()
    async with opened(contoso, {"a0": stuck}, patience=0.3) as at:
        late = await at.reader.sweep({TENANT: ids})
        assert late.failed.keys() == set(ids)
        assert "not answered yet" in late.failed[ids[0]].reason
        for _ in range(10):
            assert at_once(at.reader.sweep({TENANT: ids[:5]})).failed.keys() == set(ids[:5])
        questions = asyncio.all_tasks() - before
        stuck.free.set()
        await asyncio.wait(questions)
        assert at_once(at.reader.sweep({TENANT: ids[5:]})).values == dict.fromkeys(ids[5:], FREE)
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)


async def test_a_sweep_that_is_called_off_leaves_nothing_running(contoso: Contoso) -> None:
    ids = team(contoso, 10)
    async with opened(contoso, {"a0": Stuck(contoso.signed("a0"))}) as at:
        before = asyncio.all_tasks()
        sweep = asyncio.create_task(at.reader.sweep({TENANT: ids}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks() - before) == 2
        sweep.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sweep
        assert asyncio.all_tasks() == before
