"""When following costs more than reading, which change is our own, and how old a token may get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.microsoft365.following import Costs, Following, News
from sync_agent.microsoft365.list_answers import Changes, Outcome, WholeListNeeded, Written
from sync_agent.microsoft365.own_writes import OwnWrites
from sync_agent.model import Change, Row, Shown

GRAPH = Costs(rows_a_request=1, a_request=1.0, rows_a_page=2_000, a_page=2.0, besides=6.0)
REST = Costs(rows_a_request=100, a_request=2.0, rows_a_page=5_000, a_page=2.0, besides=8.0)


@pytest.mark.parametrize(
    ("costs", "changed", "rows", "worth"),
    [
        (GRAPH, 0, 0, True),
        (GRAPH, 7, 40, True),
        (GRAPH, 8, 40, False),
        (GRAPH, 21, 15_000, True),
        (GRAPH, 22, 15_000, False),
        (REST, 40, 40, True),
        (REST, 600, 15_000, True),
        (REST, 601, 15_000, False),
    ],
)
def test_the_cheaper_way_is_taken(costs: Costs, changed: int, rows: int, worth: bool) -> None:
    assert costs.worth_reading(changed, rows) is worth


@given(st.integers(0, 50_000), st.integers(0, 50_000), st.sampled_from([GRAPH, REST]))
def test_more_changes_never_make_following_cheaper(changed: int, rows: int, costs: Costs) -> None:
    if costs.worth_reading(changed + 1, rows):
        assert costs.worth_reading(changed, rows)
    assert not costs.worth_reading(changed, rows) or costs.of_rows(changed) < costs.of_whole(rows)


class _Log:
    """A change log without changes."""

    costs = REST

    async def token(self) -> str:
        return "now"

    async def since(self, token: str, known: Mapping[int, Row]) -> News:
        return News(token, {}, frozenset(), frozenset())


@pytest.mark.anyio
async def test_a_token_that_sharepoint_may_have_forgotten_is_not_used() -> None:
    """After its 60 days an answer was seen that says nothing changed."""
    now = 0.0
    following = Following(lambda: now)

    async def nothing(*_: object) -> list[Row]:
        return []

    async def no_rows(*_: object) -> dict[int, Row]:
        return {}

    await following.whole(_Log(), nothing)
    now = 29 * 86_400.0
    assert await following.changes(_Log(), {}, no_rows) == Changes({})
    now = 31 * 86_400.0
    assert isinstance(await following.changes(_Log(), {}, no_rows), WholeListNeeded)


CHANGE = Change(Row(1, "jane@contoso.com", "Jane", Shown()), {})


@pytest.mark.anyio
async def test_writes_are_counted_until_the_log_is_read() -> None:
    own = OwnWrites()

    async def write(changes: Sequence[Change]) -> list[Outcome]:
        return [Written(change.row.id) for change in changes]

    await own.noted(write, [CHANGE])
    await own.noted(write, [CHANGE])
    with own.while_log_is_read() as counts:
        assert counts == {1: 2}
    with own.while_log_is_read() as counts:
        assert counts == {}


@pytest.mark.anyio
@pytest.mark.parametrize("when", ["begins before", "ends after", "lies within", "spans"])
async def test_a_write_of_which_the_log_may_or_may_not_tell_is_not_counted(when: str) -> None:
    own = OwnWrites()
    looking = own.while_log_is_read()

    async def write(changes: Sequence[Change]) -> list[Outcome]:
        if when in ("begins before", "spans"):
            looking.__enter__()
        if when in ("ends after", "spans"):
            looking.__exit__(None, None, None)
        return [Written(change.row.id) for change in changes]

    if when in ("ends after", "lies within"):
        looking.__enter__()
    await own.noted(write, [CHANGE])
    if when in ("begins before", "lies within"):
        looking.__exit__(None, None, None)
    with own.while_log_is_read() as counts:
        assert counts == {}
