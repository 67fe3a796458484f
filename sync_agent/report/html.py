"""The report as one HTML file that opens from disk, prints well, and loads nothing from anywhere."""

from __future__ import annotations

from datetime import timedelta

from jinja2 import Environment, PackageLoader, StrictUndefined

from sync_agent.model import Status
from sync_agent.report.cell import as_seen
from sync_agent.report.content import Content

_LONGEST_CELL = 120

_environment = Environment(
    loader=PackageLoader("sync_agent.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def to_html(content: Content) -> str:
    return _environment.get_template("report.html").render(
        content=content,
        statuses=list(Status),
        age=lambda anomaly: age(content.standing(anomaly)),
        as_seen=lambda upn: as_seen(upn, _LONGEST_CELL),
    )


def age(standing: timedelta) -> str:
    """Roughly how long, as people say it."""
    minutes = int(standing.total_seconds() // 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "new"
