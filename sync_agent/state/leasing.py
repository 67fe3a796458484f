"""The lease of each list, where all services can see it that use this database."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from sync_agent.lease import Lease
from sync_agent.state.records import storable
from sync_agent.state.tables import leases

_COLUMNS = ("holder", "turn", "seconds", "told")


def read_lease(connection: Connection, name: str) -> Lease | None:
    found = connection.execute(select(*leases.c[*_COLUMNS]).where(leases.c.name == name)).first()
    return None if found is None else Lease(*found)


def replace_lease(connection: Connection, name: str, expected: Lease | None, new: Lease) -> bool:
    """Only where it is still as expected. In a transaction that nobody else writes beside."""
    found = read_lease(connection, name)
    if found != expected:
        return False
    values = {"holder": new.holder, "turn": new.turn, "seconds": new.seconds, "told": storable(new.told)}
    if found is None:
        connection.execute(insert(leases).values(name=name, **values))
    else:
        connection.execute(update(leases).where(leases.c.name == name).values(values))
    return True
