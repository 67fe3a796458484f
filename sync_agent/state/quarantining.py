"""The quarantines as they are kept between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from sync_agent.quarantine import Quarantine
from sync_agent.state.tables import quarantines


def kept(connection: Connection, list_title: str) -> dict[str, Quarantine]:
    query = select(*quarantines.c["tenant", "known", "gone", "since", "released"])
    found = connection.execute(query.where(quarantines.c.list == list_title))
    return {tenant: Quarantine(tenant, *rest) for tenant, *rest in found}


def keep(connection: Connection, list_title: str, standing: Mapping[str, Quarantine]) -> None:
    """What stands now and nothing else; only what differs is written. A release of which the pass did not hear yet
    stays, for as many as it was given for.
    """
    of_list = quarantines.c.list == list_title
    before = kept(connection, list_title)
    for tenant_id in before.keys() - standing.keys():
        connection.execute(delete(quarantines).where(of_list, quarantines.c.tenant == tenant_id))
    for tenant_id, one in standing.items():
        was = before.get(tenant_id)
        if was == one or (was is not None and was.released is not None and one.gone <= was.gone):
            continue
        values = {key: value for key, value in asdict(one).items() if key != "tenant_id"}
        if was is None:
            connection.execute(insert(quarantines).values(list=list_title, tenant=tenant_id, **values))
        else:
            connection.execute(update(quarantines).where(of_list, quarantines.c.tenant == tenant_id).values(**values))


def release(connection: Connection, list_title: str, tenant_id: str, now: datetime) -> bool:
    """Whether there was one to release."""
    this = (quarantines.c.list == list_title) & (quarantines.c.tenant == tenant_id)
    return connection.execute(update(quarantines).where(this).values(released=now)).rowcount > 0
