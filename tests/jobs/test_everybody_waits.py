"""Asking anew about everybody gives way to what is new in the list."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sync_agent.jobs.read_list import read_list
from sync_agent.microsoft365.pacing import Priority
from tests.test_scheduler import until
from tests.user_following import agents, running


@pytest.mark.anyio
async def test_a_persons_edit_is_asked_about_before_the_names_that_were_answered_before(tmp_path: Path) -> None:
    async with running(tmp_path, tenants=1) as (served, run):
        service, users = run.service, run.jobs.users
        ((row_id, _, user),) = agents(served, 1)
        (account,) = service.accounts.values()
        budget = account.directory_budget
        served.agents.edit(row_id, {"UPN": f"new.{user.upn}"})
        await read_list(service.context)
        budget.close_for(1.0)
        users._due = 0.0
        everybody = asyncio.create_task(users.turn())
        await until(lambda: budget.snapshot().waiting.get(Priority.BACKGROUND, 0) > 0)
        news = asyncio.create_task(users.news())
        await until(lambda: budget.snapshot().waiting.get(Priority.NORMAL, 0) > 0)
        await news
        assert not everybody.done()
        await everybody
