"""Looking at a history that others keep: what is there, without a trace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from sync_agent.fuses import Held
from sync_agent.model import Code
from sync_agent.state.database import REVISION, look_at_database, writing
from sync_agent.state.store import StateUnavailable, Store
from tests.outcomes import STARTED, anomaly, outcome


def test_where_nothing_is_nothing_is_made(tmp_path: Path) -> None:
    assert Store.look(f"sqlite:///{tmp_path}/state/none.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_entered_is_told(tmp_path: Path) -> None:
    """A name that is too long is refused to the superuser as well."""
    closed = tmp_path / ("x" * 300) / "none.db"
    told = rf"^state\.database: {closed} cannot be looked at: File name too long\. Let this user into its folder"
    for look in (Store.look, look_at_database):
        with pytest.raises(StateUnavailable, match=told):
            look(f"sqlite:///{closed}")


def test_it_sees_what_another_process_writes_and_can_write_nothing_itself(url: str) -> None:
    keeping = Store.open(url)
    keeping.save(outcome({1: [anomaly(Code.UPN_MISSING)]}))
    looking = Store.look(url)
    assert looking is not None
    assert [life.code for life in looking.open_anomalies("Agents")] == ["upn_missing"]
    keeping.save(outcome({}, started=STARTED + timedelta(hours=1)))
    assert looking.open_anomalies("Agents") == []
    with pytest.raises(StateUnavailable, match=r"read-?only"):
        looking.save(outcome({}, started=STARTED + timedelta(hours=2)))
    keeping.close()
    looking.close()


def test_a_file_that_may_only_be_read_is_enough(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/history.db"
    keeping = Store.open(url)
    keeping.save(outcome({1: [anomaly(Code.UPN_MISSING)]}))
    keeping.close()
    before = (tmp_path / "history.db").read_bytes()
    looking = Store.look(url)
    assert looking is not None
    assert looking.last_pass("Agents") is not None
    looking.close()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"history.db": before}


@pytest.mark.parametrize("revision", ["0001", "9999"])
def test_tables_of_another_version_are_neither_read_nor_changed(revision: str, url: str) -> None:
    Store.open(url).close()
    look_at_database(url).dispose()
    store = Store.open(url)
    with writing(store._engine) as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    store.close()
    with pytest.raises(
        StateUnavailable, match=f"another version of sync-agent .{revision}, this version has {REVISION}"
    ):
        Store.look(url)


def test_passes_around_a_time_and_the_first(store: Store) -> None:
    assert store.passes_around("Agents", STARTED) == (None, None)
    assert store.reaches_back_to("Agents") is None
    for hour in (0, 2, 1):  # a clock may be put back
        store.save(outcome({}, started=STARTED + timedelta(hours=hour)))
    held = Held("max_worsened", "abc", 1, 1, "30%", "")
    store.save(replace(outcome({}, started=STARTED + timedelta(minutes=90)), held=held))
    store.save(replace(outcome({}, started=STARTED - timedelta(hours=9)), list_title="Another list"))

    def around(**after: float) -> list[float | None]:
        found = store.passes_around("Agents", STARTED + timedelta(**after))
        return [None if one is None else (one.started - STARTED) / timedelta(hours=1) for one in found]

    assert around(seconds=-1) == [None, 0]
    assert around(seconds=0) == [0, 1]
    assert around(minutes=95) == [1, 2]
    assert around(hours=3) == [2, None]
    assert store.reaches_back_to("Agents") == STARTED
