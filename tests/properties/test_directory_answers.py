"""Random directories and lists: the answers are those of a plain look-up, whichever way is taken."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_agent.microsoft365.directory import NEVER_BELIEVED, Answer
from sync_agent.model import Absent, CouldNotAsk, Found
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from tests.microsoft365.contoso import COUNT, Contoso, fresh_contoso, in_pages_of, refusing
from tests.microsoft365.resolving import resolved

pytestmark = pytest.mark.anyio

CHARACTERS = "ab'+&#%$/ü "
NAMES = st.text(CHARACTERS, min_size=1, max_size=3).map(lambda local: f"{local}@contoso.com")
STATUSES = st.sampled_from([0, 0, 400, 403, 404, 429, 500, 503])
"""How a question fails; 0: not at all."""
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DELETED_AT = "2026-11-01T08:00:00Z"


@dataclass(frozen=True, slots=True)
class Drawn:
    """Users by name, with their mail address and whether they are enabled; names in the recycle bin; page size."""

    users: dict[str, tuple[str | None, bool]]
    deleted: list[str]
    page: int

    def served(self) -> Contoso:
        contoso = fresh_contoso()
        for upn, (mail, enabled) in self.users.items():
            contoso.add_user(upn.upper(), mail=mail, enabled=enabled)
        for upn in self.deleted:
            contoso.delete(upn, DELETED_AT)
        contoso.spoil(r"GET /v1\.0/users\?\$top=999", instead=in_pages_of(self.page))
        return contoso


TENANTS = st.builds(
    Drawn,
    users=st.dictionaries(NAMES, st.tuples(st.none() | NAMES, st.booleans()), max_size=12),
    deleted=st.lists(NAMES, max_size=3, unique=True),
    page=st.integers(1, 5),
)


def agrees(drawn: Drawn, name: str, answer: Answer, believed: bool) -> bool:
    mine = name in drawn.users
    deleted_at = datetime.fromisoformat(DELETED_AT) if name in drawn.deleted else None
    owners = {upn.upper() for upn, (mail, _) in drawn.users.items() if mail == name}
    match answer:
        case Found(user=found):
            return mine and found.upn == name.upper() and found.enabled == drawn.users[name][1]
        case Absent(deleted_at=at, alias_of=alias):
            known = at == deleted_at and (alias.upn in owners if alias else not owners)
            return not mine and known and (believed or at is not None or alias is not None)
        case CouldNotAsk():
            return not believed and not mine and deleted_at is None and not owners


@FEW
@given(drawn=TENANTS, names=st.lists(NAMES, max_size=40, unique=True))
async def test_the_answers_are_those_of_a_plain_look_up(drawn: Drawn, names: list[str]) -> None:
    answers = await resolved(drawn.served(), names)
    anybody = any(isinstance(answer, Found) for answer in answers.values())
    believed = anybody or (bool(drawn.users) and len(names) < NEVER_BELIEVED)
    assert all(agrees(drawn, name, answer, believed) for name, answer in answers.items())


@settings(FEW, max_examples=12)
@given(drawn=TENANTS, names=st.lists(NAMES, max_size=20, unique=True))
async def test_paging_gives_the_same_answers(drawn: Drawn, names: list[str]) -> None:
    names = [*names, *(f"nobody{number}@contoso.com" for number in range(301))]
    contoso = drawn.served()
    by_pages = await resolved(contoso, names)
    assert contoso.paths().count("/users") >= max(1, -(-len(drawn.users) // drawn.page))
    by_names = drawn.served()
    by_names.spoil(COUNT, **refusing(403))
    assert await resolved(by_names, names) == by_pages


def failing_by_turns(statuses: list[int]) -> Callable[[Call, Truly], Reply]:
    """Each question, parts of batches included, fails in the way whose turn it is."""
    counted = iter(range(1_000_000))

    def instead(call: Call, truly: Truly) -> Reply:
        status = statuses[next(counted) % len(statuses)]
        return Reply(status, b"{}", {"content-type": "application/json"}) if status else truly(call)

    return instead


@FEW
@given(
    drawn=TENANTS,
    names=st.lists(NAMES, max_size=40, unique=True),
    statuses=st.lists(STATUSES, min_size=1, max_size=6),
)
async def test_no_failure_makes_anybody_absent(drawn: Drawn, names: Collection[str], statuses: list[int]) -> None:
    """Whoever has the name is found or could not be asked for."""
    contoso = drawn.served()
    contoso.mend()
    contoso.spoil(".", instead=failing_by_turns(statuses))
    answers = await resolved(contoso, names)
    for name, answer in answers.items():
        assert isinstance(answer, Found | CouldNotAsk) if name in drawn.users else not isinstance(answer, Found)
