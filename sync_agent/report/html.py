"""The report as one HTML file that opens from disk, prints well, and loads nothing from anywhere."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from sync_agent.characters import printable
from sync_agent.model import Status
from sync_agent.report.administrator import advice
from sync_agent.report.age import age, age_group
from sync_agent.report.cell import as_seen
from sync_agent.report.content import Content, team
from sync_agent.report.trend import HEIGHT, WIDTH, trend

_LONGEST_CELL = 120

_environment = Environment(
    loader=PackageLoader("sync_agent.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def to_html(content: Content) -> str:
    style, script = _part("report.css"), _part("report.js")
    return _environment.get_template("report.html").render(
        content=content,
        statuses=list(Status),
        advice=advice,
        age=age,
        age_group=age_group,
        as_seen=lambda upn: as_seen(upn, _LONGEST_CELL),
        team=team,
        line=lambda text: printable(text.strip(), _LONGEST_CELL),
        trend=trend(content.days, content.made.date()),
        chart=(WIDTH, HEIGHT),
        style=style,
        script=script,
        policy=_policy(style, script),
    )


@cache
def _part(name: str) -> str:
    return (files("sync_agent.report") / "templates" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing is loaded, and nothing but our own style and script has any effect."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
