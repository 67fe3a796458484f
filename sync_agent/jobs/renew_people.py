"""Keep true what the tenants have said about people, when some of them changed.

Whoever came up may be gone or called otherwise, and whoever changed may answer by now what was asked before. So those
who changed are read anew, a thousand in a request, and put to the questions that were answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import structlog

from sync_agent.detective import Heard, coming_up
from sync_agent.jobs.context import Context, Tenant
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.model import Found

_log = structlog.get_logger()


async def renew_people(context: Context, changed: Mapping[str, Collection[str]]) -> frozenset[str]:
    """``changed``: ids of users by tenant id. Gives the ids of tenants that could not be asked: what those said stays
    as it is. Never raises for a tenant's failure.
    """
    observed = context.observed
    wanted = [id_ for id_, ids in changed.items() if ids and id_ in observed.heard and observed.heard[id_].answered]
    users = await asyncio.gather(*(_users(context.edges.tenants[id_], changed[id_]) for id_ in wanted))
    told = {id_: found for id_, found in zip(wanted, users, strict=True) if found is not None}
    if told:
        # On what is known by now: more may have been answered meanwhile.
        renewed = {id_: _renewed(observed.heard.get(id_, Heard()), changed[id_], found) for id_, found in told.items()}
        observed.put_people({**observed.heard, **renewed})
    return frozenset(wanted) - told.keys()


async def _users(tenant: Tenant, ids: Collection[str]) -> list[Found] | None:
    try:
        users = await tenant.directory.changes.users(ids)
    except ServiceError as failure:
        _log.warning("people_not_renewed", tenant=tenant.id, reason=failure.reason, effect="tried again next turn")
        return None
    return [Found(user, tenant.directory.account_for(user.id)) for user in users]


def _renewed(before: Heard, changed: Collection[str], now: Iterable[Found]) -> Heard:
    ids = {id_.lower() for id_ in changed}
    others = {id_: found for id_, found in before.people.items() if id_ not in ids}
    come_up = coming_up(before.answered - before.refused, now)
    return replace(before, people=others | {one.user.id.lower(): one for one in come_up})
