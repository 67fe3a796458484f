"""Whatever happens to users, following them finds what asking about everybody would."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sync_agent.simulator.world import SimUser, Tenant
from tests.lab import Lab
from tests.user_following import running

pytestmark = pytest.mark.anyio


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
