"""A subscription from the first to the last, whatever Graph does to it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.keep_subscription import FIRST_PAUSE, LONGEST_PAUSE, ended
from sync_agent.microsoft365.errors import ServiceError, Unreachable
from tests.push.desk import desk
from tests.simulator.office import Office


@pytest.mark.anyio
async def test_it_is_made_kept_alive_for_a_day_and_ended(office: Office) -> None:
    async with desk(office) as it:
        assert await it.looked(it.jane, it.bob)
        (one,) = it.at_graph
        assert set(one.ids) == {it.jane.id, it.bob.id}
        assert (one.notification_url, one.lifecycle_url) == (it.url, f"{it.url}/lifecycle")
        first = one.certificate_id
        for _ in range(6 * 24 + 1):
            it.passes(600)
            assert not await it.looked(it.jane, it.bob)
        assert it.at_graph == [one]
        assert one.certificate_id != first
        assert await it.takes(it.told(it.jane)) == {it.jane.id: ("Busy", "InACall")}
        await it.keep.end()
        assert not it.at_graph
        assert it.keep.users == frozenset()


@pytest.mark.anyio
async def test_nothing_is_asked_of_graph_where_nothing_is_to_be_done(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        asked = office.world.requests["subscriptions"]
        it.passes(299)
        assert not await it.looked(it.jane)
        assert not await it.looked(it.jane, it.bob)
        assert office.world.requests["subscriptions"] == asked


@pytest.mark.anyio
async def test_one_that_graph_dropped_without_a_word_is_made_anew_within_five_minutes(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        office.world.subscriptions.alive.clear()
        it.passes(300)
        assert await it.looked(it.jane)
        assert len(it.at_graph) == 1


@pytest.mark.anyio
async def test_one_that_ended_while_the_machine_slept_is_made_anew(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        it.passes(7_200)
        assert await it.looked(it.jane)
        assert len(it.at_graph) == 1


@pytest.mark.anyio
async def test_others_are_told_of_in_their_time(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        for _ in range(4):
            it.passes(240)
            begins = await it.looked(it.jane, it.bob)
        assert begins
        (one,) = it.at_graph
        assert set(one.ids) == {it.jane.id, it.bob.id}
        await it.looked()
        assert not it.at_graph


@pytest.mark.anyio
async def test_graph_asks_for_authorization_and_gets_it(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        (one,) = it.at_graph
        one.authorized_until = 0.0
        it.keep.hear("reauthorizationRequired")
        assert it.keep.wake.is_set()
        await it.looked(it.jane)
        assert one.authorized_until > office.clock()


@pytest.mark.anyio
async def test_what_graph_says_that_nobody_knows_is_passed_over(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        it.keep.hear("somethingNew")
        assert it.keep.users == {it.jane.id}
        assert not it.keep.wake.is_set()


@pytest.mark.anyio
async def test_another_programs_subscription_is_left_alone_and_told(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        (one,) = it.at_graph
        one.notification_url = "https://other.contoso.com/hook"
        it.passes(3_000)
        it.keep.hear("subscriptionRemoved")
        with pytest.raises(ServiceError, match=r"already tells https://other.contoso.com/hook .* an app of its own"):
            await it.looked(it.jane)
        assert it.at_graph == [one]


@pytest.mark.anyio
async def test_a_missing_permission_is_told_with_what_to_do(office: Office) -> None:
    async with desk(office, "User.Read.All") as it:
        with pytest.raises(ServiceError, match=r"listener may not be told .* delegated permission Presence.Read.All"):
            await it.looked(it.jane)


@pytest.mark.anyio
async def test_an_address_that_does_not_answer_as_it_must_is_told(office: Office) -> None:
    async with desk(office) as it:
        it.taker.echoes = False
        with pytest.raises(ServiceError, match=r"could not reach presence.push.notification_url https://127.0.0.1"):
            await it.looked(it.jane)


@pytest.mark.anyio
async def test_each_failure_is_told_once_and_tried_again_less_and_less_often(office: Office) -> None:
    async with desk(office) as it:
        with capture_logs() as logs:
            pauses = [it.keep.failed(Unreachable("away")) for _ in range(8)]
            it.keep.went_well()
            assert it.keep.failed(Unreachable("away")) == FIRST_PAUSE
        assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
        assert pauses[-1] == LONGEST_PAUSE
        assert [log["event"] for log in logs] == ["push_failed", "push_works_again", "push_failed"]


@pytest.mark.anyio
async def test_a_stop_does_not_fail_on_what_graph_does(office: Office) -> None:
    async with desk(office) as it:
        await it.looked(it.jane)
        office.world.faults.add("DELETE /v1.0/subscriptions", status=500)
        with capture_logs() as logs:
            await ended([it.keep], timedelta(seconds=5).total_seconds())
        office.world.faults.clear()
        assert [log["event"] for log in logs] == ["push_not_ended"]
        assert it.keep.standing is None


@pytest.mark.anyio
async def test_no_secret_is_in_the_log_or_in_what_is_shown_of_it(office: Office) -> None:
    async with desk(office) as it:
        with capture_logs() as logs:
            await it.looked(it.jane)
        (one,) = it.at_graph
        assert one.client_state is not None
        assert len(one.client_state) > 40
        assert one.client_state not in repr(logs) + repr(it.keep)
