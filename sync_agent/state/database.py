"""Opening the database: where it is, who may read it, which version it is of, and how it fails."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError

REVISION = "0016"
"""Of the last of the steps in `migrations/`: the version of the tables that this version of the product works with."""

_PATIENCE = 5.0
"""Seconds to wait for another process that writes, and for a server: less than a stop has, which waits once."""
_WRITES, _TURNS, _LOOKS = "writes", "turns", "looks"
_LONGEST_PAUSE = 20.0
"""Seconds within a transaction after which the server ends it: else a service that hangs would hold up all others."""
_LIMITS = (
    f"SELECT set_config('lock_timeout', '{int(_PATIENCE * 1_000)}', true), "
    f"set_config('idle_in_transaction_session_timeout', '{int(_LONGEST_PAUSE * 1_000)}', true)"
)
_WRITERS_TURN = 0x73796E63
"""The advisory lock of PostgreSQL that a writing transaction holds; the number is ours alone within the database."""
_LET_IN = "Let this user into its folder, or run the command as the service's user."
_MOVE_AWAY = "Move the file away to begin with a new one: only history is lost."


class StateUnavailable(Exception):
    """The database cannot be used: where it is and what to do about it.

    StateUnavailable          now, but perhaps later: locked, full, read-only, away
     └ StateUnfit             never by this version: damaged
        └ NewerVersion        but by a newer one
    """


class StateUnfit(StateUnavailable):
    """What is there can never be used: it is damaged. ``fault`` says it without what to do."""

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(f"{fault} {remedy}")
        self.fault = fault


class NewerVersion(StateUnfit):
    """What is there can be used by a newer version of sync-agent only."""


def open_database(url: str) -> Engine:
    """The database at an SQLAlchemy URL, made (with the folder of an SQLite file) where missing, of today's version.

    Raises StateUnavailable.
    """
    parsed = make_url(url)
    file = database_file(url)
    if file is not None:
        _keep_private(file)
    engine = _engine(parsed)
    if _is_sqlite(engine):
        event.listen(engine, "connect", _on_sqlite_connect)
    try:
        _bring_up_to_date(engine)
    except StateUnavailable:
        engine.dispose()
        raise
    return engine


def look_at_database(url: str) -> Engine:
    """What is there already, of today's version, for reading only. Raises StateUnavailable."""
    parsed = make_url(url)
    file = database_file(url)
    if file is not None and not is_there(file):
        raise StateUnavailable(f"state.database: there is no file {file}.")
    engine = _engine(parsed).execution_options(**{_LOOKS: True})
    if _is_sqlite(engine):
        event.listen(engine, "connect", _on_sqlite_look)
    try:
        with reading(engine) as connection:
            found = _revision(connection)
        if found != REVISION:
            raise StateUnavailable(
                f"state.database: the tables of {_where(engine)} are of another version of sync-agent ({found}, this "
                f"version has {REVISION}); a pass brings older ones up to date."
            )
    except StateUnavailable:
        engine.dispose()
        raise
    return engine


def revision_at(url: str) -> str | None:
    """The version of the tables of a database that is there; None where it has none. Raises StateUnavailable."""
    engine = _engine(make_url(url)).execution_options(**{_LOOKS: True})
    if _is_sqlite(engine):
        event.listen(engine, "connect", _on_sqlite_look)
    try:
        with reading(engine) as connection:
            return _revision(connection)
    finally:
        engine.dispose()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database throughout. Raises StateUnavailable."""
    with _failing_as_unavailable(engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, *, takes_turns: bool = True) -> Iterator[Connection]:
    """A transaction that no other of ours writes beside (on PostgreSQL: none that takes turns), wholly done at its end
    or not at all. Raises StateUnavailable.
    """
    options = {_WRITES: True, _TURNS: takes_turns}
    with _failing_as_unavailable(engine), engine.execution_options(**options).begin() as connection:
        yield connection


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        in_memory = database_file(url.render_as_string(hide_password=False)) is None
        engine = create_engine(url, connect_args={} if in_memory else {"timeout": _PATIENCE})
        event.listen(engine, "begin", _on_sqlite_begin)
        return engine
    # A connection that the server has closed meanwhile is found before it is used.
    engine = create_engine(url, connect_args={"connect_timeout": int(_PATIENCE)}, pool_pre_ping=True)
    event.listen(engine, "begin", _on_postgresql_begin)
    return engine


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def database_file(url: str) -> Path | None:
    """The SQLite file, where it is one."""
    parsed = make_url(url)
    named = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(str(parsed.database)) if named else None


def is_there(file: Path) -> bool:
    """Raises StateUnavailable where a folder above it may not be entered."""
    try:
        return file.is_file()
    except OSError as error:
        raise StateUnavailable(f"state.database: {file} cannot be looked at: {error.strerror}. {_LET_IN}") from error


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite says that the file is no database, or a broken one."""
    code = error.sqlite_errorcode if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode") else 0
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _keep_private(file: Path) -> None:
    """Names and UPNs of people are in it. SQLite gives the files beside it (-wal, -shm) the mode of the database."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        for each in (file, *(file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm"))):
            if each.exists() and each.stat().st_mode & 0o077:
                each.chmod(0o600)
    except OSError as error:
        raise StateUnavailable(f"state.database: cannot write to {file}: {error.strerror}.") from error


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    # Python's module would begin transactions by itself, and leave changes of tables and reading out of them.
    connection.isolation_level = None
    # Reports are read while the service writes.
    connection.execute("PRAGMA journal_mode = WAL").close()
    # What is forgotten is to be gone from the file too, not only from its tables.
    connection.execute("PRAGMA secure_delete = ON").close()


def _on_sqlite_look(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only = ON").close()


def _on_sqlite_begin(connection: Connection) -> None:
    """Who will write says so at once: a transaction that read first could find itself overtaken and fail."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _on_postgresql_begin(connection: Connection) -> None:
    """Writers take turns, so that nobody changes what one of them compares with; readers see one state throughout."""
    options = connection.get_execution_options()
    if options.get(_WRITES, False) and not options.get(_LOOKS, False):
        connection.exec_driver_sql(_LIMITS)
        if options.get(_TURNS, True):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_TURN})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _bring_up_to_date(engine: Engine) -> None:
    with reading(engine) as connection:
        found = _revision(connection)
    if found == REVISION:
        return
    # Imported only now: nearly always there is nothing to do, and it takes as long to import as all of SQLAlchemy.
    from sync_agent.state.upgrade import knows, upgrade  # noqa: PLC0415

    if found is not None and not knows(found):
        where = _where(engine)
        raise NewerVersion(
            f"state.database: {where} is of a newer version of sync-agent (its tables are {found}, this version knows "
            f"them up to {REVISION}).",
            "Use that version, or another database: only history is lost.",
        )
    with writing(engine) as connection:
        upgrade(connection)


def _revision(connection: Connection) -> str | None:
    """None in a new database and in one of before there were versions."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


@contextmanager
def _failing_as_unavailable(engine: Engine) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())
        said = f"state.database: {_where(engine)} cannot be used: {cause}."
        if is_damage(getattr(error, "orig", None)):
            raise StateUnfit(said, _MOVE_AWAY) from error
        raise StateUnavailable(said) from error


def _where(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
