"""The anomalies as CSV, for a spreadsheet that must not run what a cell says."""

from __future__ import annotations

import csv
from typing import TextIO

from sync_agent.report.content import Content

_COLUMNS = ("row", "name", "upn", "account", "code", "severity", "message", "suggestion", "opened")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(content: Content, file: TextIO) -> None:
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for anomaly in content.anomalies:
        texts = (
            anomaly.name,
            anomaly.upn or "",
            anomaly.account,
            anomaly.code,
            anomaly.severity,
            anomaly.message,
            anomaly.suggestion or "",
            anomaly.opened.isoformat(timespec="seconds"),
        )
        writer.writerow([anomaly.row_id, *map(harmless, texts)])


def harmless(text: str) -> str:
    """A leading apostrophe keeps Excel and its like from reading the cell as a formula (OWASP: CSV injection)."""
    return f"'{text}" if text.lstrip(" ").startswith(_STARTS_A_FORMULA) else text
