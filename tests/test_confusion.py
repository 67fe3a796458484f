"""What is said of every row of a messy list, and who is named for it, against what is true: nothing off the diagonal.

The list whose truth is known row by row is made of people with names of their own. The second one is not: there eight
people share each name, so that sometimes nobody can be named, but never may it be somebody else.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from itertools import cycle

import pytest

from bench.confusion import Confusion, compare
from sync_agent.model import Code, Row
from sync_agent.simulator.messy import build
from sync_agent.simulator.slips import BY_NAME_ALONE, DOMAIN_SLIPS, LOCAL_SLIPS, Slip
from sync_agent.simulator.staff import Employed, local_part
from sync_agent.simulator.world import Truth, World
from tests.pure_world import rows_of, verdicts_of

NOT_HERE = {Code.USER_RENAMED, Code.NAME_MISMATCH, Code.ACCOUNT_UNAVAILABLE}
"""Told of rows that were right once, where a setting says so, and where a tenant is silent."""


@pytest.mark.parametrize(("rows", "tenants", "seed"), [(4_000, 4, 1), (4_000, 1, 2), (2_000, 2, 3), (2_000, 7, 4)])
def test_every_row_is_told_what_is_true_of_it(rows: int, tenants: int, seed: int) -> None:
    world = build(rows, tenants, seed)
    confusion = compare(world.truth, verdicts_of(world, rows_of(world)))
    assert confusion.off_diagonal == {}
    assert {wanted for wanted, _ in confusion.codes} == {*(code.value for code in set(Code) - NOT_HERE), "nothing"}
    assert (confusion.false_suggestions, confusion.missed_suggestions) == (0, 0)


def test_a_wrong_verdict_would_be_seen() -> None:
    world = build(400, 2)
    verdicts = dict(verdicts_of(world, rows_of(world)))
    wrong = next(row_id for row_id, truth in world.truth.items() if truth.codes == {"upn_whitespace"})
    right = next(row_id for row_id, truth in world.truth.items() if not truth.codes)
    verdicts[wrong], verdicts[right] = verdicts[right], verdicts[wrong]
    confusion = compare(world.truth, verdicts)
    assert confusion.off_diagonal == {("upn_whitespace", "nothing"): 1, ("nothing", "upn_whitespace"): 1}
    assert (confusion.false_suggestions, confusion.missed_suggestions) == (1, 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_where_eight_people_share_each_name_nobody_else_is_named(seed: int) -> None:
    world = build(4_000, 4, seed)
    rows, meant = _spoilt(world, seed)
    verdicts = verdicts_of(world, rows)
    confusion = Confusion()
    for row_id, (kind, upn) in meant.items():
        codes = frozenset(anomaly.code.value for anomaly in verdicts[row_id].anomalies)
        confusion.add(Truth(codes, upn, kind=kind), verdicts[row_id])
    assert len(meant) > 1_900
    assert {kind: each.false for kind, each in confusion.by_kind.items() if each.false} == {}
    assert confusion.missed_suggestions < 0.12 * len(meant)  # measured: 8 to 10 %


Cell = Callable[[random.Random, Employed, list[str]], str | None]
"""What somebody's cell holds instead of their UPN; given the domains of all tenants."""


def _slipped(slip: Slip, chance: random.Random, whose: Employed, _domains: list[str]) -> str:
    return f"{slip(chance, local_part(whose[1]))}@{whose[0].domains[0]}"


def _strayed(slip: Slip, chance: random.Random, whose: Employed, _domains: list[str]) -> str:
    return f"{local_part(whose[1])}@{slip(chance, whose[0].domains[0])}"


def _other_tenant(chance: random.Random, whose: Employed, domains: list[str]) -> str:
    return f"{local_part(whose[1])}@{chance.choice([each for each in domains if each != whose[0].domains[0]])}"


def _number(chance: random.Random, whose: Employed, _domains: list[str]) -> str:
    return f"x{chance.randint(100, 999)}@{whose[0].domains[0]}"


MISTAKES: dict[str, Cell] = {
    **{name: partial(_slipped, slip) for name, slip in (LOCAL_SLIPS | BY_NAME_ALONE).items()},
    **{name: partial(_strayed, slip) for name, slip in DOMAIN_SLIPS.items()},
    **{f"{name}, no name": partial(_slipped, slip) for name, slip in LOCAL_SLIPS.items()},
    **{f"{name}, no name": partial(_strayed, slip) for name, slip in DOMAIN_SLIPS.items()},
    "empty": lambda _chance, _whose, _domains: None,
    "the display name, no name": lambda _chance, whose, _domains: whose[1].display_name,
    "no domain": lambda _chance, whose, _domains: local_part(whose[1]),
    "no domain, no name": lambda _chance, whose, _domains: local_part(whose[1]),
    "another tenant": _other_tenant,
    "another tenant, no name": _other_tenant,
    "a number": _number,
}


def _spoilt(world: World, seed: int) -> tuple[list[Row], dict[int, tuple[str, str]]]:
    """The right rows, and one for each of those who have none yet, with a mistake in it; who is meant by each of these.

    A slip that makes somebody else's UPN is none that a program could find.
    """
    chance, placed = random.Random(seed), {truth.object_id for truth in world.truth.values()}
    rows = [row for row in rows_of(world) if not world.truth[row.id].codes]
    meant: dict[int, tuple[str, str]] = {}
    domains = [tenant.domains[0] for _, tenant, _ in world.accounts]
    people = [(tenant, user) for _, tenant, _ in world.accounts for user in tenant.users.values()]
    upns = {user.upn for _, user in people}
    spare = [
        (t, u) for t, u in people if u.id not in placed and u.enabled and not u.guest and "." in u.upn.partition("@")[0]
    ]
    for number, (whose, (kind, cell_of)) in enumerate(zip(spare, cycle(MISTAKES.items()), strict=False), 100_000):
        cell = cell_of(chance, whose, domains)
        if cell not in upns:
            rows.append(Row(number, cell, "Desk 7" if kind.endswith("no name") else whose[1].display_name))
            meant[number] = (kind, whose[1].upn)
    return rows, meant
