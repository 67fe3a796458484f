"""A change in Teams reaches the list by Graph's own telling, with everybody asked for but once an hour."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from tests.push.office import push_office, until
from tests.web.asking import asked
from tests.web.test_service_pages import documented


@pytest.mark.anyio
async def test_a_change_reaches_the_list_and_a_stop_ends_the_subscription(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office:
        row_id, user = office.agent()
        async with office.running() as service:
            await office.told(service)
            (one,) = office.subscriptions
            office.served.world.faults.add("getPresencesByUserId", status=500)
            user.availability, user.activity = "Busy", "InACall"
            await until(lambda: office.shown(row_id) == "Busy")
            read_at = service.context.edges.presence.last_read()[user.id]
            assert read_at >= service.context.observed.presences[user.id].since
            user.availability, user.activity = "Away", "Away"
            await until(lambda: office.shown(row_id) == "Away")
            _, text, _ = await asyncio.to_thread(asked, office.pages, "/metrics")
            figures = {
                (sample.name, *sample.labels.values()): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
            assert 3_000 < figures["sync_agent_push_left_seconds", "listener"] <= 3_300
            assert figures["sync_agent_push_users", "listener"] == len(one.ids)
            assert figures["sync_agent_push_changes_total", "news"] == 2
            told = {name for name, *_ in figures if "push" in name}
            assert told | {"sync_agent_push_refused_total"} == {name for name in documented() if "push" in name}
        assert not office.subscriptions


@pytest.mark.anyio
async def test_what_graph_removed_is_made_anew_and_what_changed_meanwhile_is_read(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office:
        row_id, user = office.agent()
        async with office.running() as service:
            await office.told(service)
            world, (one,) = office.served.world, office.subscriptions
            del world.subscriptions.alive[one.id]
            user.availability, user.activity = "Busy", "InACall"
            world.subscriptions.tell(one, "subscriptionRemoved", "2026-01-01T00:00:00Z")
            await until(lambda: office.shown(row_id) == "Busy")
            await until(lambda: [each.id for each in office.subscriptions] not in ([], [one.id]))


@pytest.mark.anyio
async def test_what_graph_missed_is_read_at_once(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office:
        row_id, user = office.agent()
        async with office.running() as service:
            await office.told(service)
            world, (one,) = office.served.world, office.subscriptions
            one.told[user.id] = ("Busy", "InACall")
            user.availability, user.activity = "Busy", "InACall"
            world.subscriptions.tell(one, "missed", "2026-01-01T00:00:00Z")
            await until(lambda: office.shown(row_id) == "Busy")


@pytest.mark.anyio
async def test_a_service_that_was_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office:
        row_id, user = office.agent()
        async with office.running() as service:
            await office.told(service)
            (left,) = office.subscriptions
        office.served.world.subscriptions.alive[left.id] = left
        async with office.running():
            await until(lambda: [each.id for each in office.subscriptions] not in ([], [left.id]), 30)
            user.availability, user.activity = "Busy", "InACall"
            await until(lambda: office.shown(row_id) == "Busy")


@pytest.mark.anyio
async def test_an_address_that_graph_cannot_reach_is_told_once_and_the_rounds_go_on(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office:
        row_id, user = office.agent()
        office.served.replace(office.url, "https://127.0.0.1:1/graph")
        office.served.replace("presence: 1h", "presence: 200ms")
        with capture_logs() as logs:
            async with office.running():
                await until(lambda: any(log["event"] == "push_failed" for log in logs), 30)
                user.availability, user.activity = "Busy", "InACall"
                await until(lambda: office.shown(row_id) == "Busy", 30)
        (told,) = [log for log in logs if log["event"] == "push_failed"]
        assert "Graph could not reach presence.push.notification_url https://127.0.0.1:1/graph" in told["reason"]
        assert "presence.push.listen" in told["reason"]
        assert not office.subscriptions


@pytest.mark.anyio
async def test_two_accounts_of_a_tenant_share_its_users(tmp_path: Path) -> None:
    async with push_office(tmp_path, listeners=2) as office:
        office.served.replace('/graph", listen', '/graph", most: 9, listen')
        async with office.running() as service:
            await until(lambda: [len(one.ids) for one in office.subscriptions] == [9, 9], 30)
            one, other = office.subscriptions
            assert not set(one.ids) & set(other.ids)
            assert one.app_id != other.app_id
            known = service.context.edges.presence._told
            await until(lambda: {*one.ids, *other.ids} <= known.keys())
            changed = [office.served.world.user(told_of) for told_of in (one.ids[0], other.ids[0])]
            presences = service.context.observed.presences
            for user in changed:
                assert user is not None
                user.availability, user.activity = "Busy", "InACall"
            await until(lambda: all(user and presences[user.id].availability == "Busy" for user in changed))
        assert not office.subscriptions
