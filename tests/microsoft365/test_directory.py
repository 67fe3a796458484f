"""Who the UPNs are, asked of a tenant over HTTPS: every name gets an answer, and no failure is taken for absence."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sync_agent.microsoft365.directory import Answer
from sync_agent.microsoft365.name_lookup import Plan, cheaper
from sync_agent.model import Absent, CouldNotAsk, Found
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from tests.microsoft365.contoso import (
    COUNT,
    Contoso,
    an_empty_page_first,
    changing,
    id_of,
    members,
    opened,
    refusing,
    saying,
)
from tests.microsoft365.resolving import agents, kinds, resolve, resolved

pytestmark = pytest.mark.anyio

ADDRESSES = "proxyAddresses/any"
SECOND_PAGE = r"GET /v1\.0/users\?.*skiptoken"


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


async def test_names_with_any_character_are_found(contoso: Contoso) -> None:
    contoso.add(*(name.upper().replace("Ü", "ü") for name in ODD))
    answers = await resolved(contoso, [*ODD, "nobody@contoso.com"])
    for name in ODD:
        found = answers[name]
        assert isinstance(found, Found)
        assert found.user.id == id_of(name)
        assert found.user.upn.lower() == name
    assert answers["nobody@contoso.com"] == Absent("a0")


async def test_a_name_that_no_question_can_hold_is_nobodys(contoso: Contoso) -> None:
    contoso.add("agent0@contoso.com")
    odd = ["", "x" * 1_000_000 + "@contoso.com", "\ud800@contoso.com"]
    answers = await resolved(contoso, ["agent0@contoso.com", *odd])
    assert kinds(answers) == {Found: 1, Absent: 3}


@pytest.mark.parametrize(("count", "requests"), [(1, 1), (15, 1), (16, 1), (300, 1), (301, 3), (4_000, 15)])
async def test_names_are_asked_in_as_few_requests_as_possible(contoso: Contoso, count: int, requests: int) -> None:
    contoso.add(*agents(15_000))
    answers = await resolved(contoso, agents(count))
    assert kinds(answers) == {Found: count}
    # Over 300 names the directory is counted first: one request more.
    assert len(contoso.paths()) == requests


async def test_a_batch_holds_all_that_graph_takes(contoso: Contoso) -> None:
    contoso.add(*agents(310))
    await resolved(contoso, agents(300))
    (batch,) = contoso.heard()
    parts = batch.json()["requests"]
    assert [part["url"].count("@") for part in parts] == [15] * 20


async def test_a_directory_that_the_list_covers_is_paged(contoso: Contoso) -> None:
    contoso.add(*agents(4_000))
    answers = await resolved(contoso, agents(4_000))
    assert kinds(answers) == {Found: 4_000}
    assert contoso.paths() == ["/users/$count"] + ["/users"] * 5


async def _both_ways(contoso: Contoso, names: Collection[str]) -> list[Mapping[str, Answer]]:
    """By pages, then by names, for want of the directory's size."""
    by_pages = await resolved(contoso, names)
    assert "/users" in contoso.paths()
    contoso.world.heard.clear()
    contoso.spoil(COUNT, **refusing(403))
    by_names = await resolved(contoso, names)
    assert "/users" not in contoso.paths()
    return [by_pages, by_names]


async def test_both_ways_give_the_same_answers(contoso: Contoso) -> None:
    contoso.add(*agents(1_010), *ODD)
    boss = ("SMTP:Boss@Mail.contoso.com", "x500:/o=a")
    contoso.add_user("boss@contoso.com", mail="The.Boss@Contoso.com", proxy_addresses=boss)
    contoso.add_user("aide@contoso.com", proxy_addresses=("smtp:o'hara@contoso.com",), enabled=False)
    contoso.delete("gone@contoso.com", "2026-11-01T08:00:00Z")
    aliases = ["the.boss@contoso.com", "boss@mail.contoso.com", "o'hara@contoso.com"]
    by_pages, by_names = await _both_ways(contoso, agents(1_050) + ODD + [*aliases, "gone@contoso.com"])
    assert by_pages == by_names
    assert kinds(by_pages) == {Found: 1_010 + len(ODD), Absent: 44}
    owners = [
        answer.alias_of.upn for name in aliases if isinstance(answer := by_pages[name], Absent) and answer.alias_of
    ]
    assert owners == ["boss@contoso.com", "boss@contoso.com", "aide@contoso.com"]


async def test_somebody_added_while_the_pages_were_read_is_found(contoso: Contoso) -> None:
    contoso.add(*agents(1_000))

    def added_meanwhile(call: Call, truly: Truly) -> Reply:
        page = truly(call)
        contoso.add("agent1000@contoso.com")
        return page

    contoso.spoil(SECOND_PAGE, instead=added_meanwhile)
    answers = await resolved(contoso, agents(1_001))
    assert kinds(answers) == {Found: 1_001}


@pytest.mark.parametrize("how", [refusing(500), refusing(400), saying({}), {"cut": True}, {"reset": True}])
async def test_a_page_that_fails_costs_nothing_but_requests(contoso: Contoso, how: dict[str, Any]) -> None:
    contoso.add(*agents(1_000))
    contoso.spoil(SECOND_PAGE, **how)
    answers = await resolved(contoso, agents(1_001))
    assert kinds(answers) == {Found: 1_000, Absent: 1}


async def test_pages_that_end_too_soon_cost_nothing_but_requests(contoso: Contoso) -> None:
    contoso.add(*agents(2_000))
    contoso.spoil(r"GET /v1\.0/users\?\$top", instead=changing(lambda page: page.pop("@odata.nextLink")))
    answers = await resolved(contoso, agents(2_001))
    assert kinds(answers) == {Found: 2_000, Absent: 1}


async def test_a_user_is_taken_as_the_directory_has_them(contoso: Contoso) -> None:
    off = [{"service": "TeamspaceAPI", "capabilityStatus": "Suspended"}, {"service": None, "capabilityStatus": None}]
    by_id = [{"servicePlanId": "57FF2DA0-773e-42df-b2af-ffb7a2317929", "capabilityStatus": "Warning"}]
    odd: dict[str, dict[str, Any]] = {
        "off": {"assignedPlans": off},
        "old_x.com#EXT#": {"userType": None, "assignedPlans": None, "displayName": None},
        "member_x.com#EXT#": {"assignedPlans": by_id},
    }
    contoso.add("jane@contoso.com", "bare@contoso.com", "old_x.com#EXT#@contoso.com", "member_x.com#EXT#@contoso.com")
    contoso.add_user("off@contoso.com", enabled=False)
    contoso.add_user("guest@contoso.com", guest=True)
    contoso.add_user("unlicensed@contoso.com", licensed=False)

    def edited(users: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for user in users:
            user.update(odd.get(user["userPrincipalName"].partition("@")[0], {}))
            if user["userPrincipalName"] == "bare@contoso.com":
                del user["assignedPlans"], user["accountEnabled"]
        return users

    contoso.spoil(r"GET /v1\.0/users\?", instead=members(edited))
    answers = await resolved(contoso, [user.upn.lower() for user in contoso.tenant.users.values()])
    seen = [answer.user for answer in answers.values() if isinstance(answer, Found)]
    facts = {user.upn.partition("@")[0]: (user.enabled, user.guest, user.teams_licensed) for user in seen}
    assert facts == {
        "jane": (True, False, True),
        "bare": (True, False, None),
        "off": (False, False, False),
        "guest": (True, True, False),
        "unlicensed": (True, False, False),
        "old_x.com#EXT#": (True, True, None),
        "member_x.com#EXT#": (True, False, True),
    }


async def test_absent_names_come_with_what_else_the_tenant_knows(contoso: Contoso) -> None:
    contoso.add("agent0@contoso.com")
    contoso.add_user("Jane@contoso.com", mail="Jane.Doe@contoso.com", proxy_addresses=("SMTP:JD@contoso.com",))
    contoso.delete("gone@contoso.com", "2026-11-01T08:00:00Z")
    contoso.delete("gone@contoso.com", "2026-11-09T08:00:00.1234567Z")
    contoso.delete("gone@contoso.com", "2026-11-02T08:00:00Z")
    plainly = {"id": id_of("p"), "userPrincipalName": "Plain@contoso.com", "deletedDateTime": "2026-10-30T00:00:00Z"}
    contoso.spoil("deletedItems", instead=members(lambda deleted: [*deleted, plainly]))
    asked = ["agent0", "jane.doe", "jd", "gone", "plain", "nobody"]
    answers = await resolved(contoso, [f"{name}@contoso.com" for name in asked])
    jane, jd, gone, plain, nobody = (answers[f"{name}@contoso.com"] for name in asked[1:])
    assert isinstance(jane, Absent) and jane.alias_of is not None and jane.alias_of.upn == "Jane@contoso.com"
    assert isinstance(jd, Absent) and jd.alias_of == jane.alias_of
    assert isinstance(gone, Absent) and gone.deleted_at == datetime(2026, 11, 9, 8, 0, 0, 123457, UTC)
    assert isinstance(plain, Absent) and plain.deleted_at == datetime(2026, 10, 30, tzinfo=UTC)
    assert nobody == Absent("a0")
    assert len(contoso.paths()) == 3  # names, recycle bin, addresses


async def test_a_recycle_bin_of_many_pages_is_read_to_its_end(contoso: Contoso) -> None:
    contoso.add("agent0@contoso.com")
    for name in agents(1_100, start=1):
        contoso.delete(name, "2026-11-01T08:00:00Z")
    answers = await resolved(contoso, ["agent0@contoso.com", "agent1@contoso.com", "agent1100@contoso.com"])
    gone = [answer.deleted_at for answer in answers.values() if isinstance(answer, Absent)]
    assert gone == [datetime(2026, 11, 1, 8, tzinfo=UTC)] * 2


async def test_whose_address_a_name_is_may_come_on_a_later_page(contoso: Contoso) -> None:
    """An empty page with a link to the next is no end, and what an advanced filter needs is said again on each."""
    contoso.add("agent0@contoso.com")
    contoso.add_user("jane@contoso.com", mail="jane.doe@contoso.com")
    contoso.spoil(ADDRESSES, instead=an_empty_page_first, times=1)
    answer = (await resolved(contoso, ["agent0@contoso.com", "jane.doe@contoso.com"]))["jane.doe@contoso.com"]
    assert isinstance(answer, Absent) and answer.alias_of is not None
    assert answer.alias_of.upn == "jane@contoso.com"
    (following,) = contoso.heard("/v1.0/users")
    assert following.headers["consistencylevel"] == "eventual"


async def test_pages_that_do_not_end_leave_an_absence_that_says_so(contoso: Contoso) -> None:
    contoso.add("agent0@contoso.com")
    numbers = count()

    def endless(call: Call, truly: Truly) -> Reply:
        page = {"value": [], "@odata.nextLink": f"{contoso.world.origin}/v1.0/users?$top={next(numbers)}"}
        return Reply(200, json.dumps(page).encode(), {"content-type": "application/json"})

    contoso.spoil(rf"{ADDRESSES}|GET /v1\.0/users\?\$top", instead=endless)
    answer = (await resolved(contoso, ["agent0@contoso.com", "nobody@contoso.com"]))["nobody@contoso.com"]
    assert isinstance(answer, Absent)
    assert "more than 20 pages" in answer.unexplained


async def test_a_sip_address_and_another_mail_are_somebodys_too(contoso: Contoso) -> None:
    contoso.add(*agents(400))
    contoso.add_user("jane@contoso.com", proxy_addresses=("SIP:Jane.Doe@contoso.com", "sip:jd@contoso.com"))
    contoso.add_user("joe@contoso.com", other_mails=("Joe.Doe@contoso.com",))
    contoso.add_user("x500@contoso.com", proxy_addresses=("x500:jim@contoso.com",))
    asked = [f"{name}@contoso.com" for name in ("jane.doe", "jd", "joe.doe", "jim")]
    by_pages, by_names = await _both_ways(contoso, [*agents(400), *asked])
    assert by_pages == by_names
    owners = [answer.alias_of and answer.alias_of.upn for name in asked if isinstance(answer := by_names[name], Absent)]
    assert owners == ["jane@contoso.com", "jane@contoso.com", "joe@contoso.com", None]


async def test_who_has_an_address_to_themselves_is_named_before_whose_other_mail_it_is(contoso: Contoso) -> None:
    contoso.add_user("a@contoso.com", other_mails=("boss.x@contoso.com",))
    contoso.add_user("boss@contoso.com", proxy_addresses=("smtp:boss.x@contoso.com",), enabled=False)
    answer = (await resolved(contoso, ["boss.x@contoso.com", "a@contoso.com"]))["boss.x@contoso.com"]
    assert isinstance(answer, Absent) and answer.alias_of is not None
    assert answer.alias_of.upn == "boss@contoso.com"


async def test_nothing_more_is_asked_where_nobody_is_absent(contoso: Contoso) -> None:
    contoso.add(*agents(40))
    await resolved(contoso, agents(40))
    assert contoso.paths() == ["/$batch"]


async def test_of_several_with_one_address_the_enabled_member_is_named(contoso: Contoso) -> None:
    contoso.add_user("a@contoso.com", mail="shared@contoso.com", guest=True)
    contoso.add_user("b@contoso.com", mail="shared@contoso.com", enabled=False)
    contoso.add_user("c@contoso.com", mail="shared@contoso.com")
    answer = (await resolved(contoso, ["shared@contoso.com", "c@contoso.com"]))["shared@contoso.com"]
    assert isinstance(answer, Absent) and answer.alias_of is not None
    assert answer.alias_of.upn == "c@contoso.com"


async def test_domains_come_in_lower_case_with_the_name_of_the_tenant(contoso: Contoso) -> None:
    contoso.tenant.domains = ["Contoso.com", "contoso.onmicrosoft.com"]
    async with opened(contoso, {"a0": contoso.signed("a0", more="Organization.Read.All")}) as at:
        assert await at.directory.domains() == frozenset({"contoso.com", "contoso.onmicrosoft.com"})
        assert at.directory.display_name == "Contoso"


async def test_domains_that_may_not_be_read_are_not_told(contoso: Contoso) -> None:
    async with opened(contoso) as at:
        assert await at.directory.domains() is None


@pytest.mark.parametrize("how", [refusing(500), refusing(400), saying({"value": []}), saying({}), {"reset": True}])
async def test_domains_that_cannot_be_asked_are_not_no_domains(contoso: Contoso, how: dict[str, Any]) -> None:
    contoso.spoil("/organization", **how)
    async with opened(contoso, {"a0": contoso.signed("a0", more="Organization.Read.All")}) as at:
        assert isinstance(await at.directory.domains(), CouldNotAsk)


async def test_two_accounts_of_a_tenant_share_its_users_and_its_requests(contoso: Contoso) -> None:
    contoso.add(*agents(15_000))
    contoso.spoil(COUNT, **refusing(403))
    async with opened(contoso, {account: contoso.signed(account) for account in ("a0", "a1")}) as at:
        answers = await resolve(at, agents(2_000))
        askers = contoso.askers()
        accounts = [answer.account for answer in answers.values() if isinstance(answer, Found)]
        assert 900 < accounts.count("a0") < 1_100
        assert accounts.count("a0") + accounts.count("a1") == 2_000
        assert answers == await resolve(at, agents(2_000))
    assert abs(askers.count(id_of("a0")) - askers.count(id_of("a1"))) <= 1


async def test_an_account_that_cannot_sign_in_is_stood_in_for(contoso: Contoso, tmp_path: Path) -> None:
    contoso.add(*agents(1_000))
    broken = contoso.signing_in("a0", tmp_path, secret="wrong")
    async with opened(contoso, {"a0": broken, "a1": contoso.signed("a1", more="Organization.Read.All")}) as at:
        assert kinds(await resolve(at, agents(500))) == {Found: 500}
        assert at.contoso.askers() and id_of("a0") not in at.contoso.askers()
        assert isinstance(await at.directory.domains(), frozenset)


async def test_an_account_that_may_not_ask_is_stood_in_for_and_then_passed_over(contoso: Contoso) -> None:
    contoso.add(*agents(1_000))
    forbidden = contoso.signed("a0", without="User.Read.All")
    async with opened(contoso, {"a0": forbidden, "a1": contoso.signed("a1", more="Organization.Read.All")}) as at:
        assert kinds(await resolve(at, agents(500))) == {Found: 500}
        assert contoso.askers().count(id_of("a0")) == 1
        assert isinstance(await at.directory.domains(), frozenset)


async def test_the_account_of_a_user_stays_when_another_comes(contoso: Contoso) -> None:
    ids = [id_of(str(number)) for number in range(3_000)]
    accounts = {f"a{number}": contoso.signed(f"a{number}") for number in range(4)}
    three_accounts = {account: accounts[account] for account in ("a0", "a1", "a2")}
    async with opened(contoso, three_accounts) as three, opened(contoso, accounts) as four:
        moved = [id_ for id_ in ids if three.directory.account_for(id_) != four.directory.account_for(id_)]
        assert {four.directory.account_for(id_) for id_ in moved} == {"a3"}
        assert 600 < len(moved) < 900
