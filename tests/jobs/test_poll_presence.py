"""Presence of everybody in as few requests as possible, spread over the accounts of a tenant."""

from __future__ import annotations

from collections import Counter
from math import ceil
from pathlib import Path

import pytest

from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.read_list import read_list
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.microsoft365.presence import MOST_IDS
from sync_agent.simulator.graph_presence import presence_of
from sync_agent.simulator.messy import build
from sync_agent.simulator.world import AppRegistration
from tests.jobs.opening import opened


@pytest.mark.anyio
async def test_two_accounts_of_one_tenant_share_its_users_and_their_requests(tmp_path: Path) -> None:
    world = build(1_500, 1)
    _, tenant, _ = world.accounts[0]
    second = AppRegistration("5ec0d0aa-0000-4000-8000-000000000002", {"second-secret": 4e9})
    tenant.apps[second.client_id] = second
    world.accounts.append(("contoso-2", tenant, second))
    async with opened(tmp_path, world=world) as (_, service):
        await read_list(service.context)
        await resolve_users(service.context)
        observed = service.context.observed
        watched = sum(map(len, observed.watched.values()))
        await poll_presence(service.context)
        assert service.transport.requests["presence"] == ceil(watched / MOST_IDS) > 1
        assert len(observed.presences) == watched
        assert all(
            account.presence_budget.room() < account.presence_budget.limit for account in service.accounts.values()
        )
        users = Counter(verdict.account for verdict in observed.verdicts.values() if verdict.user is not None)
        assert users.keys() == {"contoso.com", "contoso-2"}
        assert min(users.values()) > 0.4 * sum(users.values())


@pytest.mark.anyio
async def test_what_is_seen_is_what_is_and_only_news_are_news(tmp_path: Path) -> None:
    world = build(60, 2)
    async with opened(tmp_path, world=world) as (_, service):
        await read_list(service.context)
        await resolve_users(service.context)
        observed = service.context.observed
        await poll_presence(service.context)
        for user_id, seen in observed.presences.items():
            user = world.user(user_id)
            assert user is not None
            expected = presence_of(world, user) if user.has_presence else ("PresenceUnknown", "PresenceUnknown")
            assert (seen.availability, seen.activity) == expected
        observed.dirty.clear()
        await poll_presence(service.context)
        assert observed.dirty == {}
        right = next(truth.object_id for truth in world.truth.values() if not truth.codes)
        moved = world.user(right)
        assert moved is not None
        moved.availability, moved.activity = "Busy", "InAMeeting"
        await poll_presence(service.context)
        assert set(observed.dirty) == set(observed.rows_of(right))


@pytest.mark.anyio
async def test_presence_that_cannot_be_asked_keeps_what_was_known_and_is_told(tmp_path: Path) -> None:
    async with opened(tmp_path, rows=60) as (served, service):
        await read_list(service.context)
        await resolve_users(service.context)
        await poll_presence(service.context)
        before = dict(service.context.observed.presences)
        _, tenant, app = served.world.accounts[1]
        app.permissions.discard("Presence.Read.All")
        token = service.accounts["fabrikam.com"].tokens(served.world.origin)
        await token.renew(await token.token())
        await poll_presence(service.context)
        assert service.context.observed.presences == before
        assert "Presence.Read.All" in service.context.observed.presence_trouble[tenant.id]
        assert len(service.context.observed.presence_trouble) == 1
