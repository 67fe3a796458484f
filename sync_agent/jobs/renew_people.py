"""Keep true what the tenants have said about people, when some of them changed.

Whoever came up may be gone or called otherwise, and whoever changed may answer by now what was asked before. So those
who changed are read anew, a thousand in a request, and put to the questions that were answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
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
    heard = context.observed.heard
    tenants = [
        context.edges.tenants[id_] for id_, ids in changed.items() if ids and id_ in heard and heard[id_].answered
    ]
    if not tenants:
        return frozenset()
    renewed = await asyncio.gather(*(_renewed(tenant, heard[tenant.id], changed[tenant.id]) for tenant in tenants))
    told = {tenant.id: said for tenant, said in zip(tenants, renewed, strict=True) if said is not None}
    context.observed.put_people({**context.observed.heard, **told})
    return frozenset(tenant.id for tenant in tenants) - told.keys()


async def _renewed(tenant: Tenant, before: Heard, changed: Collection[str]) -> Heard | None:
    try:
        users = await tenant.directory.changes.users(changed)
    except ServiceError as failure:
        _log.warning("people_not_renewed", tenant=tenant.id, reason=failure.reason, effect="tried again next turn")
        return None
    ids = {id_.lower() for id_ in changed}
    others = {id_: found for id_, found in before.people.items() if id_ not in ids}
    found = (Found(user, tenant.directory.account_for(user.id)) for user in users)
    asked = before.answered - before.refused
    return replace(before, people=others | {one.user.id.lower(): one for one in coming_up(asked, found)})
