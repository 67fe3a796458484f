"""What is done for all rows gives the others their turn in between, and is of one moment all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sync_agent.jobs.plan_rows import plan_news, verdict_of
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.jobs.watch_freshness import shown
from sync_agent.model import Absent
from sync_agent.service import Service
from tests.jobs.opening import opened


async def turns_of_others(task: asyncio.Task[object]) -> int:
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    return turns


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_agent.jobs.plan_rows._LOOKED_AT_ONCE", 5)


async def observed_by(service: Service) -> None:
    await service.open_list()
    await read_list(service.context)
    await resolve_users(service.context)


@pytest.mark.anyio
async def test_the_outcome_is_of_one_moment_whatever_happens_meanwhile(tmp_path: Path, few_at_once: None) -> None:
    async with opened(tmp_path) as (_, service):
        await observed_by(service)
        context, observed = service.context, service.context.observed
        rows = dict(observed.rows)
        verdicts = {row.id: verdict_of(context, row) for row in rows.values()}
        found = asyncio.ensure_future(service.outcome(context.clock(), 0.0, None))
        await asyncio.sleep(0)
        observed.put_matches(dict.fromkeys(observed.matches, Absent("contoso.com")))
        observed.put_rows(list(rows.values())[:3], context.clock())
        assert not found.done()
        outcome = await found
        assert (outcome.rows, outcome.verdicts) == (rows, verdicts)


@pytest.mark.anyio
async def test_others_have_their_turn_while_it_is_found_out_what_is_to_be_planned(
    tmp_path: Path, few_at_once: None
) -> None:
    async with opened(tmp_path) as (_, service):
        await observed_by(service)
        rows = len(service.context.observed.rows)
        await plan_news(service.context, None, quick=False)  # all rows are planned, and only looked at from now on
        assert service.context.observed.dirty.keys() == service.context.observed.rows.keys()
        planning = asyncio.ensure_future(plan_news(service.context, None, quick=False))
        assert await turns_of_others(planning) >= rows // 5


@pytest.mark.anyio
async def test_the_ages_of_all_rows_are_of_one_moment_and_others_have_their_turn(
    tmp_path: Path, few_at_once: None
) -> None:
    async with opened(tmp_path) as (_, service):
        await observed_by(service)
        observed = service.context.observed
        before, rows = await shown(service.context, {}), list(observed.rows.values())
        looking = asyncio.ensure_future(shown(service.context, {}))
        await asyncio.sleep(0)
        observed.put_matches(dict.fromkeys(observed.matches, Absent("contoso.com")))
        observed.put_rows(rows[:3], service.context.clock())
        assert await turns_of_others(looking) >= len(rows) // 5 - 1
        assert looking.result() == before
        assert {row.has_user for row in before} == {True, False}
