"""When each tenant last answered, from one process to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, insert, select, update

from sync_agent.staleness import Answered
from sync_agent.state.tables import answered


def last(connection: Connection, list_title: str) -> dict[str, Answered]:
    query = select(*answered.c["tenant", "names", "presence"]).where(answered.c.list == list_title)
    return {tenant: Answered(names, presence) for tenant, names, presence in connection.execute(query)}


def keep(connection: Connection, list_title: str, by_tenant: Mapping[str, Answered]) -> None:
    before = last(connection, list_title)
    for tenant_id, one in by_tenant.items():
        if tenant_id not in before:
            connection.execute(insert(answered).values(list=list_title, tenant=tenant_id, **asdict(one)))
        elif before[tenant_id] != one:
            this = (answered.c.list == list_title) & (answered.c.tenant == tenant_id)
            connection.execute(update(answered).where(this).values(**asdict(one)))
