"""What other tenants are called: told by whichever account may ask, and never worth a failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from sync_agent.microsoft365.tenant_names import TenantNames
from sync_agent.simulator.world import Tenant
from tests.microsoft365.contoso import NOW, Contoso, changing, opened, refusing, saying

pytestmark = pytest.mark.anyio

FABRIKAM = "fab1111c-2222-4333-8444-5555555beef5"
NOBODY = "00000000-2222-4333-8444-5555555beef5"
MAY_ASK = "CrossTenantInformation.ReadBasic.All"
FIND = "findTenantInformationByTenantId"


@pytest.fixture(autouse=True)
def fabrikam(contoso: Contoso) -> None:
    contoso.world.tenants[FABRIKAM] = Tenant(FABRIKAM, "Fabrikam\nInc.", ["fabrikam.com"])


class Asking:
    """Through accounts, of which those in ``allowed`` may ask; ``now`` is moved by tests."""

    def __init__(self, contoso: Contoso, accounts: Mapping[str, bool]) -> None:
        self.contoso = contoso
        self.now = NOW
        self._sign_ins = {id_: contoso.signed(id_, more=MAY_ASK if may else "") for id_, may in accounts.items()}

    async def each(self, *rounds: tuple[str, ...], hours: float = 0.0) -> list[dict[str, str]]:
        """The answers to each round of questions, ``hours`` after the one before."""
        async with opened(self.contoso, self._sign_ins) as at:
            names, answers = TenantNames(at.sessions, lambda: self.now), []
            for ids in rounds:
                answers.append(await names.of(ids))
                self.now += timedelta(hours=hours)
            return answers


async def test_the_name_and_the_domain_are_told_once_a_day(contoso: Contoso) -> None:
    asking = Asking(contoso, {"a0": True})
    answers = await asking.each((FABRIKAM, NOBODY), (FABRIKAM, NOBODY), (), hours=23)
    assert answers == [{FABRIKAM: "Fabrikam Inc. (fabrikam.com)"}] * 2 + [{}]
    assert len(contoso.heard(FIND)) == 2
    await asking.each((FABRIKAM,), (FABRIKAM,), hours=24)
    assert len(contoso.heard(FIND)) == 4


async def test_an_account_that_may_not_ask_is_found_out_by_one_request_an_hour(contoso: Contoso) -> None:
    others = tuple(f"{number:08}-2222-4333-8444-5555555beef5" for number in range(20))
    asking = Asking(contoso, {"a0": False})
    assert await asking.each((*others, FABRIKAM), (*others, FABRIKAM), hours=0.9) == [{}, {}]
    assert len(contoso.heard(FIND)) == 1
    await asking.each((FABRIKAM,), (FABRIKAM,), hours=1)
    assert len(contoso.heard(FIND)) == 3


async def test_another_account_is_asked_where_one_may_not(contoso: Contoso) -> None:
    asking = Asking(contoso, {"a0": False, "a1": True})
    assert await asking.each((FABRIKAM,)) == [{FABRIKAM: "Fabrikam Inc. (fabrikam.com)"}]


@pytest.mark.parametrize(
    "how", [refusing(500), refusing(400), saying([]), saying({"displayName": "X"}), {"reset": True}, {"cut": True}]
)
async def test_a_failure_costs_the_name_only_and_a_name_that_was_known_stays(
    contoso: Contoso, how: dict[str, Any]
) -> None:
    asking = Asking(contoso, {"a0": True})
    async with opened(contoso, asking._sign_ins) as at:
        names = TenantNames(at.sessions, lambda: asking.now)
        contoso.spoil(FIND, **how)
        assert await names.of([FABRIKAM]) == {}
        contoso.mend()
        asking.now += timedelta(days=1)
        assert await names.of([FABRIKAM]) == {FABRIKAM: "Fabrikam Inc. (fabrikam.com)"}
        asking.now += timedelta(days=1)
        contoso.spoil(FIND, reset=True)
        assert await names.of([FABRIKAM]) == {FABRIKAM: "Fabrikam Inc. (fabrikam.com)"}


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"displayName": None}, {FABRIKAM: "fabrikam.com"}),
        ({"displayName": "", "defaultDomainName": None}, {}),
        ({"defaultDomainName": None}, {FABRIKAM: "Fabrikam Inc."}),
    ],
)
async def test_what_is_not_told_is_left_out(contoso: Contoso, said: dict[str, Any], named: dict[str, str]) -> None:
    contoso.spoil(FIND, instead=changing(lambda body: body.update(said)))
    assert await Asking(contoso, {"a0": True}).each((FABRIKAM,)) == [named]
