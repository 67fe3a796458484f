"""Who the UPNs are, asked of a tenant over HTTPS: every name gets an answer, and no failure is taken for absence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import pytest
from starlette.responses import Response

from sync_agent.microsoft365.directory import Answer
from sync_agent.microsoft365.errors import SignInFailed
from sync_agent.microsoft365.name_lookup import Plan, cheaper
from sync_agent.model import Absent, CouldNotAsk, Found
from tests.microsoft365.resolving import agents, kinds, resolve, resolved
from tests.microsoft365.scripted import Asked, FixedToken, refused, said
from tests.microsoft365.small_tenant import BrokenSignIn, SmallTenant, id_of, opened, user

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("names", "users", "plan"),
    [
        (0, None, Plan(False, 0)),
        (1, None, Plan(False, 1)),
        (300, None, Plan(False, 1)),
        (301, None, Plan(False, 2)),
        (301, 999, Plan(True, 1)),
        (600, 1_000, Plan(False, 2)),
        (15_000, 16_000, Plan(True, 17)),
        (15_000, 49_950, Plan(False, 50)),
        (15_000, 48_951, Plan(True, 49)),
        (15_000, 0, Plan(True, 1)),
        (15_000, None, Plan(False, 50)),
    ],
)
def test_the_way_with_fewer_requests_is_taken(names: int, users: int | None, plan: Plan) -> None:
    assert cheaper(names, users) == plan


ODD = [
    "o'brien@contoso.com",
    "d''angelo@contoso.com",
    "jane_doe_fabrikam.com#ext#@contoso.onmicrosoft.com",
    "a+b@contoso.com",
    "r&d@contoso.com",
    "50%@contoso.com",
    "$cash@contoso.com",
    "jürgen@contoso.com",
    "a/b?c=d@contoso.com",
    "x') or (userprincipalname ne '@contoso.com",
    "in ('a','b')@contoso.com",
]


async def test_names_with_any_character_are_found() -> None:
    tenant = SmallTenant()
    tenant.add(*(name.upper().replace("Ü", "ü") for name in ODD))
    answers = await resolved(tenant, [*ODD, "nobody@contoso.com"])
    for name in ODD:
        found = answers[name]
        assert isinstance(found, Found)
        assert found.user.id == id_of(name)
        assert found.user.upn.lower() == name
    assert answers["nobody@contoso.com"] == Absent("a0")


async def test_a_name_that_no_question_can_hold_is_nobodys() -> None:
    tenant = SmallTenant()
    tenant.add("agent0@contoso.com")
    odd = ["", "x" * 1_000_000 + "@contoso.com", "\ud800@contoso.com"]
    answers = await resolved(tenant, ["agent0@contoso.com", *odd])
    assert kinds(answers) == {Found: 1, Absent: 3}


@pytest.mark.parametrize(("count", "requests"), [(1, 1), (15, 1), (16, 1), (300, 1), (301, 3), (4_000, 15)])
async def test_names_are_asked_in_as_few_requests_as_possible(count: int, requests: int) -> None:
    tenant = SmallTenant()
    tenant.add(*agents(count))
    tenant.add(*agents(15_000 - count, start=count))
    async with opened(tenant) as at:
        answers = await resolve(at, agents(count))
    assert kinds(answers) == {Found: count}
    # Over 300 names the directory is counted first: one request more.
    assert len(at.requests) == requests


async def test_a_directory_that_the_list_covers_is_paged() -> None:
    tenant = SmallTenant()
    tenant.add(*agents(4_000))
    async with opened(tenant) as at:
        answers = await resolve(at, agents(4_000))
        assert kinds(answers) == {Found: 4_000}
        assert at.requests == ["/users/$count"] + ["/users"] * 5


async def _both_ways(tenant: SmallTenant, names: Collection[str]) -> list[Mapping[str, Answer]]:
    """By pages, then by names, for want of the directory's size."""
    answers = []
    for spoil in (lambda asked: None, lambda asked: refused(403) if asked.path == "/users/$count" else None):
        tenant.spoil = spoil
        async with opened(tenant) as at:
            answers.append(await resolve(at, names))
    return answers


async def test_both_ways_give_the_same_answers() -> None:
    tenant = SmallTenant()
    tenant.add(*agents(1_300), *ODD)
    tenant.users += [
        user(
            "boss@contoso.com", mail="The.Boss@Contoso.com", proxyAddresses=["SMTP:Boss@Mail.contoso.com", "x500:/o=a"]
        ),
        user("aide@contoso.com", proxyAddresses=["smtp:o'hara@contoso.com"], accountEnabled=False),
    ]
    tenant.delete("gone@contoso.com", "2026-11-01T08:00:00Z")
    names = (
        agents(1_500)
        + ODD
        + ["the.boss@contoso.com", "boss@mail.contoso.com", "o'hara@contoso.com", "gone@contoso.com"]
    )
    by_pages, by_names = await _both_ways(tenant, names)
    assert by_pages == by_names
    assert kinds(by_pages) == {Found: 1_300 + len(ODD), Absent: 204}


async def test_somebody_added_while_the_pages_were_read_is_found() -> None:
    tenant = SmallTenant(page=500)
    tenant.add(*agents(1_000))

    def spoil(asked: Asked) -> None:
        if asked.path == "/$batch":
            tenant.add("agent1000@contoso.com")

    tenant.spoil = spoil
    answers = await resolved(tenant, agents(1_001))
    assert kinds(answers) == {Found: 1_001}


async def test_a_page_that_fails_costs_nothing_but_requests() -> None:
    tenant = SmallTenant(page=400)
    tenant.add(*agents(1_000))
    tenant.spoil = lambda asked: refused(500) if "$skiptoken" in asked.query else None
    async with opened(tenant) as at:
        answers = await resolve(at, agents(1_001))
    assert kinds(answers) == {Found: 1_000, Absent: 1}


async def test_a_user_is_taken_as_the_directory_has_them() -> None:
    tenant = SmallTenant()
    off = [{"service": "TeamspaceAPI", "capabilityStatus": "Suspended"}, {"service": None, "capabilityStatus": None}]
    by_id = [{"servicePlanId": "57FF2DA0-773e-42df-b2af-ffb7a2317929", "capabilityStatus": "Warning"}]
    tenant.users = [
        user("plain@contoso.com"),
        user("off@contoso.com", accountEnabled=False, assignedPlans=off),
        user("guest@contoso.com", userType="Guest", assignedPlans=[]),
        user("old_x.com#EXT#@contoso.com", userType=None, assignedPlans=None, displayName=None),
        user("member_x.com#EXT#@contoso.com", assignedPlans=by_id),
    ]
    del tenant.users[0]["assignedPlans"], tenant.users[0]["accountEnabled"]
    answers = await resolved(tenant, [record["userPrincipalName"].lower() for record in tenant.users])
    seen = [answer.user for answer in answers.values() if isinstance(answer, Found)]
    facts = {user.upn.partition("@")[0]: (user.enabled, user.guest, user.teams_licensed) for user in seen}
    assert facts == {
        "plain": (True, False, None),
        "off": (False, False, False),
        "guest": (True, True, False),
        "old_x.com#EXT#": (True, True, None),
        "member_x.com#EXT#": (True, False, True),
    }


async def test_absent_names_come_with_what_else_the_tenant_knows() -> None:
    tenant = SmallTenant()
    tenant.add("agent0@contoso.com")
    tenant.users.append(user("Jane@contoso.com", mail="Jane.Doe@contoso.com", proxyAddresses=["SMTP:JD@contoso.com"]))
    tenant.delete("gone@contoso.com", "2026-11-01T08:00:00Z")
    tenant.delete("gone@contoso.com", "2026-11-09T08:00:00.1234567Z")
    tenant.delete("gone@contoso.com", "2026-11-02T08:00:00Z")
    tenant.deleted.append(
        {"id": id_of("p"), "userPrincipalName": "Plain@contoso.com", "deletedDateTime": "2026-10-30T00:00:00Z"}
    )
    asked = ["agent0", "jane.doe", "jd", "gone", "plain", "nobody"]
    async with opened(tenant) as at:
        answers = await resolve(at, [f"{name}@contoso.com" for name in asked])
    jane, jd, gone, plain, nobody = (answers[f"{name}@contoso.com"] for name in asked[1:])
    assert isinstance(jane, Absent) and jane.alias_of is not None and jane.alias_of.upn == "Jane@contoso.com"
    assert isinstance(jd, Absent) and jd.alias_of == jane.alias_of
    assert isinstance(gone, Absent) and gone.deleted_at == datetime(2026, 11, 9, 8, 0, 0, 123457, UTC)
    assert isinstance(plain, Absent) and plain.deleted_at == datetime(2026, 10, 30, tzinfo=UTC)
    assert nobody == Absent("a0")
    assert len(at.requests) == 3  # names, recycle bin, addresses


async def test_nothing_more_is_asked_where_nobody_is_absent() -> None:
    tenant = SmallTenant()
    tenant.add(*agents(40))
    async with opened(tenant) as at:
        await resolve(at, agents(40))
    assert at.requests == ["/$batch"]


async def test_of_several_with_one_address_the_enabled_member_is_named() -> None:
    tenant = SmallTenant()
    tenant.users = [
        user("a@contoso.com", mail="shared@contoso.com", userType="Guest"),
        user("b@contoso.com", mail="shared@contoso.com", accountEnabled=False),
        user("c@contoso.com", mail="shared@contoso.com"),
    ]
    answer = (await resolved(tenant, ["shared@contoso.com", "c@contoso.com"]))["shared@contoso.com"]
    assert isinstance(answer, Absent) and answer.alias_of is not None
    assert answer.alias_of.upn == "c@contoso.com"


async def test_domains_come_in_lower_case_with_the_name_of_the_tenant() -> None:
    async with opened(SmallTenant()) as at:
        assert await at.directory.domains() == frozenset({"contoso.com", "contoso.onmicrosoft.com"})
        assert at.directory.display_name == "Contoso"


@pytest.mark.parametrize("answer", [refused(403), refused(500), said({"value": []}), said({})])
async def test_domains_that_cannot_be_asked_are_not_no_domains(answer: Response) -> None:
    tenant = SmallTenant(spoil=lambda asked: answer)
    async with opened(tenant) as at:
        assert isinstance(await at.directory.domains(), CouldNotAsk)


async def test_two_accounts_of_a_tenant_share_its_users_and_its_requests() -> None:
    tenant = SmallTenant()
    tenant.add(*agents(15_000))
    tenant.spoil = lambda asked: refused(403) if asked.path == "/users/$count" else None
    async with opened(tenant, [FixedToken("t0"), FixedToken("t1")]) as at:
        answers = await resolve(at, agents(2_000))
        assert at.tokens_used() == {"t0", "t1"}
        accounts = [answer.account for answer in answers.values() if isinstance(answer, Found)]
        assert 900 < accounts.count("a0") < 1_100
        assert answers == await resolve(at, agents(2_000))


async def test_an_account_that_cannot_ask_is_stood_in_for() -> None:
    tenant = SmallTenant()
    tenant.add(*agents(1_000))
    for accounts in (
        [BrokenSignIn(SignInFailed("AADSTS7000215: the secret is wrong")), FixedToken("t1")],
        [FixedToken("t0"), FixedToken("t1")],
    ):
        tenant.spoil = lambda asked: refused(403) if asked.headers.get("authorization") == "Bearer t0" else None
        async with opened(tenant, accounts) as at:
            answers = await resolve(at, agents(500))
            assert kinds(answers) == {Found: 500}
            asked_in_vain = sum(asked.headers["authorization"] == "Bearer t0" for asked in at.service.asked)
            assert asked_in_vain <= 1
            assert not isinstance(await at.directory.domains(), CouldNotAsk)


async def test_the_account_of_a_user_stays_when_another_comes() -> None:
    ids = [id_of(str(number)) for number in range(3_000)]
    async with opened(SmallTenant(), [FixedToken()] * 3) as three, opened(SmallTenant(), [FixedToken()] * 4) as four:
        moved = [id_ for id_ in ids if three.directory.account_for(id_) != four.directory.account_for(id_)]
        assert {four.directory.account_for(id_) for id_ in moved} == {"a3"}
        assert 600 < len(moved) < 900
