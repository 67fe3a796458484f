"""The messy list: reproducible, of any size, over any number of tenants, and with a truth that holds."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any
from unicodedata import normalize

import pytest
from rapidfuzz.distance import OSA

from sync_agent.model import Code
from sync_agent.simulator import mistakes
from sync_agent.simulator.messy import FINER, SITE_PATH, build
from sync_agent.simulator.people import FIRST_NAMES, LAST_NAMES, RARE_NAMES, upn_part
from sync_agent.simulator.world import GRAPH_PERMISSIONS, SimUser, Tenant, World

TODAY = datetime(2026, 11, 24, tzinfo=UTC)
NOT_AT_FIRST = {"user_renamed", "name_mismatch", "account_unavailable"}
"""Nobody was renamed yet, names are not compared unless a setting says so, and all tenants answer."""


def rows(world: World) -> dict[int, dict[str, Any]]:
    (agents,) = world.sites[SITE_PATH].lists.values()
    return {id_: item.fields for id_, item in agents.items.items()}


def owner(world: World, upn: str) -> tuple[Tenant, SimUser] | None:
    configured = [tenant for _, tenant, _ in world.accounts]
    return next(((tenant, user) for tenant in configured if (user := tenant.by_upn(upn))), None)


def clean(cell: str) -> str:
    return normalize("NFKC", cell.strip(" \u00a0\u200b")).lower()


@pytest.mark.parametrize("size", [0, 1, 5, 6, 7, 12, 16, 17, 40, 200, 401, 1_000])
def test_it_has_just_so_many_rows_and_a_truth_for_each(size: int) -> None:
    world = build(size, 2, today=TODAY)
    assert len(rows(world)) == size
    assert rows(world).keys() == world.truth.keys()


@pytest.mark.parametrize(("size", "tenants", "seed"), [(200, 1, 1), (200, 30, 2), (399, 3, 3), (1_000, 3, 4)])
def test_from_200_rows_on_everything_is_there(size: int, tenants: int, seed: int) -> None:
    world = build(size, tenants, seed, TODAY)
    codes = {code for truth in world.truth.values() for code in truth.codes}
    assert codes == {code.value for code in Code} - NOT_AT_FIRST
    right = [rows(world)[id_] for id_, truth in world.truth.items() if not truth.codes]
    assert len(right) > size * 0.7
    assert any("'" in fields["UPN"] for fields in right)
    assert any("#EXT#" in fields.get("UPN", "") for fields in rows(world).values())
    assert any(set(fields["Title"]) & set('"<=&') for fields in right)


def test_the_same_seed_makes_the_same_world_and_another_seed_another() -> None:
    def seen(seed: int) -> Any:
        world = build(300, 3, seed, TODAY)
        (agents,) = world.sites[SITE_PATH].lists.values()
        everybody = [user for tenant in world.tenants.values() for user in (tenant.users | tenant.deleted).values()]
        users = {user.id: (user.upn, user.deleted_at) for user in everybody}
        accounts = [(id_, tenant.id, app.client_id, app.secrets) for id_, tenant, app in world.accounts]
        stamps = {item.id: (item.etag, item.created, item.modified) for item in agents.items.values()}
        return agents.id, rows(world), users, accounts, stamps, world.truth

    assert seen(1) == seen(1)
    assert seen(1) != seen(2)


@pytest.mark.parametrize("tenants", [1, 5, 6, 12, 13, 50])
def test_any_number_of_tenants_each_with_its_own_account_and_domains(tenants: int) -> None:
    world = build(100, tenants, today=TODAY)
    ids = [id_ for id_, _, _ in world.accounts]
    domains = [domain for tenant in world.tenants.values() for domain in tenant.domains]
    assert len(ids) == len(set(ids)) == tenants
    assert len(domains) == len(set(domains)) == 2 * (tenants + 1)
    assert len({tenant.id for tenant in world.tenants.values()}) == tenants + 1
    assert all(app.permissions == GRAPH_PERMISSIONS for _, _, app in world.accounts)
    assert all(tenant.apps.keys() == {app.client_id} for _, tenant, app in world.accounts)


@pytest.mark.parametrize(("size", "tenants", "seed"), [(3_000, 3, 1), (3_000, 1, 2), (20_000, 3, 3)])
def test_the_truth_of_every_row_holds(size: int, tenants: int, seed: int) -> None:
    """No two rows are alike by accident, and each code means what the tenants say of the row."""
    world = build(size, tenants, seed, TODAY)
    cells = rows(world)
    names = Counter(clean(fields.get("UPN", "")) for fields in cells.values())
    rows_of = Counter(truth.object_id for truth in world.truth.values())
    deleted = {user.upn.lower() for _, tenant, _ in world.accounts for user in tenant.deleted.values()}
    for id_, truth in world.truth.items():
        cell = cells[id_].get("UPN", "")
        found = owner(world, cell)
        assert ("upn_duplicate" in truth.codes) == (names[clean(cell)] > 1 and "@" in cell), cell
        assert bool(truth.object_id) == (found is not None), (cell, truth)
        if found is not None:
            tenant, user = found
            assert (tenant.id, user.id) == (truth.tenant_id, truth.object_id)
            assert user.enabled == ("user_disabled" not in truth.codes)
            assert user.guest == ("user_guest" in truth.codes)
            assert user.licensed == ("presence_unavailable" not in truth.codes)
            assert rows_of[user.id] == 1 or "upn_duplicate" in truth.codes
        if truth.suggestion is not None:
            meant = owner(world, truth.suggestion)
            assert meant is not None
            assert meant[1].enabled
            assert not meant[1].guest
            assert rows_of[meant[1].id] == 0 or truth.codes & {"upn_duplicate", "user_duplicate"}
        assert (cell.lower() in deleted) == ("user_deleted" in truth.codes)


def test_each_kind_of_mistake_is_there_as_often_as_the_others_and_named() -> None:
    world = build(4_000, 3, today=TODAY)
    kinds = Counter(truth.kind for truth in world.truth.values())
    assert kinds.keys() - {""} == {kind.name for kind in (*mistakes.KINDS, *FINER)}
    assert {kinds[kind.name] for kind in FINER} == {4 * rows for rows in (1, 2, 3)}
    assert len({kind.name for kind in (*mistakes.KINDS, *FINER)}) == len(mistakes.KINDS) + len(FINER)


def test_no_slip_of_a_rare_name_is_nearly_another_name() -> None:
    """Or the truth of a row might be that it is not known who is meant."""
    names = [upn_part(name) for name in (*RARE_NAMES, *LAST_NAMES)]
    near = [(one, other) for one, other in combinations(names, 2) if OSA.distance(one, other) <= 4]
    assert [pair for pair in near if {*pair} & {*map(upn_part, RARE_NAMES)}] == []
    first = [upn_part(name) for name in FIRST_NAMES]
    assert len(set(first)) == len(first)


def test_an_alias_leads_to_the_user_it_suggests() -> None:
    world = build(400, 3, today=TODAY)
    for id_, truth in world.truth.items():
        if "upn_is_alias" in truth.codes:
            found = owner(world, truth.suggestion or "")
            assert found is not None
            known_as = {address.partition(":")[2] for address in found[1].proxy_addresses}
            assert rows(world)[id_]["UPN"] in known_as - {found[1].upn}


def test_the_deleted_are_still_in_the_recycle_bin() -> None:
    """It keeps them for 30 days."""
    world = build(5_000, 3, today=TODAY)
    deleted = [user for tenant in world.tenants.values() for user in tenant.deleted.values()]
    assert deleted
    for user in deleted:
        ago = TODAY - datetime.fromisoformat(user.deleted_at or "")
        assert timedelta() < ago < timedelta(days=29)


def test_the_list_has_the_columns_that_people_have_and_none_of_ours() -> None:
    (agents,) = build(10, today=TODAY).sites[SITE_PATH].lists.values()
    columns = {name: column.display for name, column in agents.columns.items() if not column.read_only}
    assert columns == {
        "Title": "Name",
        "UPN": "UPN",
        "Team": "Team",
        "Extension": "Extension",
        "Skill": "Skill",
        "Start_x0020_date": "Start date",
    }
