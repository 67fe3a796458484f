"""A tenant that loses most of the list's users while the service runs: nobody is accused, everything else goes on, and
it ends with the users' return or an operator's word, each without a restart.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from sync_agent.quarantine import Quarantine
from sync_agent.service import Service
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply, json_reply
from sync_agent.simulator.world import SimUser, Tenant
from tests.lab import Lab, lab
from tests.test_scheduler import a_right_row, all_shown, running_on, until

_FOLLOWED = "schedule: {read_list: 1s, resolve_users: 1s, presence: 100ms, write_back: 100ms}\n"
_EVERYBODY = _FOLLOWED.replace("resolve_users: 1s", "resolve_users: 1s, resolve_everybody: 1s")
_SAFETY = "safety: {max_worsened: 100%}\n"
"""So that no fuse does what the quarantine has to."""


def first(served: Lab) -> tuple[str, Tenant]:
    account, tenant, _ = served.world.accounts[0]
    return account, tenant


def leave(served: Lab, part: float) -> list[tuple[SimUser, int]]:
    """Users of the first tenant that rows show, with their rows: so many go for good, without a trace."""
    _, tenant = first(served)
    shown = {served.shown(id_, "EntraObjectId"): id_ for id_ in served.agents.items}
    listed = [(user, shown[user.id]) for user in tenant.users.values() if user.id in shown]
    gone = listed[: round(len(listed) * part)]
    for user, _ in gone:
        tenant.remove(user)
    return gone


def verdicts(served: Lab) -> dict[int, tuple[Any, ...]]:
    columns = ("SyncStatus", "SyncAnomalies", "SyncAccount", "EntraObjectId")
    return {id_: tuple(item.fields.get(column) for column in columns) for id_, item in served.agents.items.items()}


async def settled(served: Lab, service: Service) -> None:
    """Until every row shows its verdict, and nothing waits to be written."""
    observed = service.context.observed
    await until(lambda: all_shown(served) and not (observed.dirty or observed.turns.in_flight))


async def quarantine(service: Service) -> Quarantine | None:
    """As another process hears of it."""
    assert service.store is not None
    kept = await asyncio.to_thread(service.store.quarantines, "Agents")
    return kept.get(next(iter(service.context.edges.tenants)))


async def kept(service: Service) -> Quarantine:
    """Once a look at the list has kept it."""
    async with asyncio.timeout(15):
        while (found := await quarantine(service)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return found


async def ended(service: Service) -> None:
    async with asyncio.timeout(15):
        while await quarantine(service) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


def has(logs: list[EventDict], event: str) -> Callable[[], bool]:
    return lambda: any(log["event"] == event for log in logs)


async def turns(logs: list[EventDict], count: int = 4) -> None:
    """Until the list was looked at so often, and the tenants were asked about as often."""

    def looks() -> int:
        return sum(log["event"] in {"list_read", "list_followed"} and log["log_level"] == "info" for log in logs)

    before = looks()
    await until(lambda: looks() - before >= count)


@pytest.mark.anyio
@pytest.mark.parametrize("part", [0.6, 1.0])
@pytest.mark.parametrize("schedule", [_FOLLOWED, _EVERYBODY], ids=["followed", "everybody"])
async def test_most_users_gone_accuses_nobody_while_all_else_goes_on_and_ends_when_they_are_back(
    tmp_path: Path, part: float, schedule: str
) -> None:
    with lab(tmp_path, rows=60) as served:
        async with running_on(served, schedule + _SAFETY) as service:
            await settled(served, service)
            before = verdicts(served)
            other_row, other = a_right_row(served, 1)
            with capture_logs() as logs:
                gone = leave(served, part)
                assert len(gone) >= 10
                await until(has(logs, "tenant_under_quarantine"))
                await turns(logs)
                assert verdicts(served) == before
                other.availability = "DoNotDisturb"
                await until(lambda: served.shown(other_row, "Presence") == "DoNotDisturb")
                new = served.agents.add({"Title": "New", "UPN": f"nobody.at.all@{first(served)[1].domains[0]}"})
                await until(lambda: served.shown(new, "SyncStatus") == "Unknown")
                told = await kept(service)
                assert (told.gone >= len(gone), told.released) == (True, None)

                for user, _ in gone:
                    first(served)[1].add(user)
                await until(has(logs, "tenant_believed_again"))
                await until(lambda: served.shown(new, "SyncStatus") == "Error")
                assert "user_not_found" in served.shown(new, "SyncAnomalies")
                assert {id_: shown for id_, shown in verdicts(served).items() if id_ != new} == before
                await ended(service)
            assert sum(log["event"] == "tenant_under_quarantine" for log in logs) == 1, "told once, not at each turn"


@pytest.mark.anyio
@pytest.mark.parametrize("schedule", [_FOLLOWED, _EVERYBODY], ids=["followed", "everybody"])
async def test_a_release_by_another_command_reaches_the_service_that_runs(tmp_path: Path, schedule: str) -> None:
    with lab(tmp_path, rows=60) as served:
        async with running_on(served, schedule + _SAFETY) as service:
            await settled(served, service)
            account, before = first(served)[0], verdicts(served)
            with capture_logs() as logs:
                gone = {row_id: user for user, row_id in leave(served, 0.6)}
                await until(has(logs, "tenant_under_quarantine"))
            await kept(service)
            released = await asyncio.to_thread(served.run, "account", "release", account)
            assert released.code == 0, released.err
            await until(lambda: all("user_not_found" in (served.shown(id_, "SyncAnomalies") or "") for id_ in gone))
            others = {id_: shown for id_, shown in verdicts(served).items() if id_ not in gone}
            assert others == {id_: shown for id_, shown in before.items() if id_ not in gone}


@pytest.mark.anyio
async def test_a_delta_that_says_everybody_was_removed_is_believed_of_nobody_who_is_there(tmp_path: Path) -> None:
    with lab(tmp_path, rows=60) as served:
        async with running_on(served, _FOLLOWED + _SAFETY) as service:
            await settled(served, service)
            before = verdicts(served)

            def all_removed(call: Call, truly: Truly) -> Reply:
                """As the delta of a directory that was restored from a copy, or a bug, may say."""
                reply = truly(call)
                told = json.loads(reply.body)
                removed = [{"id": id_, "@removed": {"reason": "deleted"}} for id_ in first(served)[1].users]
                return json_reply({**told, "value": removed}) if "@odata.deltaLink" in told else reply

            with capture_logs() as logs:
                telling = served.world.faults.add(r"GET /v1.0/users/delta", instead=all_removed)
                await until(lambda: telling.seen >= 8)
            assert not has(logs, "tenant_under_quarantine")()
            assert verdicts(served) == before
            assert await quarantine(service) is None
