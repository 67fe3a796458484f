"""Names to ask about beside others, so that an answer can be believed.

A tenant that knows none of the names it is asked for is not believed: a lost permission looks like that. Whoever asks
about one mistyped name alone would learn nothing, so some names go along that the tenant itself knew a moment ago. And
where the settings name a canary, or a person has signed in, they go along with every question: nobody is missing unless
one of them is found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sync_agent.model import Absent, CouldNotAsk, Found, Match

_A_TENANT = 3
"""A single one could have left just now."""


def witnesses(
    names: Collection[str],
    matches: Mapping[str, Match],
    domains: Mapping[str, Collection[str]],
    tenant_of: Mapping[str, str],
) -> frozenset[str]:
    """Names found before, a few in each tenant that has a domain of ``names``; two tenants may have the same.

    ``domains`` by tenant id; ``tenant_of``: tenant id by account id.
    """
    wanted = {_domain(name) for name in names}
    missing = {tenant_id: _A_TENANT for tenant_id, known in domains.items() if not wanted.isdisjoint(known)}
    chosen = set()
    for name, match in matches.items():
        if not isinstance(match, Found) or name in names:
            continue
        tenant_id = tenant_of[match.account]
        if missing.get(tenant_id):
            missing[tenant_id] -= 1
            chosen.add(name)
    return frozenset(chosen)


def as_news(matches: Mapping[str, Match], vouching: Collection[str]) -> Mapping[str, Match]:
    """Without the absences of those who were asked about only to vouch for others: a few among many are no way to find
    out who left. That is for the questions about them, which weigh all who are gone together.
    """
    return {name: match for name, match in matches.items() if name not in vouching or not isinstance(match, Absent)}


def vouched_for(
    answers: Mapping[str, Match], said: Collection[Match | None], missing: str, now: datetime
) -> Mapping[str, Match]:
    """The answers of one tenant, without its plain absences where it has ``said`` of none of its canaries that they are
    there; all of them where it has none.

    ``missing``: what that means, in words. An absence that the tenant explains stays: somebody without a permission
    could not explain it.
    """
    if not said or is_vouched(said):
        return answers
    silent = next((answer for answer in said if isinstance(answer, CouldNotAsk)), None)
    doubt = silent or CouldNotAsk(missing, now)
    return {name: doubt if is_plain(answer) else answer for name, answer in answers.items()}


def is_vouched(said: Collection[Match | None]) -> bool:
    return any(isinstance(answer, Found) for answer in said)


def is_plain(answer: Match) -> bool:
    return isinstance(answer, Absent) and not answer.explained


def person_missing(account: str) -> str:
    """Without their name: whose account it is, is for whoever signed in to know."""
    return (
        f"the person who has signed in to account {account} is not found in its tenant, so nobody counts as missing "
        "there: check that they may still read users (User.Read.All), or name another user as canary in the settings"
    )


def canaries_missing(canaries: Collection[str], account: str) -> str:
    names = ", ".join(sorted(canaries))
    return (
        f"the canary of account {account} is not found ({names}), so nobody counts as missing there: "
        "check that the app may still read users (User.Read.All) and that the setting canary names a user who is there"
    )


def _domain(name: str) -> str:
    return name.rpartition("@")[2]
