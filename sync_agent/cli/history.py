"""`sync-agent history`: the last runs, or what happened to one row, as far as it is known. Nobody is asked, and no
secret is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sync_agent.characters import printable
from sync_agent.cli.ending import tell
from sync_agent.cli.session import loaded
from sync_agent.explanation.row_history import RowHistory, row_history, sentences
from sync_agent.explanation.run_history import RunHistory, notes, run_history, seconds
from sync_agent.explanation.standing import time_of
from sync_agent.outcome import Exit
from sync_agent.settings import Settings
from sync_agent.state.store import StateUnavailable, Store

_NOTHING_KEPT = "There is no history yet: `sync-agent sync` and `sync-agent run` keep it."
_LARGEST_ID = 2**31 - 1
_MOST_RUNS = 10_000
_WIDE = 160
"""Columns of a table that goes into a file or another command: its lines are not wrapped."""

T = TypeVar("T")


@click.command()
@click.argument("row", type=click.IntRange(1, _LARGEST_ID), metavar="[ROW]", required=False)
@click.option(
    "--last", type=click.IntRange(1, _MOST_RUNS), default=20, show_default=True, metavar="N", help="So many runs."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
@click.pass_obj
def history(settings_path: Path, row: int | None, last: int, as_json: bool) -> None:
    """Show the last runs that wrote, or of one ROW what was said of it, what was written to it when and why, and what
    was undone. Newest first.

    ROW is a row's id. Presence is not kept: the list shows the present one and since when, and a run that wrote
    nothing else is not listed.

    Exit: 0 done, 1 nothing is known of the row or of any run, 2 wrong usage or settings.
    """
    settings = loaded(settings_path, quiet=True)
    title = settings.sharepoint.agent_list
    try:
        if row is None:
            sys.exit(_show_runs(_asked(settings, lambda store: run_history(store, title, last)), as_json=as_json))
        sys.exit(_show_row(_asked(settings, lambda store: row_history(store, title, row)), as_json=as_json))
    except StateUnavailable as reason:
        sys.exit(tell(str(reason), Exit.INCOMPLETE))


def _asked(settings: Settings, question: Callable[[Store], T]) -> T:
    """Raises StateUnavailable."""
    store = Store.look(settings.state.database)
    if store is None:
        raise StateUnavailable(_NOTHING_KEPT)
    try:
        return question(store)
    finally:
        store.close()


def _show_row(found: RowHistory, *, as_json: bool) -> Exit:
    if as_json:
        click.echo(orjson.dumps(found.document, option=orjson.OPT_INDENT_2))
    elif found.events:
        console = Console(highlight=False)
        for line in _lines(found):
            console.print(line, soft_wrap=not console.is_terminal)
    return Exit.DONE if found.events else tell(_nothing_known(found), Exit.INCOMPLETE)


def _show_runs(found: RunHistory, *, as_json: bool) -> Exit:
    if as_json:
        click.echo(orjson.dumps(found.document, option=orjson.OPT_INDENT_2))
    elif found.runs:
        console = Console(highlight=False)
        console.print(_table(found), width=None if console.is_terminal else _WIDE)
    if found.runs:
        return Exit.DONE
    return tell(f"No run is known to have written to {printable(found.list_title)}.", Exit.INCOMPLETE)


def _table(found: RunHistory) -> Table:
    title = f"Runs that wrote more than presence to {printable(found.list_title)}, newest first, times in UTC"
    table = Table(title=title, title_justify="left", box=None, header_style="bold", title_style="bold")
    for name in ("run", "kind", "began", "wrote for", "rows", "writes", ""):
        table.add_column(name, justify="right" if name in {"run", "rows", "writes", "wrote for"} else "left")
    for each in found.runs:
        lasted = str(timedelta(seconds=int(seconds(each)))) if seconds(each) >= 1 else "under 1 s"
        began, said = f"{each.run.began:%Y-%m-%d %H:%M:%S}", "; ".join(notes(each))
        table.add_row(str(each.run.id), each.run.kind, began, lasted, f"{each.rows:,}", f"{each.writes:,}", said)
    return table


def _lines(found: RowHistory) -> Iterator[Text]:
    yield Text(f"Row {found.row_id} of {printable(found.list_title)}, newest first, times in UTC", style="bold")
    for event in found.events:
        first, *others = sentences(event)
        yield Text(f"{event.at:%Y-%m-%d %H:%M:%S}  ", style="bright_black").append(first, style="default")
        for other in others:
            yield Text(f"{'':21}{other}")
    yield Text(_reaches_back(found), style="bright_black")


def _reaches_back(found: RowHistory) -> str:
    first = found.reaches_back_to
    return "No pass over this list is known." if first is None else f"The history begins on {time_of(first)}."


def _nothing_known(found: RowHistory) -> str:
    return f"Nothing is known of row {found.row_id} of {printable(found.list_title)}. {_reaches_back(found)}"
