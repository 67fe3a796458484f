"""`sync-agent history`: what happened to one row, as far as it is known. Nobody is asked, and no secret is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.text import Text

from sync_agent.characters import printable
from sync_agent.cli.ending import tell
from sync_agent.cli.session import loaded
from sync_agent.explanation.row_history import RowHistory, row_history, sentences
from sync_agent.explanation.standing import time_of
from sync_agent.outcome import Exit
from sync_agent.settings import Settings
from sync_agent.state.store import StateUnavailable, Store

_NOTHING_KEPT = "There is no history yet: `sync-agent sync` and `sync-agent run` keep it."
_LARGEST_ID = 2**31 - 1


@click.command()
@click.argument("row", type=click.IntRange(1, _LARGEST_ID), metavar="ROW")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
@click.pass_obj
def history(settings_path: Path, row: int, as_json: bool) -> None:
    """Show, newest first, what was said of a row, what was written to it when and why, and what was undone.

    ROW is a row's id. Presence is not kept: the list shows the present one and since when.

    Exit: 0 done, 1 nothing is known of the row, 2 wrong usage or settings.
    """
    settings = loaded(settings_path, quiet=True)
    try:
        found = _found(settings, row)
    except StateUnavailable as reason:
        sys.exit(tell(str(reason), Exit.INCOMPLETE))
    if as_json:
        click.echo(orjson.dumps(found.document, option=orjson.OPT_INDENT_2))
    elif found.events:
        console = Console(highlight=False)
        for line in _lines(found):
            console.print(line, soft_wrap=not console.is_terminal)
    if not found.events:
        tell(_nothing_known(found), Exit.INCOMPLETE)
    sys.exit(Exit.DONE if found.events else Exit.INCOMPLETE)


def _found(settings: Settings, row: int) -> RowHistory:
    """Raises StateUnavailable."""
    store = Store.look(settings.state.database)
    if store is None:
        raise StateUnavailable(_NOTHING_KEPT)
    try:
        return row_history(store, settings.sharepoint.agent_list, row)
    finally:
        store.close()


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
