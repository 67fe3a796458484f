"""Leave a report in the folder of reports, and clear old ones away."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import structlog

from sync_agent.report.content import NothingToReport, gather
from sync_agent.report.html import to_html
from sync_agent.report.writing import write_whole
from sync_agent.state.store import StateUnavailable, Store

_log = structlog.get_logger()

KEPT = timedelta(days=90)
_OURS = re.compile(r"agents-(\d{4}-\d\d-\d\d)\.html|\.agents-(\d{4}-\d\d-\d\d)\.html\.new", re.ASCII)
"""Reports, and what is left of one whose writing was cut off."""


def write_report(store: Store, folder: Path, now: datetime) -> Path | None:
    """Write the HTML report of the day and return where it is; None (and a log line) when that was not possible."""
    path = folder / f"agents-{now:%Y-%m-%d}.html"
    try:
        text = to_html(gather(store, now))
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except (NothingToReport, StateUnavailable, OSError) as failure:
        _log.warning("report_not_written", path=str(path), reason=str(failure))
        return None
    _log.info("report_written", path=str(path))
    _clear(folder, now.date() - KEPT)
    return path


def _clear(folder: Path, before: date) -> None:
    """Remove our reports of earlier days. What has another name is somebody else's, whatever its age."""
    try:
        for old in [path for path in folder.iterdir() if _is_older(path, before)]:
            old.unlink()
    except OSError as failure:
        _log.warning("old_report_not_removed", folder=str(folder), reason=str(failure))


def _is_older(path: Path, before: date) -> bool:
    found = _OURS.fullmatch(path.name)
    if found is None or path.is_symlink() or not path.is_file():
        return False
    try:
        return date.fromisoformat(found[1] or found[2]) < before
    except ValueError:  # a day that no calendar has
        return False
