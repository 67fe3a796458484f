"""Leave a report in the folder of reports."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import structlog

from sync_agent.report.content import NothingToReport, gather
from sync_agent.report.html import to_html
from sync_agent.report.writing import write_whole
from sync_agent.state.store import StateUnavailable, Store

_log = structlog.get_logger()


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
    return path
