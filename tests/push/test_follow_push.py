"""Being told of presence, in a service: who is told, what strangers can do, and what comes of a closed door."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from sync_agent.jobs import follow_push
from sync_agent.jobs.follow_push import FollowPush
from sync_agent.jobs.take_notifications import STRANGER, WRONG_SECRET
from sync_agent.microsoft365.notification_keys import KeyRing
from sync_agent.microsoft365.notifications import Notification, Notifications
from sync_agent.pushing import Standing
from sync_agent.simulator.notifying import collection
from sync_agent.web.push import pushed
from sync_agent.wiring import wired_push
from tests.jobs.opening import opened
from tests.jobs.test_write_back import observe
from tests.push.office import PushOffice, push_office, until


@pytest.mark.anyio
async def test_a_copy_that_stands_by_is_not_told(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office, office.opened() as service:
        await service.accounts["listener"].wait_signed_in()
        await service.sync()
        writes, stop = True, asyncio.Event()
        push = wired_push(
            service.settings, service.transport, service.accounts, replace(service.context, may_write=lambda: writes)
        )
        settings = service.settings.presence.push
        assert push is not None
        assert settings is not None
        telling = asyncio.create_task(pushed(push, settings, stop))
        await until(lambda: len(office.subscriptions) == 1)
        writes = False
        await until(lambda: not office.subscriptions)
        writes = True
        await until(lambda: len(office.subscriptions) == 1)
        stop.set()
        await telling
        assert not office.subscriptions


@pytest.mark.anyio
async def test_what_strangers_send_takes_no_room_and_graph_is_told_when_there_is_none(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office, office.opened() as service:
        push = wired_push(service.settings, service.transport, service.accounts, service.context)
        assert push is not None
        stranger = Notifications([Notification("nobody's", "guessed")])
        assert all(push.offer(stranger) for _ in range(10 * follow_push._MOST_WAITING))
        (keep,) = push.subscribers
        keep._id, keep._client_state = "ours", "secret"
        now = service.context.clock()
        keep.standing = Standing(frozenset(), now, now, now)
        ours = Notifications([Notification("ours", "secret"), Notification("nobody's", "guessed")])
        assert all(push.offer(ours) for _ in range(follow_push._MOST_WAITING))
        assert not push.offer(ours)
        assert push.offer(stranger)
        keep.standing = None


@pytest.mark.anyio
async def test_strangers_learn_nothing_and_change_nothing(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office:
        row_id, user = office.agent()
        with capture_logs() as logs:
            async with office.running() as service:
                await office.told(service)
                told = await asyncio.to_thread(_forged, office, user.id)
                await asyncio.to_thread(_strangers, office, told)
                user.availability, user.activity = "Away", "Away"
                await until(lambda: office.shown(row_id) == "Away")
        complaints = [log["because"] for log in logs if log["event"] == "push_not_believed"]
        reasons = {reason for because in complaints for reason in because}
        assert reasons == {
            STRANGER,
            WRONG_SECRET,
            "it is not proven to be Graph's",
            "its content is not as it was sealed",
            *(f"a request was answered {status}" for status in (400, 404, 405)),
        }
        assert len(complaints) <= len(reasons), "each is a reason to tell it at once only when it is new"
        assert told["value"][0]["clientState"] not in str(logs)


def trusting(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))


def _forged(office: PushOffice, user_id: str) -> dict[str, Any]:
    (one,) = office.subscriptions
    return collection(office.served.world, one, {user_id: ("Busy", "InACall")})


def _strangers(office: PushOffice, told: dict[str, Any]) -> None:
    """Each is answered as if it were believed, unless it has no shape at all."""
    (change,) = told["value"]
    another = {**told, "value": [{**change, "subscriptionId": "99999999-0000-4000-8000-000000000009"}]}
    guessed = {**told, "value": [{**change, "clientState": "guessed"}]}
    unsigned = {**told, "validationTokens": ["e30.e30."]}
    tampered = {**told, "value": [{**change, "encryptedContent": {**change["encryptedContent"], "data": "AAAA"}}]}
    assert office.served.world.trusted is not None
    with httpx.Client(verify=trusting(office.served.world.trusted)) as client:
        for each in (another, guessed, unsigned, tampered) * 20:
            answer = client.post(office.url, json=each)
            assert (answer.status_code, answer.content) == (202, b"")
        assert client.post(office.url, json={"value": "?"}).status_code == 400
        assert client.get(office.url).status_code == 405
        assert client.get(f"{office.url}/../metrics").status_code == 404


@pytest.mark.anyio
async def test_what_graph_could_not_deliver_comes_when_the_door_opens(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office:
        row_id, user = office.agent()
        async with office.running() as service:
            await office.told(service)
            office.door.open = False
            user.availability, user.activity = "Busy", "InACall"
            await until(lambda: office.served.world.requests["notified 0"] > 0)
            assert office.shown(row_id) == "Available"
            office.door.open = True
            await until(lambda: office.shown(row_id) == "Busy")


@pytest.mark.anyio
async def test_what_was_told_wrongly_is_put_right_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when Graph delivers late what is not so any more."""
    monkeypatch.setattr(follow_push, "_CONFIRMED_EVERY", 1.0)
    async with push_office(tmp_path) as office:
        row_id, user = office.agent()
        async with office.running() as service:
            await office.told(service)
            (one,) = office.subscriptions
            late = collection(office.served.world, one, {user.id: ("Busy", "InACall")})
            assert office.served.world.trusted is not None
            with httpx.Client(verify=trusting(office.served.world.trusted)) as client:
                assert (await asyncio.to_thread(client.post, office.url, json=late)).status_code == 202
            await until(lambda: office.shown(row_id) == "Busy")
            await until(lambda: office.shown(row_id) == "Available")


@pytest.mark.anyio
async def test_a_stop_while_graph_is_making_a_subscription_leaves_none(tmp_path: Path) -> None:
    async with push_office(tmp_path) as office, office.opened() as service:
        await service.accounts["listener"].wait_signed_in()
        await service.sync()
        stop = asyncio.Event()
        push = wired_push(service.settings, service.transport, service.accounts, service.context)
        settings = service.settings.presence.push
        assert push is not None
        assert settings is not None
        slow = office.served.world.faults.add("POST /v1.0/subscriptions", delay=0.7)
        telling = asyncio.create_task(pushed(push, settings, stop))
        await until(lambda: slow.seen > 0)
        stop.set()
        await telling
        assert office.served.world.requests["subscriptions"] == 2
        assert not office.subscriptions


@pytest.mark.anyio
async def test_a_tenant_that_answers_slowly_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_push, "_CONFIRMED_EVERY", 0.05)
    async with opened(tmp_path, tenants=2) as (served, service):
        await service.open_list()
        await observe(service)
        observed = service.context.observed
        late, other = (ids[0] for ids in observed.watched.values())
        push = FollowPush(service.context, (), KeyRing(), 1)
        slow = served.world.faults.add("getPresencesByUserId", holding=late.encode(), delay=2.0)
        confirming = asyncio.create_task(push._confirm())
        push._told_of = {late}
        await until(lambda: slow.seen == 1)
        for availability in ("Busy", "Away"):
            user = served.world.user(other)
            assert user is not None
            user.availability = availability
            push._told_of |= {late, other}
            await until(lambda wanted=availability: observed.presences[other].availability == wanted, 1.5)  # type: ignore[misc]
        assert slow.seen == 1, "it is not asked again before it has answered"
        await until(lambda: slow.seen == 2)
        confirming.cancel()
        with suppress(asyncio.CancelledError):
            await confirming
