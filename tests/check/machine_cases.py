"""Faults of the machine: of what is kept on it, where it listens, and how people are told."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from sync_agent.state.database import open_database, writing
from sync_agent.state.tables import day_spending
from tests.check.cases import Cases, add, set_
from tests.check.servers import answering, said
from tests.lab import Lab

CASES = Cases()
Patch = pytest.MonkeyPatch


def listen(lab: Lab, place: str) -> None:
    set_(lab, r"^web: .*$", f"web: {{listen: {place}}}")


@CASES.case("database_unwritable")
def no_folder(lab: Lab, _: Patch) -> None:
    add(lab, "state: {database: sqlite:///settings.yaml/state.db}")


@CASES.case("database_unavailable")
def no_server(lab: Lab, _: Patch) -> None:
    add(lab, "state: {database: postgresql://somebody@127.0.0.1:1/agents}")


@CASES.case("database_damaged")
def damaged(lab: Lab, _: Patch) -> None:
    (lab.folder / "state").mkdir()
    (lab.folder / "state" / "sync-agent.db").write_bytes(b"no database, but long enough to be one" * 100)


@CASES.case("database_newer")
def newer(lab: Lab, _: Patch) -> None:
    (lab.folder / "state").mkdir()
    with sqlite3.connect(lab.folder / "state" / "sync-agent.db") as made:
        made.execute("CREATE TABLE alembic_version (version_num TEXT)")
        made.execute("INSERT INTO alembic_version VALUES ('9999')")
    made.close()


@CASES.case("tokens_unkept")
def no_tokens(lab: Lab, _: Patch) -> None:
    add(lab, "state: {tokens: settings.yaml/tokens}")


@CASES.case("tokens_open")
def open_tokens(lab: Lab, _: Patch) -> None:
    (lab.folder / "state" / "tokens").mkdir(parents=True, mode=0o755)
    (lab.folder / "state" / "tokens").chmod(0o755)


@CASES.case("reports_unkept")
def no_reports(lab: Lab, _: Patch) -> None:
    add(lab, "state: {reports: settings.yaml/reports}")


@CASES.case("disk_nearly_full")
def full(lab: Lab, patch: Patch) -> None:
    patch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(1_000, 999, 1))


@CASES.case("port_in_use")
def taken(lab: Lab, _: Patch) -> Iterator[None]:
    with answering(said("not here", "404 Not Found")) as port:
        listen(lab, f"127.0.0.1:{port}")
        yield


@CASES.case("address_not_here")
def not_here(lab: Lab, _: Patch) -> None:
    listen(lab, "192.0.2.1:8090")


@CASES.case("day_nearly_spent")
def spent(lab: Lab, _: Patch) -> None:
    """As services on this database have told."""
    account = lab.world.accounts[0]
    engine = open_database(f"sqlite:///{lab.folder}/state/sync-agent.db")
    row = {
        "budget": f"SharePoint of {account[2].client_id} in {account[1].id}",
        "missing": 115e6,
        "at": datetime.now(UTC),
    }
    with writing(engine) as connection:
        connection.execute(insert(day_spending).values(row))
    engine.dispose()


@CASES.case("service_unwell")
def unwell(lab: Lab, _: Patch) -> Iterator[None]:
    pages = {
        "/metrics": said("# TYPE sync_agent_info gauge\n"),
        "/healthz": said("the list was not read for an hour\n", "503 Service Unavailable"),
    }
    with answering(pages) as port:
        listen(lab, f"127.0.0.1:{port}")
        yield


@CASES.case("notify_secret_unavailable")
def no_variable(lab: Lab, patch: Patch) -> None:
    patch.delenv("SYNC_AGENT_NOWHERE", raising=False)
    add(lab, 'notify: {urls: ["${env:SYNC_AGENT_NOWHERE}"]}')


@CASES.case("notify_url_unusable")
def no_address(lab: Lab, patch: Patch) -> None:
    patch.setenv("SYNC_AGENT_TOLD", "carrier-pigeon://loft")
    add(lab, 'notify: {urls: ["${env:SYNC_AGENT_TOLD}"]}')
