"""The service between two askings about everybody: what changes in the directories reaches the rows within one turn of
`resolve_users`, at the price of what changed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync_agent.model import Absent
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.messy import build
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import SimUser, Tenant, World
from tests.lab import Lab
from tests.microsoft365.contoso import members
from tests.user_following import DELTA, Running, agents, running

pytestmark = pytest.mark.anyio


async def test_a_quiet_turn_is_one_small_request_a_tenant(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, run):
        verdicts = run.service.context.observed.verdicts
        assert await run.turn() == 2
        assert run.service.context.observed.verdicts is verdicts


async def test_whatever_becomes_of_users_is_in_their_rows_after_one_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        (disabled, _, off), (deleted, home, gone), (plain, _, unlicensed), (moved, office, renamed) = agents(served, 4)
        off.enabled = False
        home.remove(gone, "2026-11-25T10:00:00Z")
        unlicensed.licensed = False
        unlicensed.availability = unlicensed.activity = "PresenceUnknown"
        office.rename(renamed, f"new.name@{office.domains[0]}")
        assert await run.turn() <= 12
        assert "user_disabled" in served.shown(disabled, "SyncAnomalies")
        assert "user_deleted" in served.shown(deleted, "SyncAnomalies")
        assert "presence_unavailable" in served.shown(plain, "SyncAnomalies")
        assert "user_renamed" in served.shown(moved, "SyncAnomalies")
        assert f"Did you mean {renamed.upn}?" in served.shown(moved, "SyncAnomalies")
        assert run.found == await run.truth()
        off.enabled = unlicensed.licensed = True
        home.restore(gone)
        office.rename(renamed, served.agents.items[moved].fields["UPN"])
        await run.turn()
        for row_id in (disabled, deleted, moved):
            assert served.shown(row_id, "SyncStatus") == "OK"
        assert run.found == await run.truth()


def strangers(served: Lab, tenant: Tenant) -> list[SimUser]:
    """Users of whom the list knows nothing."""
    listed = {truth.object_id for truth in served.world.truth.values()}
    suggested = {(truth.suggestion or "").lower() for truth in served.world.truth.values()}
    return [user for user in tenant.users.values() if user.id not in listed and user.upn.lower() not in suggested]


async def test_a_name_that_was_nobodys_is_somebodys_after_one_turn(tmp_path: Path) -> None:
    """By being hired, renamed, or given an alias."""
    async with running(tmp_path) as (served, run):
        tenant = served.world.accounts[0][1]
        user, other = strangers(served, tenant)[:2]
        names = [f"{local}@{tenant.domains[0]}" for local in ("hired", "married", "sales")]
        rows = [served.agents.add({"UPN": name, "Title": "X"}) for name in names]
        await run.begin()
        assert {type(run.matches[name]) for name in names} == {Absent}
        tenant.add(SimUser("99999999-0000-4000-8000-000000000001", names[0].upper(), "New"))
        tenant.rename(user, names[1])
        other.proxy_addresses = (*other.proxy_addresses, f"smtp:{names[2]}")
        await run.turn()
        assert [served.shown(row_id, "SyncStatus") for row_id in rows[:2]] == ["OK", "OK"]
        assert f"Did you mean {other.upn}?" in served.shown(rows[2], "SyncAnomalies")
        assert run.found == await run.truth()


def _large(users: int) -> World:
    world = build(60, 1)
    tenant = world.accounts[0][1]
    for number in range(users - len(tenant.users)):
        tenant.add(SimUser(f"88888888-0000-4000-8000-{number:012}", f"staff{number}@{tenant.domains[0]}", "Staff"))
    return world


async def _costs(folder: Path, users: int) -> list[int]:
    """Requests of a quiet turn, of one with a change, of the next, of one in which ten strangers changed."""
    async with running(folder, world=_large(users), tenants=1) as (served, run):
        ((row_id, tenant, user),) = agents(served, 1)
        costs = [await run.turn()]
        user.enabled = False
        costs += [await run.turn(), await run.turn()]
        assert "user_disabled" in served.shown(row_id, "SyncAnomalies")
        for stranger in strangers(served, tenant)[:10]:
            stranger.enabled = False
        return [*costs, await run.turn()]


async def test_what_a_turn_costs_does_not_grow_with_the_directory(tmp_path: Path) -> None:
    folders = [tmp_path / str(users) for users in (120, 20_000)]
    for folder in folders:
        folder.mkdir()
    small, large = [await _costs(folder, int(folder.name)) for folder in folders]
    assert small == large
    assert (small[0], small[3]) == (1, 2)


def _misspelt(served: Lab) -> tuple[int, SimUser]:
    """A new row that means somebody of whom the list knows nothing else."""
    for user in strangers(served, served.world.accounts[0][1]):
        local, _, domain = user.upn.partition("@")
        if len(local) > 8:
            slip = f"{local[0]}{local[2]}{local[1]}{local[3:]}@{domain}"
            return served.agents.add({"UPN": slip, "Title": user.display_name}), user
    raise AssertionError("nobody")


async def test_whoever_is_meant_by_a_wrong_row_is_followed_too(tmp_path: Path) -> None:
    """Also where those who changed cannot be read at first, and where the tenant does not tell who changed."""
    async with running(tmp_path) as (served, run):
        run.give_up_at_once()
        row_id, user = _misspelt(served)
        await run.begin()
        assert f"Did you mean {user.upn}?" in served.shown(row_id, "SyncAnomalies")
        away = served.world.faults.add("getByIds", status=500)
        user.enabled = False
        with capture_logs() as logs:
            await run.turn()
        assert [log["event"] for log in logs if log["log_level"] == "warning"] == ["people_not_renewed"]
        assert "Did you mean" in served.shown(row_id, "SyncAnomalies")
        away.times = 0
        await run.turn()
        assert "Did you mean" not in served.shown(row_id, "SyncAnomalies")
        served.world.faults.add(DELTA, status=403)
        user.enabled = True
        await run.turn()
        assert f"Did you mean {user.upn}?" in served.shown(row_id, "SyncAnomalies")
        assert run.found == await run.truth()


def _twice(value: list[Any]) -> list[Any]:
    return [*value, *reversed(value)]


def _bare(value: list[Any]) -> list[Any]:
    """Only what changed, which is never the name here."""
    return [{"id": user["id"].upper(), "accountEnabled": user.get("accountEnabled")} for user in value]


@pytest.mark.parametrize("change", [_twice, _bare])
async def test_a_change_may_be_told_twice_or_in_part(change: Callable[[list[Any]], list[Any]], tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        row_id, _, user = agents(served, 1)[0]
        served.world.faults.add(DELTA, instead=members(change))
        user.enabled = False
        await run.turn()
        assert "user_disabled" in served.shown(row_id, "SyncAnomalies")


async def test_a_directory_that_answers_from_an_older_copy_is_asked_once_more(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        row_id, _, user = agents(served, 1)[0]

        def behind(call: Call, truly: Truly) -> Reply:
            user.enabled = True
            try:
                return truly(call)
            finally:
                user.enabled = False

        user.enabled = False
        served.world.faults.add(r"POST /v1\.0/\$batch", times=1, instead=behind)
        await run.turn()
        assert served.shown(row_id, "SyncStatus") == "OK"
        await run.turn()
        assert "user_disabled" in served.shown(row_id, "SyncAnomalies")
        assert await run.turn() == 2


@pytest.mark.parametrize("first", [True, False])
async def test_what_changes_while_everybody_is_asked_about_is_told_in_the_next_turn(
    first: bool, tmp_path: Path
) -> None:
    """Also at the first asking, which has no older token to go on from."""
    async with running(tmp_path, tenants=1) as (served, before):
        row_id, _, user = agents(served, 1)[0]

        def meanwhile(call: Call, truly: Truly) -> Reply:
            reply = truly(call)
            user.enabled = False
            return reply

        run = Running(served, before.service) if first else before
        run.jobs.users._due = 0.0
        served.world.faults.add(r"POST /v1\.0/\$batch", times=1, instead=meanwhile)
        await run.turn()
        assert not user.enabled
        assert served.shown(row_id, "SyncStatus") == "OK"
        await run.turn()
        assert "user_disabled" in served.shown(row_id, "SyncAnomalies")


async def test_asking_about_everybody_heals_what_nothing_was_told_of(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        row_id, _, user = agents(served, 1)[0]
        served.world.faults.add(DELTA, instead=members(lambda value: []))
        user.enabled = False
        await run.turn()
        assert served.shown(row_id, "SyncStatus") == "OK"
        run.jobs.users._due = 0.0
        await run.turn()
        assert "user_disabled" in served.shown(row_id, "SyncAnomalies")


async def test_an_interval_shorter_than_the_turns_means_every_turn(tmp_path: Path) -> None:
    schedule = "resolve_users: 10s, resolve_everybody: 1s"
    async with running(tmp_path, schedule=schedule) as (served, run):
        delta = served.world.faults.add(DELTA, instead=lambda call, truly: truly(call))
        for _ in range(3):
            assert await run.turn() > 2
        assert delta.seen == 0


async def test_a_change_of_everybody_is_read_no_further_than_it_pays(tmp_path: Path) -> None:
    async with running(tmp_path, world=_large(3_000), tenants=1) as (served, run):
        delta = served.world.faults.add(DELTA, instead=lambda call, truly: truly(call))
        for user in served.world.accounts[0][1].users.values():
            user.licensed = False
        await run.turn()
        assert delta.seen == 3 + 1, "three pages of fifteen, and a new token"
        assert run.found == await run.truth()
        assert await run.turn() == 1


async def test_whoever_loses_an_alias_is_followed_too(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        aliases = {
            name: match.alias_of.id
            for name, match in run.matches.items()
            if isinstance(match, Absent) and match.alias_of is not None
        }
        assert aliases
        for user_id in aliases.values():
            user = served.world.user(user_id)
            assert user is not None
            user.mail, user.proxy_addresses = None, ()
        await run.turn()
        for name in aliases:
            match = run.matches[name]
            assert isinstance(match, Absent) and match.alias_of is None
