"""The service between two askings about everybody: what changes in the directories reaches the rows within one turn of
`resolve_users`, at the price of what changed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.plan_rows import plan_dirty
from sync_agent.jobs.poll_presence import poll_presence
from sync_agent.jobs.resolve_users import resolve_users
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.model import Absent, Match, Verdict
from sync_agent.progress import Silent
from sync_agent.scheduler import Jobs
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.messy import build
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import DAY, SimUser, Tenant, World
from tests.lab import Lab, lab
from tests.microsoft365.contoso import members, refusing, saying

pytestmark = pytest.mark.anyio

DELTA = r"GET /v1\.0/users/delta"


class Running:
    """The jobs of a service, each run when a test says so."""

    def __init__(self, served: Lab, service: Service) -> None:
        self.served = served
        self.service = service
        self.jobs = Jobs(service, asyncio.Event())

    def give_up_at_once(self) -> None:
        """Rather than after several tries: for tests in which that would be all that takes time."""
        self.service.transport._retrying = Retrying(attempts=1)

    async def begin(self) -> None:
        await self.jobs.looks.turn()
        await self._write()

    async def turn(self) -> int:
        """One turn of resolve_users and the writing that follows; how many requests of directories it took."""
        before = self.service.transport.requests["directory"]
        await self.jobs.resolve_users()
        asked = self.service.transport.requests["directory"] - before
        await self._write()
        return asked

    async def _write(self) -> None:
        await poll_presence(self.service.context)
        while self.service.context.observed.dirty and self.jobs.standing.held is None:
            await self.jobs.writes.turn()

    @property
    def matches(self) -> dict[str, Match]:
        return self.service.context.observed.matches

    @property
    def found(self) -> tuple[dict[str, Match], Mapping[int, Verdict]]:
        return self.matches, self.service.context.observed.verdicts

    async def truth(self) -> tuple[dict[str, Match], Mapping[int, Verdict]]:
        """What a service that starts now finds."""
        async with open_service(load(self.served.settings), progress=Silent()) as service:
            observed = self.service.context.observed
            service.context.observed.before = dict(observed.before)
            service.context.observed.put_rows(observed.rows.values(), service.context.clock())
            await resolve_users(service.context)
            return service.context.observed.matches, service.context.observed.verdicts


@asynccontextmanager
async def running(
    folder: Path,
    *,
    rows: int = 60,
    tenants: int = 2,
    world: World | None = None,
    schedule: str = "",
    shared: bool = False,
) -> AsyncIterator[tuple[Lab, Running]]:
    """After the first turn, all rows written. ``shared``: by the settings, every tenant may have every domain."""
    with lab(folder, rows=rows, tenants=tenants, world=world) as served:
        domains = ", ".join(tenant.domains[0] for _, tenant, _ in served.world.accounts)
        for id_, _, _ in served.world.accounts if shared else ():
            served.replace(f"id: {id_}\n", f"id: {id_}\n    domains: [{domains}]\n")
        served.settings.write_text(f"{served.settings.read_text()}schedule: {{{schedule}}}\n")
        async with open_service(load(served.settings), progress=Silent()) as service:
            await service.context.edges.agent_list.provision(dry_run=False)
            run = Running(served, service)
            await run.begin()
            yield served, run


def agents(served: Lab, count: int) -> list[tuple[int, Tenant, SimUser]]:
    """Rows that are right, with their users."""
    found = []
    for row_id, truth in served.world.truth.items():
        tenant = served.world.tenants.get(truth.tenant_id)
        if tenant is not None and not truth.codes:
            found.append((row_id, tenant, tenant.users[truth.object_id]))
    return found[:count]


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


async def test_a_token_that_expired_means_asking_about_everybody_and_following_from_there(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        (first, _, user), (second, _, other) = agents(served, 2)
        user.enabled = False
        served.world.clock = lambda: time.time() + 8 * DAY
        with capture_logs() as logs:
            await run.turn()
        assert "user_disabled" in served.shown(first, "SyncAnomalies")
        told = [log["reason"] for log in logs if log["event"] == "user_changes_not_told"]
        assert len(told) == 2 and all("410" in reason for reason in told)
        other.enabled = False
        await run.turn()
        assert "user_disabled" in served.shown(second, "SyncAnomalies")
        assert await run.turn() <= 6
        assert await run.turn() == 2


UNTOLD = [refusing(403), refusing(400), refusing(404), refusing(501), saying({"value": []}), saying([1])]


@pytest.mark.parametrize("how", UNTOLD)
async def test_a_tenant_that_does_not_tell_is_asked_about_all_its_names_each_turn(
    how: dict[str, Any], tmp_path: Path
) -> None:
    """And no other is; the log says so once."""
    async with running(tmp_path) as (served, run):
        served.world.faults.add(DELTA, **how)
        rows = agents(served, 40)
        with capture_logs() as logs:
            for row_id, _, user in rows[:3]:
                user.enabled = False
                await run.turn()
                assert "user_disabled" in served.shown(row_id, "SyncAnomalies")
        assert sum(log["event"] == "user_changes_not_told" for log in logs) == 2
        assert run.service.context.observed.trouble == {}
        served.world.faults.clear()
        await run.turn()
        assert await run.turn() == 2


async def test_the_names_of_other_tenants_are_left_alone_by_one_that_does_not_tell(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        (_, tenant, _), *_ = agents(served, 1)
        app = next(app for _, other, app in served.world.accounts if other is tenant)

        def refused(call: Call, truly: Truly) -> Reply:
            claims = jwt.decode(call.headers["authorization"].split()[1], options={"verify_signature": False})
            return Reply(403, b"{}") if claims["appid"] == app.client_id else truly(call)

        served.world.faults.add(DELTA, instead=refused)
        await run.turn()
        before = run.service.transport.requests["directory"]
        with capture_logs() as logs:
            await run.turn()
        asked = next(log["names_asked"] for log in logs if log["event"] == "users_followed")
        of_tenant = [name for name in run.matches if name.partition("@")[2] in tenant.domains]
        assert asked == len(of_tenant)
        assert run.service.transport.requests["directory"] - before < 12


async def test_while_the_tenants_are_silent_their_rows_stay_and_nothing_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        run.give_up_at_once()
        row_id, _, user = agents(served, 1)[0]
        away = served.world.faults.add(r"/v1\.0/(users|organization|directoryObjects|\$batch)", reset=True)
        user.enabled = False
        shown = {id_: dict(item.fields) for id_, item in served.agents.items.items()}
        for _ in range(3):
            await run.jobs.resolve_users()
        away.times = 0
        trouble = run.service.context.observed.trouble
        assert trouble.keys() == {tenant.id for _, tenant, _ in served.world.accounts}
        assert not plan_dirty(run.service.context).changes
        assert {id_: dict(item.fields) for id_, item in served.agents.items.items()} == shown
        await run.turn()
        assert trouble == {}
        assert "user_disabled" in served.shown(row_id, "SyncAnomalies")
        await run.turn()
        assert await run.turn() == 2


async def test_what_a_name_is_is_asked_again_in_each_turn_until_it_is_told(tmp_path: Path) -> None:
    world = build(60, 2)
    world.faults.add("proxyAddresses/any", status=403)
    async with running(tmp_path, world=world) as (_, run):
        observed = run.service.context.observed
        assert observed.unexplained and observed.trouble
        await run.turn()
        assert observed.unexplained and observed.trouble
        world.faults.clear()
        await run.turn()
        assert (observed.unexplained, observed.trouble) == ({}, {})
        assert run.found == await run.truth()


async def test_where_only_the_changes_are_away_the_names_are_asked_about_from_the_second_turn_on(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (served, run):
        run.give_up_at_once()
        (first, _, user), (second, _, other) = agents(served, 2)
        trouble = run.service.context.observed.trouble
        away = served.world.faults.add(DELTA, status=503, headers={"retry-after": "0"})
        user.enabled = False
        with capture_logs() as logs:
            await run.turn()
            assert served.shown(first, "SyncStatus") == "OK"
            assert len(trouble) == 2
            for _ in range(2):
                await run.turn()
                assert "user_disabled" in served.shown(first, "SyncAnomalies")
                assert trouble == {}
        warnings = [log["event"] for log in logs if log["log_level"] == "warning"]
        assert (
            sorted(event for event in warnings if event != "throttled")
            == ["tenant_could_not_be_asked"] * 2 + ["user_changes_not_told"] * 2
        )
        away.times = 0
        await run.turn()
        other.enabled = False
        assert await run.turn() <= 6
        assert "user_disabled" in served.shown(second, "SyncAnomalies")


async def test_a_silence_of_one_turn_costs_nothing_but_that_turn(tmp_path: Path) -> None:
    async with running(tmp_path) as (served, run):
        run.give_up_at_once()
        row_id, _, user = agents(served, 1)[0]
        away = served.world.faults.add(DELTA, reset=True)
        user.enabled = False
        await run.turn()
        away.times = 0
        assert await run.turn() <= 6
        assert run.service.context.observed.trouble == {}
        assert "user_disabled" in served.shown(row_id, "SyncAnomalies")


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


class Staff:
    """A personnel department at work, with whatever may happen to a user."""

    def __init__(self, served: Lab, seed: int) -> None:
        self._random = random.Random(seed)
        self._tenants = [tenant for _, tenant, _ in served.world.accounts]
        self._names = sorted({str(item.fields.get("UPN", "")).strip() for item in served.agents.items.values()})
        self._hired = 0

    def work(self) -> None:
        tenant = self._random.choice(self._tenants)
        user = self._random.choice(list(tenant.users.values()))
        name = f"{self._random.choice(self._names).partition('@')[0]}@{tenant.domains[0]}"
        match self._random.randrange(9):
            case 0:
                user.enabled = not user.enabled
            case 1:
                user.licensed = not user.licensed
            case 2:
                user.guest = not user.guest
            case 3 if tenant.by_upn(name) is None:
                tenant.rename(user, name)
            case 4:
                user.proxy_addresses = (*user.proxy_addresses, f"smtp:{name}")
            case 5 if len(tenant.users) > 20:
                tenant.remove(user, self._random.choice([None, "2026-11-25T10:00:00Z"]))
            case 6 if tenant.deleted:
                self._restore(tenant)
            case 7 if tenant.by_upn(name) is None:
                self._hired += 1
                tenant.add(SimUser(f"99999999-0000-4000-8000-{self._hired:012}", name, "New"))
            case 8:
                holder = self._random.choice([one for one in tenant.users.values() if one.proxy_addresses] or [user])
                holder.proxy_addresses = holder.proxy_addresses[:1]

    def _restore(self, tenant: Tenant) -> None:
        user = self._random.choice(list(tenant.deleted.values()))
        if tenant.by_upn(user.upn) is None:
            tenant.restore(user)


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


@pytest.mark.parametrize(("seed", "shared"), [(1, False), (2, False), (3, False), (4, True), (5, True)])
async def test_whatever_happens_following_finds_what_asking_about_everybody_would(
    seed: int, shared: bool, tmp_path: Path
) -> None:
    async with running(tmp_path, shared=shared) as (served, run):
        staff = Staff(served, seed)
        for _ in range(12):
            for _ in range(staff._random.randrange(12)):
                staff.work()
            await run.turn()
            assert run.found == await run.truth()
