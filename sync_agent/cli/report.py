"""`sync-agent report`: the anomalies now and over time, from the history of passes."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson

from sync_agent.cli.session import loaded
from sync_agent.outcome import Exit
from sync_agent.report.content import Content, NothingToReport, document, gather
from sync_agent.report.csv_file import write_csv
from sync_agent.report.html import to_html
from sync_agent.state.store import StateUnavailable, Store


@click.command()
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="F", help="Write an HTML report.")
@click.option("--csv", type=click.Path(path_type=Path, dir_okay=False), metavar="F", help="Write the anomalies as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
@click.pass_obj
def report(settings_path: Path, html: Path | None, csv: Path | None, as_json: bool) -> None:
    """Show what is wrong in the list, as the last pass found it. Without options: a summary by code."""
    settings = loaded(settings_path, quiet=True)
    try:
        store = Store.open(settings.state.database)
        content = gather(store, datetime.now(UTC))
    except (NothingToReport, StateUnavailable) as reason:
        click.echo(f"sync-agent: {reason}", err=True)
        sys.exit(Exit.INCOMPLETE)
    try:
        _write(content, html, csv)
    except OSError as error:
        click.echo(f"sync-agent: cannot write {error.filename}: {error.strerror}.", err=True)
        sys.exit(Exit.INCOMPLETE)
    if as_json:
        click.echo(orjson.dumps(document(content), option=orjson.OPT_INDENT_2))
    elif html is None and csv is None:
        _summary(content)


def _write(content: Content, html: Path | None, csv: Path | None) -> None:
    if html is not None:
        html.write_text(to_html(content), encoding="utf-8")
        click.echo(f"Written: {html}", err=True)
    if csv is not None:
        # The byte order mark tells Excel that names are UTF-8.
        with csv.open("w", encoding="utf-8-sig", newline="") as file:
            write_csv(content, file)
        click.echo(f"Written: {csv}", err=True)


def _summary(content: Content) -> None:
    click.echo(
        f"{content.last.list_title}, as of {content.last.started:%Y-%m-%d %H:%M} UTC: {content.last.rows:,} rows"
    )
    for status, count in content.last.status.items():
        click.echo(f"{count:8,} {status}")
    click.echo("")
    for code, count in content.by_code:
        click.echo(f"{count:8,} {code}")
