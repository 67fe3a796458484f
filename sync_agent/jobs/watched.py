"""Whom presence is asked of: the matched users of each tenant, in a fixed order, so that each is asked for in turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from sync_agent.model import Verdict

Watched = Mapping[str, tuple[str, ...]]
"""Users by tenant id, where there are any: the same tuple as long as the same users are watched."""


def everybody(verdicts: Iterable[Verdict], tenant_of: Mapping[str, str], without: Collection[str]) -> Watched:
    """Of a whole list; ``tenant_of``: the tenants of accounts, of which those ``without`` have no presence."""
    have: defaultdict[str, set[str]] = defaultdict(set)
    for verdict in verdicts:
        if verdict.user is not None:
            have[tenant_of[verdict.account]].add(verdict.user.id)
    return {id_: tuple(sorted(users)) for id_, users in have.items() if id_ not in without}


def those_with_rows(
    users: Iterable[str],
    rows_of: Callable[[str], Iterable[int]],
    verdicts: Mapping[int, Verdict],
    tenant_of: Mapping[str, str],
    without: Collection[str],
) -> Mapping[str, set[str]]:
    """By tenant id: those of the ``users`` whom rows have."""
    have: defaultdict[str, set[str]] = defaultdict(set)
    for user_id in users:
        for row_id in rows_of(user_id):
            have[tenant_of[verdicts[row_id].account]].add(user_id)
    return {tenant_id: those for tenant_id, those in have.items() if tenant_id not in without}


def watching(before: Watched, have: Mapping[str, set[str]], users: Collection[str]) -> Watched:
    """Who is watched now, where of ``users`` each tenant has those whom rows ``have``."""
    told = {id_: _of_one(before.get(id_, ()), have.get(id_, set()), users) for id_ in {*before, *have}}
    return {id_: user_ids for id_, user_ids in told.items() if user_ids}


def same_where_equal(before: Watched, now: Watched) -> Watched:
    return {id_: known if (known := before.get(id_)) == users else users for id_, users in now.items()}


def _of_one(before: tuple[str, ...], have: set[str], users: Collection[str]) -> tuple[str, ...]:
    come = have.difference(before)
    stay = [id_ for id_ in before if id_ in have or id_ not in users]
    return before if not come and len(stay) == len(before) else tuple(sorted([*stay, *come]))
