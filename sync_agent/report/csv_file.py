"""The anomalies as CSV, for a spreadsheet that must not run what a cell says."""

from __future__ import annotations

import csv
import re
from typing import TextIO

from sync_agent.characters import BLANK, shortened
from sync_agent.report.content import Content, team

_COLUMNS = (
    "row", "name", "upn", "team", "tenant", "code", "severity", "message", "suggestion", "opened", "days", "times",
    "object_id",
)  # fmt: skip
_LONGEST = 32_000
"""Characters of a cell: Excel takes 32,767, Python's csv reader 131,072."""
_SIGN = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
"""What begins a formula; the full-width ones do where a spreadsheet folds them."""
_FORMULA = re.compile(rf"^(?={BLANK.pattern}*{_SIGN})")
_FORMULA_INSIDE = re.compile(rf"([;|\t\r\n])(?=(?:(?![\t\r\n]){BLANK.pattern}|\")*{_SIGN})")
"""After what ends a cell in some spreadsheets: those set to semicolons cut there in spite of quotes."""


def write_csv(content: Content, file: TextIO) -> None:
    """``days``: how long the anomaly has stood. ``times``: how often it has come up, this time included.
    ``object_id``: of the user whom the row has, or had when it last had one.
    """
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for anomaly in content.anomalies:
        texts = (
            anomaly.name,
            anomaly.upn or "",
            team(anomaly),
            content.tenant(anomaly),
            anomaly.code,
            anomaly.severity,
            anomaly.message,
            anomaly.suggestion or "",
            anomaly.opened.isoformat(timespec="seconds"),
        )
        days, object_id = content.standing(anomaly).days, content.users.get(anomaly.row_id, "")
        writer.writerow([anomaly.row_id, *map(_cell, texts), days, anomaly.times, _cell(object_id)])


def _cell(text: str) -> str:
    return shortened(harmless(shortened(text, _LONGEST)), _LONGEST)


def harmless(text: str) -> str:
    """An apostrophe keeps Excel and its like from reading what follows as a formula (OWASP: CSV injection)."""
    return _FORMULA_INSIDE.sub(r"\1'", _FORMULA.sub("'", text))
