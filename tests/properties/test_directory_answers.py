"""Random directories and lists: the answers are those of a plain look-up, whichever way is taken."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from sync_agent.microsoft365.directory import NEVER_BELIEVED, Answer
from sync_agent.model import Absent, CouldNotAsk, Found
from tests.microsoft365.scripted import Asked, refused
from tests.microsoft365.small_tenant import SmallTenant, id_of, opened, user

pytestmark = pytest.mark.anyio

CHARACTERS = "ab'+&#%$/ü "
NAMES = st.text(CHARACTERS, min_size=1, max_size=3).map(lambda local: f"{local}@contoso.com")
STATUSES = st.sampled_from([0, 0, 400, 403, 404, 429, 500, 503])
"""How a question fails; 0: not at all."""
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def tenants(draw: st.DrawFn) -> SmallTenant:
    """Users, some with an address more, and a recycle bin."""
    tenant = SmallTenant(page=draw(st.integers(1, 5)))
    for upn in draw(st.lists(NAMES, max_size=12, unique=True)):
        tenant.users.append(user(upn.upper(), mail=draw(st.none() | NAMES), accountEnabled=draw(st.booleans())))
    for upn in draw(st.lists(NAMES, max_size=3, unique=True)):
        tenant.delete(upn, "2026-11-01T08:00:00Z")
    return tenant


def plainly(tenant: SmallTenant, name: str) -> tuple[str | None, datetime | None, frozenset[str]]:
    """The id of who has the name, when it was deleted, and whose address it is."""
    mine = [record["id"] for record in tenant.users if record["userPrincipalName"].lower() == name]
    deleted = [record for record in tenant.deleted if record["userPrincipalName"].endswith(name)]
    gone = [record for record in deleted if record["id"] == id_of(name + record["deletedDateTime"])]
    owners = frozenset(record["id"] for record in tenant.users if (record["mail"] or "").lower() == name)
    at = datetime.fromisoformat(gone[0]["deletedDateTime"]) if gone else None
    return (mine[0] if mine else None, at, owners)


def agrees(tenant: SmallTenant, name: str, answer: Answer, believed: bool) -> bool:
    mine, deleted_at, owners = plainly(tenant, name)
    match answer:
        case Found(user=found):
            return found.id == mine
        case Absent(deleted_at=at, alias_of=alias):
            known = at == deleted_at and (alias.id in owners if alias else not owners)
            return mine is None and known and (believed or at is not None or alias is not None)
        case CouldNotAsk():
            return not believed and mine is None and deleted_at is None and not owners


async def ask(tenant: SmallTenant, names: Collection[str]) -> dict[str, Answer]:
    told: list[int] = []
    async with opened(tenant) as at:
        answers = await at.directory.resolve(names, told.append)
    assert answers.keys() == set(names)
    assert sum(told) == len(set(names))
    return answers


@FEW
@given(tenant=tenants(), names=st.lists(NAMES, max_size=40, unique=True))
async def test_the_answers_are_those_of_a_plain_look_up(tenant: SmallTenant, names: list[str]) -> None:
    answers = await ask(tenant, names)
    anybody = any(isinstance(answer, Found) for answer in answers.values())
    believed = anybody or (bool(tenant.users) and len(names) < NEVER_BELIEVED)
    assert all(agrees(tenant, name, answer, believed) for name, answer in answers.items())


@settings(FEW, max_examples=12)
@given(tenant=tenants(), names=st.lists(NAMES, max_size=20, unique=True))
async def test_paging_gives_the_same_answers(tenant: SmallTenant, names: list[str]) -> None:
    names = [*names, *(f"nobody{number}@contoso.com" for number in range(301))]
    by_pages = await ask(tenant, names)
    tenant.spoil = lambda asked: refused(403) if asked.path == "/users/$count" else None
    assert await ask(tenant, names) == by_pages


@FEW
@given(
    tenant=tenants(),
    names=st.lists(NAMES, max_size=40, unique=True),
    statuses=st.lists(STATUSES, min_size=1, max_size=6),
)
async def test_no_failure_makes_anybody_absent(tenant: SmallTenant, names: list[str], statuses: list[int]) -> None:
    """Each question may fail in its own way; whoever has the name is found or could not be asked for."""
    counted = iter(range(1_000_000))

    def spoil(asked: Asked) -> Response | None:
        status = statuses[next(counted) % len(statuses)]
        return refused(status) if status else None

    tenant.spoil = spoil
    answers = await ask(tenant, names)
    for name, answer in answers.items():
        mine, _, _ = plainly(tenant, name)
        assert isinstance(answer, Found | CouldNotAsk) if mine else not isinstance(answer, Found)
