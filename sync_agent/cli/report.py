"""`sync-agent report`: the anomalies now and over time, from the history of passes."""

from __future__ import annotations

import asyncio
import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sync_agent.cli.ending import tell
from sync_agent.cli.session import loaded
from sync_agent.cli.summary import SEVERITY_COLOUR, status_line
from sync_agent.jobs.notify import Notifier
from sync_agent.model import Severity, Status
from sync_agent.outcome import Exit
from sync_agent.report.age import age
from sync_agent.report.content import Content, NothingToReport, gather
from sync_agent.report.csv_file import write_csv
from sync_agent.report.document import document
from sync_agent.report.html import to_html
from sync_agent.report.writing import write_whole
from sync_agent.settings import Settings
from sync_agent.state.store import StateUnavailable, Store

_DAYS = 7
"""Days shown on a terminal; the files have all."""


@click.command()
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="F", help="Write an HTML report.")
@click.option("--csv", type=click.Path(path_type=Path, dir_okay=False), metavar="F", help="Write the anomalies as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
@click.option("--notify", is_flag=True, help="Tell those in notify.urls what is new and resolved since they were told.")
@click.pass_obj
def report(settings_path: Path, html: Path | None, csv: Path | None, as_json: bool, notify: bool) -> None:
    """Show what is wrong in the list, as the last pass found it. Without options: a summary by code."""
    settings = loaded(settings_path, quiet=True)
    if notify and not settings.notify.urls:
        raise click.UsageError("--notify: the settings name nobody to tell; see notify.urls in docs/settings.md.")
    try:
        content = _gathered(settings)
        _write(content, html, csv)
        code = _notify(settings, content) if notify else Exit.DONE
    except (NothingToReport, StateUnavailable) as reason:
        sys.exit(tell(str(reason), Exit.INCOMPLETE))
    if as_json:
        click.echo(orjson.dumps(document(content), option=orjson.OPT_INDENT_2))
    elif html is None and csv is None and not notify:
        _show(Console(highlight=False), content)
    sys.exit(code)


def _gathered(settings: Settings) -> Content:
    store = Store.open(settings.state.database)
    try:
        return gather(store, datetime.now(UTC))
    finally:
        store.close()


def _write(content: Content, html: Path | None, csv: Path | None) -> None:
    if html is not None:
        write_whole(html, to_html(content))
        click.echo(f"Written: {html}", err=True)
    if csv is not None:
        text = io.StringIO(newline="")
        write_csv(content, text)
        write_whole(csv, f"\ufeff{text.getvalue()}")  # the byte order mark tells Excel that names are UTF-8
        click.echo(f"Written: {csv}", err=True)


def _notify(settings: Settings, content: Content) -> Exit:
    troubles = {"held": content.held_note} if content.held_note else {}
    store = Store.open(settings.state.database)
    try:
        told = asyncio.run(Notifier(settings).tell(store, "`sync-agent report`", troubles))
    finally:
        store.close()
    if told.failed:
        return tell(f"{told.failed} of {len(settings.notify.urls)} could not be told; run it again.", Exit.INCOMPLETE)
    click.echo(f"Told: {told.reached}." if told.reached else "Nothing new to tell.", err=True)
    return Exit.DONE


def _show(console: Console, content: Content) -> None:
    last = content.last
    console.print(Text(f"{last.list_title}, as of {last.started:%Y-%m-%d %H:%M} UTC", style="bold"))
    if content.held_note:
        console.print(Text(content.held_note, style="bold red"))
    for note in content.unwritten_notes:
        console.print(Text(note, style="yellow"))
    for near in content.credentials:
        console.print(Text(near.sentence, style="yellow"))
    console.print(status_line(last.rows, last.status))
    if content.freshness_note:
        console.print(content.freshness_note, highlight=False)
    if content.anomalies:
        console.print(_codes(content))
    if content.acknowledged:
        console.print(f"Without {content.acknowledged:,} that people have acknowledged.")
    if len(content.days) > 1:
        console.print(_days(content))
    if content.anomalies:
        console.print("Each of them, with what to do: --html F, --csv F or --json")


def _codes(content: Content) -> Padding:
    table = _table("Anomaly", "Rows", "Longest for")
    for code, count in content.by_code:
        these = [anomaly for anomaly in content.anomalies if anomaly.code == code]
        colour = SEVERITY_COLOUR[Severity(these[0].severity)]
        table.add_row(Text(code, style=colour), f"{count:,}", age(max(map(content.standing, these))))
    return Padding(table, (1, 0), expand=False)


def _days(content: Content) -> Padding:
    table = _table("Day", *Status)
    for day in content.days[-_DAYS:]:
        table.add_row(f"{day.started:%Y-%m-%d}", *(f"{day.status[status]:,}" for status in Status))
    return Padding(table, (0, 0, 1, 0), expand=False)


def _table(first: str, *counted: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(first)
    for name in counted:
        table.add_column(name, justify="right")
    return table
