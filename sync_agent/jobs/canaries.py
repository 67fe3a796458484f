"""Whose absence would mean that the tenant may not be read: users of the settings, or else whoever has signed in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sync_agent.jobs.context import Tenant
from sync_agent.jobs.witnesses import canaries_missing, is_plain, is_vouched, person_missing, vouched_for
from sync_agent.microsoft365.directory import Directory
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.model import CouldNotAsk, Match, User


def canaries_of(tenant: Tenant) -> frozenset[str]:
    """Names that go along with every question, as far as they are known before it."""
    return tenant.canaries or frozenset(person.upn.lower() for person in tenant.people().values() if person.upn)


async def vouched(tenant: Tenant, answers: Mapping[str, Match], now: datetime) -> Mapping[str, Match]:
    """The answers, as far as the tenant's canaries vouch for them. Nobody is asked where nobody is plainly absent."""
    if not any(map(is_plain, answers.values())):
        return answers
    if tenant.canaries:
        said = [answers.get(canary) for canary in sorted(tenant.canaries)]
        return vouched_for(answers, said, canaries_missing(tenant.canaries, tenant.accounts[0]), now)
    people = tenant.people()
    if not people:
        return answers
    said = [answers.get(person.upn.lower()) for person in people.values()]
    if not is_vouched(said):
        said += await _as_they_are_called_now(tenant.directory, people.values(), now)
    return vouched_for(answers, said, person_missing(next(iter(people))), now)


async def _as_they_are_called_now(directory: Directory, people: Collection[User], now: datetime) -> list[Match]:
    """What the tenant says of people by the names that their ids lead to: the sign-in may be of before a rename, and
    of before the question, which is asked of everybody by name. An id alone would prove nothing: people may read
    themselves without any permission.
    """
    try:
        there = await directory.changes.users({person.id for person in people if person.id})
    except ServiceError as failure:
        return [CouldNotAsk(failure.reason, now)]
    said = await directory.resolve({user.upn.lower() for user in there}, lambda _: None)
    return list(said.values())
