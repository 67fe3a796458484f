"""Who changed in a tenant, asked over HTTPS: by pages, by the account that was given the token, and never half."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sync_agent.microsoft365.errors import Garbled, Refused, ServiceError, SignInFailed, Throttled, Unreachable
from sync_agent.microsoft365.user_changes import Mark, UserNews, WholeNeeded
from sync_agent.simulator.graph_user_delta import PAGE
from sync_agent.simulator.world import DAY
from tests.microsoft365.contoso import Contoso, Opened, changing, opened, refusing, saying
from tests.microsoft365.resolving import agents

pytestmark = pytest.mark.anyio

DELTA = r"GET /v1\.0/users/delta"
PLENTY = 100


async def news(at: Opened, mark: Mark, most_pages: int = PLENTY) -> UserNews:
    told = await at.directory.changes.since(mark, most_pages)
    assert isinstance(told, UserNews)
    return told


async def test_names_are_told_in_lower_case_and_of_who_is_gone_none(contoso: Contoso) -> None:
    jane = contoso.add_user("Jane@contoso.com")
    gone = contoso.add_user("gone@contoso.com")
    async with opened(contoso) as at:
        mark = await at.directory.changes.latest()
        contoso.tenant.rename(jane, "Jane.Miller@contoso.com")
        jane.other_mails = ("JM@contoso.com",)
        jane.mail, jane.proxy_addresses = "J@contoso.com", ("SMTP:J@contoso.com", "smtp:Jane@contoso.com", "x500:/o=x")
        contoso.tenant.remove(gone, "2026-11-24T10:00:00Z")
        told = await news(at, mark)
        expected = frozenset({f"{name}@contoso.com" for name in ("jane.miller", "jane", "j", "jm")})
        assert told.names == {jane.id: expected, gone.id: frozenset()}
        assert (await news(at, told.mark)).names == {}
        assert (await news(at, mark)).names == told.names, "a mark is good until another is taken"


async def test_all_pages_are_read_but_no_more_than_allowed(contoso: Contoso) -> None:
    users = [contoso.add_user(name) for name in agents(2 * PAGE + 1)]
    async with opened(contoso) as at:
        mark = await at.directory.changes.latest()
        for user in users:
            user.enabled = False
        assert (await news(at, mark, 3)).names.keys() == {user.id for user in users}
        assert isinstance(await at.directory.changes.since(mark, 2), WholeNeeded)


async def test_an_expired_token_is_no_outage(contoso: Contoso) -> None:
    contoso.world.token_lifetime = (9 * 86_400, 9 * 86_400)
    async with opened(contoso) as at:
        mark = await at.directory.changes.latest()
        contoso.clock.now += 7 * DAY
        assert (await news(at, mark)).names == {}
        contoso.clock.now += 1
        told = await at.directory.changes.since(mark, PLENTY)
        assert isinstance(told, WholeNeeded) and "410" in told.reason


async def test_the_account_that_was_given_the_token_goes_on_with_it(contoso: Contoso) -> None:
    """Whichever account's turn it is."""
    sign_ins = {"a0": contoso.signed("a0"), "a1": contoso.signed("a1")}
    async with opened(contoso, sign_ins) as at:
        marks = [await at.directory.changes.latest() for _ in range(2)]
        assert {id(mark.by) for mark in marks} == {id(session) for session in at.sessions.values()}
        for mark in marks * 2:
            await news(at, mark)
        first, second, *later = contoso.askers()
        assert first != second
        assert later == [first, second] * 2


async def test_where_one_account_may_not_ask_another_does(contoso: Contoso) -> None:
    sign_ins = {"a0": contoso.signed("a0", without="User.Read.All"), "a1": contoso.signed("a1")}
    async with opened(contoso, sign_ins) as at:
        for _ in range(2):
            assert (await at.directory.changes.latest()).by is at.sessions["a1"]


class _LockedOut:
    """An account whose secret has expired."""

    account = "a0"

    async def token(self) -> str:
        raise SignInFailed("the secret has expired")

    async def renew(self, rejected: str) -> None:
        raise AssertionError("there was no token")


async def test_a_mark_goes_with_its_account_where_another_may_be_given_a_new_one(contoso: Contoso) -> None:
    sign_ins = {"a0": contoso.signed("a0"), "a1": contoso.signed("a1")}
    async with opened(contoso, sign_ins) as at:
        mark = await at.directory.changes.latest()
        mark.by.tokens = _LockedOut()
        assert isinstance(await at.directory.changes.since(mark, PLENTY), WholeNeeded)
        for _ in range(2):
            assert (await at.directory.changes.latest()).by is not mark.by


async def test_the_only_account_keeps_its_mark_until_it_can_sign_in_again(contoso: Contoso) -> None:
    async with opened(contoso) as at:
        mark, tokens = await at.directory.changes.latest(), at.graph.tokens
        at.graph.tokens = _LockedOut()
        with pytest.raises(SignInFailed):
            await at.directory.changes.since(mark, PLENTY)
        at.graph.tokens = tokens
        await news(at, mark)


def _next_link(link: str | None) -> Callable[[Any], None]:
    def change(page: dict[str, Any]) -> None:
        page["@odata.nextLink"] = link
        page.pop("@odata.deltaLink", None)

    return change


def _circle(page: dict[str, Any]) -> None:
    page["@odata.nextLink"] = page.pop("@odata.deltaLink")


MAKES_NO_SENSE = [
    {"instead": changing(_circle)},
    {"instead": changing(_next_link("https://elsewhere.example/v1.0/users/delta?$skiptoken=x"))},
    {"instead": changing(_next_link(None))},
    {"instead": changing(lambda page: page.pop("value"))},
    {"instead": changing(lambda page: page["value"].append({"userPrincipalName": "nobody@contoso.com"}))},
    saying([]),
    {"status": 200, "body": b"<html>"},
    refusing(400),
    refusing(403),
    refusing(404),
    refusing(410),
    refusing(500),
    refusing(501),
]


@pytest.mark.parametrize("how", MAKES_NO_SENSE)
async def test_what_makes_no_sense_or_is_refused_means_asking_about_everybody(
    contoso: Contoso, how: dict[str, Any]
) -> None:
    async with opened(contoso) as at:
        mark = await at.directory.changes.latest()
        contoso.spoil(DELTA, **how)
        assert isinstance(await at.directory.changes.since(mark, PLENTY), WholeNeeded)


@pytest.mark.parametrize(
    ("how", "failure"),
    [
        ({"reset": True}, Unreachable),
        ({"cut": True}, Unreachable),
        (refusing(429, headers={"retry-after": "1"}), Throttled),
        (refusing(503), Throttled),
    ],
)
async def test_silence_is_raised_and_the_mark_stays_good(
    contoso: Contoso, how: dict[str, Any], failure: type[ServiceError]
) -> None:
    jane = contoso.add_user("jane@contoso.com")
    async with opened(contoso) as at:
        mark = await at.directory.changes.latest()
        jane.enabled = False
        contoso.spoil(DELTA, **how)
        with pytest.raises(failure):
            await at.directory.changes.since(mark, PLENTY)
        with pytest.raises(failure):
            await at.directory.changes.latest()
        contoso.mend()
        assert (await news(at, mark)).names.keys() == {jane.id}


@pytest.mark.parametrize(
    ("how", "failure"), [(refusing(403), Refused), ({"instead": changing(_next_link("x"))}, Garbled)]
)
async def test_no_mark_is_given_where_there_is_none(
    contoso: Contoso, how: dict[str, Any], failure: type[ServiceError]
) -> None:
    contoso.spoil(DELTA, **how)
    async with opened(contoso) as at:
        with pytest.raises(failure):
            await at.directory.changes.latest()
