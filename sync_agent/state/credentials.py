"""When the credentials that accounts sign in with end, as last found, and of what people have been told."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, insert, select

from sync_agent.expiry import CredentialEnd
from sync_agent.state.tables import credential_ends, credential_warnings


def keep(connection: Connection, list_title: str, ends: Sequence[CredentialEnd], told: Collection[str]) -> None:
    for table in (credential_ends, credential_warnings):
        connection.execute(delete(table).where(table.c.list == list_title))
    for end in ends:
        values = {"account": end.account, "setting": end.setting, "ends": end.ends, "known_from": end.known_from}
        connection.execute(insert(credential_ends).values(list=list_title, **values))
    for name in told:
        connection.execute(insert(credential_warnings).values(list=list_title, name=name))


def known(connection: Connection, list_title: str) -> list[CredentialEnd]:
    table = credential_ends
    columns = table.c["account", "setting", "ends", "known_from"]
    return [CredentialEnd(*row) for row in connection.execute(select(*columns).where(table.c.list == list_title))]


def told(connection: Connection, list_title: str) -> frozenset[str]:
    names = select(credential_warnings.c.name).where(credential_warnings.c.list == list_title)
    return frozenset(connection.execute(names).scalars())
