"""Sweeps over HTTPS: as few requests as possible, nothing lost to a bad id, no failure taken for an absence."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from starlette.responses import Response

from sync_agent.microsoft365.errors import SignInFailed
from sync_agent.microsoft365.presence import UNKNOWN, Sweep
from sync_agent.model import CouldNotAsk
from tests.microsoft365.scripted import Asked, FixedToken, refused, said
from tests.microsoft365.small_tenant import TENANT, BrokenSignIn, Opened, SmallTenant, id_of, opened

pytestmark = pytest.mark.anyio

BUSY, FREE = ("Busy", "InACall"), ("Available", "Available")
HOUR = 3_600


def tenant_of(count: int) -> tuple[SmallTenant, tuple[str, ...]]:
    ids = tuple(id_of(str(number)) for number in range(count))
    return SmallTenant(presences=dict.fromkeys(ids, FREE)), ids


async def swept(at: Opened, ids: Sequence[str]) -> Sweep:
    """Each id is in values or in failed, and the progress tells of each once."""
    at.told.clear()
    at.service.asked.clear()
    sweep = await at.reader.sweep({TENANT: ids}, at.told.append)
    assert sweep.values.keys() | sweep.failed.keys() == set(ids)
    assert not sweep.values.keys() & sweep.failed.keys()
    assert sum(at.told) == len(ids)
    return sweep


def sizes(at: Opened) -> list[int]:
    return [len(asked.json()["ids"]) for asked in at.service.asked]


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (650, 1), (651, 2), (1_300, 2), (2_000, 4)])
async def test_a_sweep_takes_as_few_requests_as_possible(count: int, requests: int) -> None:
    tenant, ids = tenant_of(count)
    async with opened(tenant) as at:
        sweep = await swept(at, ids)
    assert sweep.values == dict.fromkeys(ids, FREE)
    assert len(sizes(at)) == requests
    assert sum(sizes(at)) == count
    assert max(sizes(at), default=0) <= 650


async def test_each_sweep_tells_what_is_now() -> None:
    tenant, ids = tenant_of(1_000)
    async with opened(tenant) as at:
        first = await swept(at, ids)
        tenant.presences[ids[7]] = BUSY
        tenant.clock.now += 2
        second = await swept(at, ids)
    assert second.values == {**first.values, ids[7]: BUSY}
    assert (second.read_at - first.read_at).total_seconds() == 2


async def test_values_that_graph_adds_one_day_are_kept_as_they_come() -> None:
    tenant, ids = tenant_of(1)
    tenant.presences[ids[0]] = ("Dreaming", "OnTheMoon")
    async with opened(tenant) as at:
        assert (await swept(at, ids)).values == {ids[0]: ("Dreaming", "OnTheMoon")}


async def test_ids_that_are_not_answered_have_no_presence_and_unasked_ones_are_passed_over() -> None:
    tenant, ids = tenant_of(30)
    del tenant.presences[ids[3]]
    more = {"id": "x", "availability": "Busy", "activity": "Busy"}

    def spoil(asked: Asked) -> Response:
        known = [id_ for id_ in asked.json()["ids"] if id_ in tenant.presences]
        return said({"value": [more, *({**more, "id": id_.upper()} for id_ in known)]})

    tenant.spoil = spoil
    async with opened(tenant) as at:
        sweep = await swept(at, ids)
    assert sweep.values == {**dict.fromkeys(ids, ("Busy", "Busy")), ids[3]: UNKNOWN}


async def test_other_users_are_divided_anew() -> None:
    tenant, ids = tenant_of(1_000)
    async with opened(tenant) as at:
        await swept(at, ids[:700])
        sweep = await swept(at, ids[100:])
    assert sweep.values.keys() == set(ids[100:])
    assert sizes(at) == [450, 450]


async def test_a_malformed_id_is_found_by_halving_and_set_aside() -> None:
    tenant, ids = tenant_of(1_300)
    tenant.malformed = {ids[123]}
    async with opened(tenant) as at:
        sweep = await swept(at, ids)
        assert sweep.values == {**dict.fromkeys(ids, FREE), ids[123]: UNKNOWN}
        assert sweep.set_aside.keys() == {ids[123]}
        assert "400" in sweep.set_aside[ids[123]]
        assert len(sizes(at)) <= 2 + 2 * 10
        again = await swept(at, ids)
        assert again.values == sweep.values
        assert sorted(sizes(at)) == [649, 650]


@pytest.mark.parametrize("bad", [2, 5, 11])
async def test_several_malformed_ids_cost_no_other_its_presence(bad: int) -> None:
    tenant, ids = tenant_of(650)
    tenant.malformed = set(random.Random(bad).sample(ids, bad))
    async with opened(tenant) as at:
        sweep = await swept(at, ids)
        assert sweep.set_aside.keys() == tenant.malformed
        assert {id_ for id_, reading in sweep.values.items() if reading == UNKNOWN} == tenant.malformed
        assert len(sizes(at)) <= 1 + 20 * bad


async def test_a_very_bad_chunk_is_sorted_out_over_several_sweeps() -> None:
    tenant, ids = tenant_of(650)
    tenant.malformed = set(ids[:40])
    async with opened(tenant) as at:
        for _ in range(4):
            sweep = await swept(at, ids)
            assert len(sizes(at)) <= 260
    assert sweep.set_aside.keys() == tenant.malformed
    assert not sweep.failed


async def test_an_id_set_aside_is_tried_again_alone_after_an_hour() -> None:
    tenant, ids = tenant_of(650)
    tenant.malformed = {ids[0]}
    async with opened(tenant) as at:
        await swept(at, ids)
        tenant.clock.now += HOUR
        assert (await swept(at, ids)).set_aside.keys() == {ids[0]}
        assert sorted(sizes(at)) == [1, 649]
        tenant.malformed = set()
        tenant.clock.now += HOUR
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
        assert (await swept(at, ids)).set_aside == {}
        assert sizes(at) == [650]


async def test_an_id_set_aside_is_forgotten_with_its_user() -> None:
    tenant, ids = tenant_of(20)
    tenant.malformed = {ids[0]}
    async with opened(tenant) as at:
        await swept(at, ids)
        assert (await swept(at, ids[1:])).set_aside == {}


@pytest.mark.parametrize(("count", "most"), [(1, 1), (20, 31), (650, 31)])
async def test_a_request_that_is_refused_whatever_is_in_it_blames_no_id(count: int, most: int) -> None:
    tenant, ids = tenant_of(count)
    tenant.spoil = lambda asked: refused(400, "BadRequest")
    async with opened(tenant) as at:
        sweep = await swept(at, ids)
    assert sweep.failed.keys() == set(ids)
    assert not sweep.set_aside
    assert len(sizes(at)) <= most


FAILURES = [
    refused(403, "Forbidden"),
    refused(404, "NotFound"),
    refused(500),
    refused(503),
    said({}),
    said({"value": []}),
    said({"value": [{"id": "1"}]}),
    Response("<html>sorry</html>", media_type="text/html"),
    Response('{"value": [', media_type="application/json"),
]


@pytest.mark.parametrize("answer", FAILURES)
async def test_a_failure_leaves_exactly_its_ids_unanswered_until_it_is_over(answer: Response) -> None:
    tenant, ids = tenant_of(1_300)

    def spoil(asked: Asked) -> Response | None:
        return answer if ids[0] in asked.json()["ids"] else None

    async with opened(tenant) as at:
        await swept(at, ids)
        tenant.spoil = spoil
        sweep = await swept(at, ids)
        assert sweep.failed.keys() == set(ids[:650])
        assert sweep.values == dict.fromkeys(ids[650:], FREE)
        tenant.spoil = lambda asked: None
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)


async def test_a_missing_permission_is_named() -> None:
    tenant, ids = tenant_of(1)
    tenant.spoil = lambda asked: refused(403, "Forbidden")
    async with opened(tenant) as at:
        assert "Presence.Read.All" in (await swept(at, ids)).failed[ids[0]].reason


async def test_throttling_is_waited_for() -> None:
    tenant, ids = tenant_of(1_300)
    tenant.spoil = lambda asked: refused(429, headers={"Retry-After": "11"}) if tenant.clock.now < 1_011 else None
    async with opened(tenant) as at:
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
    assert tenant.clock.now >= 1_011


async def test_the_budget_is_kept() -> None:
    tenant, ids = tenant_of(1)
    async with opened(tenant) as at:
        for _ in range(1_500):
            await at.reader.sweep({TENANT: ids})
        assert tenant.clock.now == 1_000
        await at.reader.sweep({TENANT: ids})
        assert tenant.clock.now >= 1_029.8


async def test_two_accounts_share_the_requests_of_a_sweep() -> None:
    tenant, ids = tenant_of(2_600)
    async with opened(tenant, [FixedToken("t0"), FixedToken("t1")]) as at:
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
        used = [asked.headers["authorization"] for asked in at.service.asked]
    assert sorted(used) == ["Bearer t0"] * 2 + ["Bearer t1"] * 2


async def test_an_account_without_sign_in_or_permission_is_stood_in_for() -> None:
    tenant, ids = tenant_of(2_600)
    tenant.spoil = lambda asked: refused(403) if asked.headers["authorization"] == "Bearer t0" else None
    broken = BrokenSignIn(SignInFailed("AADSTS7000215: wrong"))
    async with opened(tenant, [FixedToken("t0"), broken, FixedToken("t2")]) as at:
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)
        assert {asked.headers["authorization"] for asked in at.service.asked} == {"Bearer t2"}


async def test_without_any_sign_in_all_are_unanswered() -> None:
    tenant, ids = tenant_of(700)
    async with opened(tenant, [BrokenSignIn(SignInFailed("AADSTS7000215: wrong"))]) as at:
        sweep = await swept(at, ids)
    assert {failure.reason for failure in sweep.failed.values()} == {"AADSTS7000215: wrong"}


class Stuck(FixedToken):
    """A sign-in that takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()

    async def token(self) -> str:
        await self.free.wait()
        return await super().token()


async def in_the_end(at: Opened, ids: Sequence[str]) -> Sweep:
    for _ in range(1_000):
        sweep = await at.reader.sweep({TENANT: ids})
        if not sweep.failed:
            break
        await asyncio.sleep(0.005)
    return sweep


async def test_a_tenant_that_hangs_is_waited_for_once_and_taken_in_when_it_answers() -> None:
    tenant, ids = tenant_of(10)
    stuck = Stuck()
    async with opened(tenant, [stuck], patience=0.05) as at:
        late = await at.reader.sweep({TENANT: ids})
        assert late.failed.keys() == set(ids)
        assert "not answered yet" in late.failed[ids[0]].reason
        started = asyncio.get_running_loop().time()
        for _ in range(10):
            assert (await at.reader.sweep({TENANT: ids[:5]})).failed.keys() == set(ids[:5])
        assert asyncio.get_running_loop().time() - started < 0.4
        stuck.free.set()
        sweep = await in_the_end(at, ids[5:])
        assert sweep.values == dict.fromkeys(ids[5:], FREE)
        assert (await swept(at, ids)).values == dict.fromkeys(ids, FREE)


async def test_a_sweep_that_is_called_off_leaves_nothing_running() -> None:
    tenant, ids = tenant_of(10)
    async with opened(tenant, [Stuck()]) as at:
        before = asyncio.all_tasks()
        sweep = asyncio.create_task(at.reader.sweep({TENANT: ids}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sweep.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sweep
        assert asyncio.all_tasks() == before


async def test_failures_are_values_of_the_model() -> None:
    tenant, ids = tenant_of(1)
    tenant.spoil = lambda asked: refused(403)
    async with opened(tenant) as at:
        assert isinstance((await swept(at, ids)).failed[ids[0]], CouldNotAsk)
