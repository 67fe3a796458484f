"""The lease of each list, where all services can see it that use this database."""

from __future__ import annotations

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sync_agent.lease import Lease
from sync_agent.state.records import storable
from sync_agent.state.tables import leases

_COLUMNS = ("holder", "turn", "seconds", "told", "at")


def read_lease(connection: Connection, name: str) -> Lease | None:
    found = connection.execute(select(*leases.c[*_COLUMNS]).where(leases.c.name == name)).first()
    return None if found is None else Lease(*found)


def replace_lease(connection: Connection, name: str, expected: Lease | None, new: Lease) -> bool:
    """Only where it is still as expected: in one statement, so that nobody has to wait for those who save history."""
    values = {"holder": new.holder, "turn": new.turn, "seconds": new.seconds, "told": storable(new.told), "at": new.at}
    if expected is None:
        first = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        made = first(leases).values(name=name, **values).on_conflict_do_nothing()
        return connection.execute(made, execution_options={"preserve_rowcount": True}).rowcount == 1
    as_it_was = (leases.c.holder == expected.holder) & (leases.c.turn == expected.turn)
    return connection.execute(update(leases).where(leases.c.name == name, as_it_was).values(values)).rowcount == 1
