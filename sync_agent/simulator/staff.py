"""The people of the tenants: many who share their names with others, and some whose name nobody else has."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from itertools import count

from sync_agent.simulator.people import FIRST_NAMES, LAST_NAMES, RARE_NAMES, upn_part
from sync_agent.simulator.world import SimUser, Tenant, World

Employed = tuple[Tenant, SimUser]


class Staff:
    """Hires people into the configured tenants. ``spare``: those who share names, and have no row yet."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._chance = chance
        self._rare = _rare_names(chance)
        self.tenants = [tenant for _, tenant, _ in world.accounts]
        self.spare: list[Employed] = []

    def hire(self, how_many: int) -> None:
        """People in all tenants, every seventh with an alias; names may be shared, UPNs not."""
        for _ in range(how_many):
            tenant = self._chance.choice(self.tenants)
            user = self.employ(tenant, self._chance.choice(FIRST_NAMES), self._chance.choice(LAST_NAMES))
            if self._chance.random() < 0.15:
                also_reached_as(user, f"{local_part(user)}.alias@{tenant.domains[0]}")
            self.spare.append((tenant, user))
        self._chance.shuffle(self.spare)

    def employ(self, tenant: Tenant, first: str, last: str) -> SimUser:
        """Whoever has the name of somebody there gets a number behind it."""
        local, domain = f"{upn_part(first)}.{upn_part(last)}", tenant.domains[0]
        numbered = (f"{local}{number}@{domain}" for number in count(2))
        upn = f"{local}@{domain}"
        gone = {user.upn for user in tenant.deleted.values()}
        while upn in gone or tenant.by_upn(upn) is not None:
            upn = next(numbered)
        return tenant.add(
            SimUser(guid(self._chance), upn, f"{first} {last}", mail=upn, proxy_addresses=(f"SMTP:{upn}",))
        )

    def somebody(self) -> Employed:
        return self.spare.pop()

    def with_apostrophe(self) -> Employed:
        """Somebody with an apostrophe in the UPN, where anybody is left."""
        at = next((at for at, (_, user) in enumerate(self.spare) if "'" in user.upn), -1)
        return self.spare.pop(at)

    def name(self) -> tuple[str, str]:
        """First and last name that nobody has, nor will have."""
        return next(self._rare)

    def accented_name(self) -> tuple[str, str]:
        return next(name for name in self._rare if not "".join(name).isascii() and "ß" not in name[1])

    def unmistakable(self, tenant: Tenant | None = None) -> Employed:
        """Somebody new whose name nobody else has, and is nobody's slip."""
        at = tenant or self._chance.choice(self.tenants)
        return at, self.employ(at, *self.name())

    def namesakes(self) -> tuple[Employed, Employed]:
        """Two of one name, in two tenants where there are two."""
        name, other = self.name(), self.tenants[-1]
        return (self.tenants[0], self.employ(self.tenants[0], *name)), (other, self.employ(other, *name))


def local_part(user: SimUser) -> str:
    return user.upn.partition("@")[0]


def also_reached_as(user: SimUser, alias: str) -> None:
    user.proxy_addresses = (*user.proxy_addresses, f"smtp:{alias}")


def guid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _rare_names(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Without end: when the surnames are used up they come again, joined to another."""
    for round_ in count():
        behind = f"-{RARE_NAMES[round_ % len(RARE_NAMES)]}" if round_ else ""
        names = [(first, f"{last}{behind}") for first in FIRST_NAMES for last in RARE_NAMES]
        chance.shuffle(names)
        yield from names
