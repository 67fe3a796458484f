"""Who may be meant is worked out beside the event loop, and nothing that happens meanwhile is lost."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync_agent.detective import Heard, coming_up
from sync_agent.jobs.apart import clues_ahead
from sync_agent.jobs.ask_people import ask_people
from sync_agent.jobs.observed import Observed
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.leads import questions
from sync_agent.model import Found, User
from sync_agent.reconcile import names_to_ask
from sync_agent.simulator.messy import build
from tests.jobs.opening import opened
from tests.properties.worlds import NOW
from tests.pure_world import answers, everybody, rows_of


def test_nobody_is_left_to_be_found_once_people_are_put() -> None:
    world = build(400, 2)
    ahead, known = (Observed({account: tenant.id for account, tenant, _ in world.accounts}) for _ in range(2))
    rows = rows_of(world)
    for each in (ahead, known):
        each.put_rows(rows, NOW)
        each.put_matches(answers(world, names_to_ask(rows)))
    asked = questions(rows, ahead.matches)
    people: defaultdict[str, dict[str, Found]] = defaultdict(dict)
    for found in coming_up(asked, everybody(world)):
        people[ahead.tenant_of[found.account]][found.user.id.lower()] = found
    heard = {tenant_id: Heard(those, asked) for tenant_id, those in people.items()}
    clues = clues_ahead(list(heard.values()), asked, ahead.before, rows, ahead.verdicts)
    found_ahead = set(clues._ranked)
    ahead.put_heard(heard, asked, clues)
    known.put_heard(heard, asked)
    assert ahead.clues is clues
    assert set(clues._ranked) == found_ahead >= set(known.clues._ranked) != set()
    assert ahead.verdicts == known.verdicts


@pytest.mark.anyio
async def test_what_is_heard_of_people_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path) as (_, service):
        await service.open_list()
        await read_list(service.context)
        await resolve_users(service.context)
        observed, loop = service.context.observed, asyncio.get_running_loop()
        one, other = observed.heard
        jane = Found(User("jane", "jane@contoso.com"), next(iter(observed.tenant_of)))
        said_before = observed.heard[one]

        async def come_up() -> None:
            renewed = replace(observed.heard[other], people={**observed.heard[other].people, "jane": jane})
            observed.put_people({**observed.heard, other: renewed})

        def meanwhile(*of: Any) -> Any:
            asyncio.run_coroutine_threadsafe(come_up(), loop).result(10)
            return clues_ahead(*of)

        monkeypatch.setattr("sync_agent.jobs.ask_people.clues_ahead", meanwhile)
        observed.forget_people([one])
        await ask_people(service.context)
        assert observed.heard[one] == said_before
        assert observed.heard[other].people["jane"] == jane
        assert observed.clues.people.by_id["jane"] == jane
