"""Whose a domain is: asked once an hour, and never more than so many at a time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from sync_agent.jobs.domain_owners import MOST_LOOKUPS, DomainOwners, Owner
from sync_agent.model import CouldNotAsk

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class LookUp:
    """``answers`` by domain; whoever is not in it belongs to nobody."""

    def __init__(self, **answers: Owner) -> None:
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked: Counter[str] = Counter()
        self.now = NOW
        self.owners = DomainOwners(self, lambda: self.now)

    async def __call__(self, domain: str) -> Owner:
        self.asked[domain] += 1
        return self.answers.get(domain)


@pytest.mark.anyio
async def test_an_answer_is_remembered_for_an_hour() -> None:
    look_up = LookUp(contoso_com="tenant")
    for _ in range(2):
        assert await look_up.owners.of(["contoso.com", "nobody.example"]) == {
            "contoso.com": "tenant",
            "nobody.example": None,
        }
    assert look_up.asked == {"contoso.com": 1, "nobody.example": 1}
    look_up.now += timedelta(hours=1)
    look_up.answers["nobody.example"] = "newcomer"
    assert await look_up.owners.of(["nobody.example"]) == {"nobody.example": "newcomer"}


@pytest.mark.anyio
async def test_a_failure_is_asked_again() -> None:
    failure = CouldNotAsk("away", NOW)
    look_up = LookUp(contoso_com=failure)
    assert await look_up.owners.of(["contoso.com"]) == {"contoso.com": failure}
    look_up.answers["contoso.com"] = "tenant"
    assert await look_up.owners.of(["contoso.com"]) == {"contoso.com": "tenant"}


@pytest.mark.anyio
async def test_of_very_many_domains_some_are_looked_up_now_and_the_others_later() -> None:
    look_up = LookUp()
    domains = [f"d{number:03}.example" for number in range(MOST_LOOKUPS + 20)]
    first = await look_up.owners.of(domains)
    assert first.keys() == set(domains)
    assert sum(isinstance(owner, CouldNotAsk) for owner in first.values()) == 20
    assert set((await look_up.owners.of(domains)).values()) == {None}
    assert set(look_up.asked.values()) == {1}


@pytest.mark.anyio
async def test_where_it_is_switched_off_nobody_is_asked_and_nothing_is_known() -> None:
    owners = DomainOwners(None, lambda: NOW)
    (owner,) = (await owners.of(["contoso.com"])).values()
    assert isinstance(owner, CouldNotAsk)
    assert not owners.asked
