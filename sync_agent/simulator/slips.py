"""Slips of the keyboard in UPNs, of people whom one slip does not turn into anybody else."""

from __future__ import annotations

import random
from collections.abc import Callable
from string import ascii_lowercase

from sync_agent.simulator.list_builder import Builder, Kind
from sync_agent.simulator.mistakes import UNOWNED
from sync_agent.simulator.staff import local_part

Slip = Callable[[random.Random, str], str]


def _in_surname(chance: random.Random, local: str) -> int:
    """A place inside it: its first and its last letter are seldom missed."""
    return chance.choice(_inside(local))


def _inside(local: str) -> range:
    start = local.index(".")
    return range(start + 2, len(local) - 1) if len(local) - start > 4 else range(start + 1, len(local))


def _changed(chance: random.Random, local: str) -> str:
    return _change(chance, local, _in_surname(chance, local))


def _two_changed(chance: random.Random, local: str) -> str:
    one, other = chance.sample(_inside(local), 2)
    return _change(chance, _change(chance, local, one), other)


def _change(chance: random.Random, local: str, at: int) -> str:
    letter = chance.choice([letter for letter in ascii_lowercase if letter not in local[at - 1 : at + 2]])
    return f"{local[:at]}{letter}{local[at + 1 :]}"


def _left_out(chance: random.Random, local: str) -> str:
    at = _in_surname(chance, local)
    return local[:at] + local[at + 1 :]


def _doubled(chance: random.Random, local: str) -> str:
    at = _in_surname(chance, local)
    return local[: at + 1] + local[at:]


def _exchanged(chance: random.Random, local: str) -> str:
    unlike = [at for at in range(local.index(".") + 1, len(local) - 1) if local[at] != local[at + 1]]
    return _exchange(local, chance.choice(unlike))


def _exchanged_in_the_middle(_chance: random.Random, local: str) -> str:
    middle = len(local) // 2 - 1
    return _exchange(local, middle if local[middle] != local[middle + 1] else middle - 1)


def _exchange(local: str, at: int) -> str:
    return local[:at] + local[at + 1] + local[at] + local[at + 2 :]


def _surname_first(_chance: random.Random, local: str) -> str:
    first, _, last = local.partition(".")
    return f"{last}.{first}"


def _initial(_chance: random.Random, local: str) -> str:
    return f"{local[0]}.{local.partition('.')[2]}"


LOCAL_SLIPS: dict[str, Slip] = {
    "a letter changed": _changed,
    "two letters changed": _two_changed,
    "a letter left out": _left_out,
    "a letter doubled": _doubled,
    "letters exchanged": _exchanged,
    "letters exchanged in the middle": _exchanged_in_the_middle,
    "the dot left out": lambda _chance, local: local.replace(".", "", 1),
    "a hyphen for the dot": lambda _chance, local: local.replace(".", "-", 1),
}
BY_NAME_ALONE: dict[str, Slip] = {
    "surname first": _surname_first,
    "an initial": _initial,
    "the surname alone": lambda _chance, local: local.partition(".")[2],
}
"""Nothing like the UPN: the name beside it tells who it is."""
DOMAIN_SLIPS: dict[str, Slip] = {
    "a letter of the domain left out": lambda _chance, domain: domain[:2] + domain[3:],
    "letters of the domain exchanged": lambda _chance, domain: _exchange(domain, 2),
    "a letter of the domain doubled": lambda _chance, domain: domain[:3] + domain[2:],
    "the end of the domain": lambda _chance, domain: domain.removesuffix("com") + "con",
    "a domain of nobody": lambda _chance, _domain: UNOWNED,
}


def _slipped(slip: Slip, *, named: bool = True) -> Callable[[Builder], None]:
    def make(builder: Builder) -> None:
        tenant, user = builder.staff.unmistakable()
        cell = f"{slip(builder.random, local_part(user))}@{tenant.domains[0]}"
        while cell in builder.typed:
            tenant, user = builder.staff.unmistakable()
            cell = f"{slip(builder.random, local_part(user))}@{tenant.domains[0]}"
        builder.wrong(cell, user.display_name if named else builder.desk(), "user_not_found", meant=user.upn)

    return make


def _strayed(slip: Slip, *, named: bool = True) -> Callable[[Builder], None]:
    def make(builder: Builder) -> None:
        tenant, user = builder.staff.unmistakable()
        cell = f"{local_part(user)}@{slip(builder.random, tenant.domains[0])}"
        builder.wrong(cell, user.display_name if named else builder.desk(), "domain_not_configured", meant=user.upn)

    return make


def _other_domain_of_the_tenant(builder: Builder) -> None:
    tenant, user = builder.staff.unmistakable()
    builder.wrong(f"{local_part(user)}@{tenant.domains[-1]}", user.display_name, "user_not_found", meant=user.upn)


def _other_tenant(builder: Builder) -> None:
    here, there = builder.random.sample(builder.staff.tenants, 2)
    _, user = builder.staff.unmistakable(here)
    builder.wrong(f"{local_part(user)}@{there.domains[0]}", user.display_name, "user_not_found", meant=user.upn)


KINDS = (
    *(Kind(name, _slipped(slip)) for name, slip in (LOCAL_SLIPS | BY_NAME_ALONE).items()),
    *(Kind(f"{name}, no name", _slipped(slip, named=False)) for name, slip in LOCAL_SLIPS.items()),
    *(Kind(name, _strayed(slip)) for name, slip in DOMAIN_SLIPS.items()),
    *(Kind(f"{name}, no name", _strayed(slip, named=False)) for name, slip in DOMAIN_SLIPS.items()),
    Kind("another domain of the tenant", _other_domain_of_the_tenant),
    Kind("the domain of another tenant", _other_tenant, tenants=2),
)
