"""A database of an older version becomes one of today; of a newer one, or one that something is wrong with, is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from sync_agent.model import Code
from sync_agent.state.database import REVISION, StateUnavailable
from sync_agent.state.store import Store
from sync_agent.state.tables import metadata
from sync_agent.state.upgrade import alembic_config
from tests.outcomes import STARTED, anomaly, outcome
from tests.postgresql import Server

OLD = (Path(__file__).parent / "before_versions.sql").read_text(encoding="utf-8")
"""Written before there were versions: two passes, a day apart, over three rows whose anomalies were acknowledged."""


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "old.db"
    yield changed(path, OLD)


def changed(path: Path, script: str) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def opened(path: Path) -> Store:
    return Store.open(f"sqlite:///{path}")


def test_an_old_database_keeps_its_passes_and_lives_and_what_was_acknowledged(old: Path) -> None:
    store = opened(old)
    standing = store.open_anomalies("Agents")
    assert [(one.row_id, one.code, one.upn, one.acknowledged) for one in standing] == [
        (1, "upn_missing", None, True),
        (3, "user_disabled", "other@contoso.com", False),  # acknowledged for another UPN
    ]
    a_day_later = STARTED + timedelta(days=1, seconds=1.5)
    assert {(one.opened, one.seen) for one in standing} == {(STARTED + timedelta(seconds=1.5), a_day_later)}
    assert [one.rows for one in store.days("Agents", STARTED)] == [3, 3]
    assert store.verdict_at("Agents", 1, a_day_later) is None  # nothing was kept of it then

    store.save(outcome({1: [anomaly(Code.UPN_MISSING)]}, upns={1: None}, rows=3, started=STARTED + timedelta(days=2)))
    [left] = store.open_anomalies("Agents")
    assert (left.row_id, left.acknowledged, left.times) == (1, True, 1)
    assert left.opened == STARTED + timedelta(seconds=1.5)
    store.close()


@pytest.mark.parametrize(
    "missing", ["", "DROP TABLE acknowledgements", "DROP TABLE anomalies", "DROP INDEX anomalies_open"]
)
def test_every_way_leads_to_the_tables_of_today(old: Path, tmp_path: Path, missing: str) -> None:
    """Also from older ones yet, which lack a table."""
    for path in (changed(old, missing), tmp_path / "new.db"):
        opened(path).close()
        engine = create_engine(f"sqlite:///{path}")
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        engine.dispose()


def test_the_tables_are_the_same_on_every_database_and_every_step_leads_there(url: str) -> None:
    engine = create_engine(url) if url.startswith("postgresql") else None
    if engine is not None:  # as an earlier version left it
        with engine.begin() as connection:
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
        engine.dispose()
    opened_store = Store.open(url)
    opened_store.save(outcome({1: [anomaly(Code.UPN_MISSING)]}))
    assert len(opened_store.open_anomalies("Agents")) == 1
    opened_store.close()
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_server_database_of_a_newer_version_is_never_touched(postgresql: Server) -> None:
    url = postgresql.new_database()
    Store.open(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    service = Store.for_service(url, timedelta(days=180))
    with capture_logs() as logs, pytest.raises(StateUnavailable, match=r"is of a newer version.*0999"):
        service.save(outcome({}))
    assert logs == []
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM passes")).scalar() == 0
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{REVISION}'"))
    service.save(outcome({}))  # once it is of this version again
    assert service.known_rows("Agents") == 5
    service.close()
    engine.dispose()


def test_the_version_that_is_worked_with_is_that_of_the_last_step() -> None:
    steps = ScriptDirectory.from_config(alembic_config())
    assert steps.get_heads() == [REVISION]


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    opened(path).close()
    changed(path, "UPDATE alembic_version SET version_num = '0999'")
    before = dump(path)
    with pytest.raises(StateUnavailable, match=r"newer\.db is of a newer version of sync-agent \(its tables are 0999"):
        opened(path)
    assert dump(path) == before


def test_an_upgrade_that_fails_half_way_leaves_the_old_database_as_it_was(old: Path) -> None:
    changed(old, "CREATE TABLE journal (something TEXT)")  # in the way of the last thing that is done
    before = dump(old)
    with pytest.raises(StateUnavailable, match="table journal already exists"):
        opened(old)
    assert dump(old) == before
    changed(old, "DROP TABLE journal")
    store = opened(old)
    assert len(store.open_anomalies("Agents")) == 2
    store.close()
