"""The scheduled report: a file a day in the folder, and nobody else's files touched."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.jobs.report import KEPT, write_report
from sync_agent.model import Code
from sync_agent.state.store import Store
from tests.outcomes import STARTED, anomaly, outcome


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store.open(f"sqlite:///{tmp_path}/history.db")
    opened.save(outcome({1: [anomaly(Code.UPN_MISSING)]}))
    return opened


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_folder_is_made_and_a_second_report_of_the_day_takes_the_place_of_the_first(
    store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "deep" / "reports"
    for hours in (0, 3):
        path = write_report(store, folder, STARTED + timedelta(hours=hours))
    assert names(folder) == {"agents-2026-03-02.html"}
    assert path is not None
    assert "report made 2026-03-02 11:00" in path.read_text(encoding="utf-8")


def test_reports_of_more_than_ninety_days_ago_go_and_nothing_else(store: Store, tmp_path: Path) -> None:
    old, oldest_kept = STARTED - KEPT - timedelta(days=1), STARTED - KEPT
    gone = {f"agents-{old:%Y-%m-%d}.html", ".agents-2020-01-01.html.new", "agents-0001-01-01.html"}
    kept = {
        f"agents-{oldest_kept:%Y-%m-%d}.html",
        "agents-2099-01-01.html",
        "agents-2020-02-31.html",
        "agents-2020-01-01.html.bak",
        "my-agents-2020-01-01.html",
        "agents-2020-01-01.csv",
        "agents-20-01-01.html",
        "agents-２０２０-01-01.html",
        "notes.html",
    }
    for name in gone | kept:
        (tmp_path / name).write_text("a report")
    (tmp_path / "agents-2020-01-02.html").mkdir()
    (tmp_path / "agents-2020-01-03.html").symlink_to(tmp_path / "notes.html")
    others = {"agents-2020-01-02.html", "agents-2020-01-03.html"}
    write_report(store, tmp_path, STARTED)
    left = {name for name in names(tmp_path) if not name.startswith("history.db")}
    assert left == kept | others | {"agents-2026-03-02.html"}


def test_without_a_new_report_no_old_one_goes(store: Store, tmp_path: Path) -> None:
    """A history that cannot be read must not end in an empty folder."""
    (tmp_path / "agents-2020-01-01.html").write_text("a report")
    empty = Store.open(f"sqlite:///{tmp_path}/empty.db")
    with capture_logs() as logs:
        assert write_report(empty, tmp_path, STARTED) is None
    assert [log["event"] for log in logs] == ["report_not_written"]
    assert (tmp_path / "agents-2020-01-01.html").exists()
