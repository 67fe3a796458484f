"""`sync-agent undo`: take back what a run wrote, or what was written since a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.console import Console
from rich.text import Text

from sync_agent.characters import joined, printable
from sync_agent.cli.bars import Bars
from sync_agent.cli.ending import tell
from sync_agent.cli.moments import since_moment
from sync_agent.cli.session import loaded, with_service
from sync_agent.outcome import Exit

if TYPE_CHECKING:
    from sync_agent.jobs.undo import RowUndone, Undone
    from sync_agent.jobs.undo_scope import Scope

_MOST_ROWS = 40
_LONGEST_CELL = 80
_LARGEST_ID = 2**31 - 1
_WRITTEN_AGAIN = (
    "The next sync, and a service that is running, write again what they find to be true: to keep what is restored, "
    "mend its cause first."
)
_COLOURS = {"restored": "green", "to restore": "green", "kept": "yellow", "failed": "red"}


@click.command()
@click.option(
    "--run", type=click.IntRange(1, _LARGEST_ID), metavar="ID", help="The run; the last that wrote where left out."
)
@click.option(
    "--since",
    callback=since_moment,
    metavar="TIME",
    help="Whatever any run wrote since: 10:30, 2h (ago), a date, or date and time (UTC where no zone is named).",
)
@click.option("--dry-run", is_flag=True, help="Show what would be restored, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout; logs go to stderr.")
@click.pass_obj
def undo(settings_path: Path, run: int | None, since: datetime | None, dry_run: bool, as_json: bool) -> None:
    """Restore what a run found before it wrote: our verdict columns, and UPNs that it fixed.

    Only rows that still show what the run wrote are restored; presence never is. The undo is a run too, and can be
    undone.
    Runs are numbered; `sync-agent history` lists them, and `sync-agent history ROW` names those that wrote a row.

    Exit: 0 all that nobody changed since is restored, 1 something could not be restored or nothing is known, 2 wrong
    usage or settings, or no such run.
    """
    if run is not None and since is not None:
        raise click.UsageError("--run and --since: one of them, not both.")
    settings = loaded(settings_path, quiet=not as_json)
    # Imported only now: the settings are checked before anybody waits for it.
    from sync_agent.jobs.undo_scope import NoSuchRun, NothingWritten  # noqa: PLC0415
    from sync_agent.state.store import StateUnavailable  # noqa: PLC0415

    try:
        with Bars(Console(stderr=True)) as bars:
            undone: Undone = with_service(
                settings, lambda service: service.undo(run or since, dry_run=dry_run), progress=bars, read_only=dry_run
            )
    except NoSuchRun as reason:
        sys.exit(tell(str(reason), Exit.USAGE))
    except (NothingWritten, StateUnavailable) as reason:
        sys.exit(tell(str(reason), Exit.INCOMPLETE))
    if as_json:
        click.echo(orjson.dumps(undone.document, option=orjson.OPT_INDENT_2))
    else:
        console = Console(highlight=False)
        for line in _lines(undone):
            console.print(line, soft_wrap=not console.is_terminal)
    if undone.error is not None:
        tell(undone.error, Exit.INCOMPLETE)
    sys.exit(undone.exit_code)


def _lines(undone: Undone) -> Iterator[Text]:
    yield Text(_head(undone.scope), style="bold")
    values = {each["row"]: each["values"] for each in undone.document["rows"]}
    for row_id, row in sorted(undone.rows.items())[:_MOST_ROWS]:
        yield _row(row_id, row, values[row_id])
    if len(undone.rows) > _MOST_ROWS:
        yield Text(f"… and {len(undone.rows) - _MOST_ROWS:,} more rows; --json has them all.")
    counts = undone.document["counts"]
    told = ", ".join(f"{count:,} {ending}" for ending, count in counts.items() if count)
    yield Text(f"{len(undone.rows):,} rows: {told}" if told else "Every row was left as it was found.")
    if counts["restored"] or counts["to restore"]:
        yield Text(_WRITTEN_AGAIN, style="yellow")
    if undone.number is not None:
        yield Text(f"This undo is run {undone.number}: sync-agent undo --run {undone.number} takes it back.")


def _head(scope: Scope) -> str:
    run = scope.run
    if run is not None:
        return f"Run {run.id} ({run.kind}), begun {run.began:%Y-%m-%d %H:%M:%S} UTC"
    numbers = joined([str(number) for number in scope.runs])
    name = scope.name[0].upper() + scope.name[1:]
    return f"{name}, by {'run' if len(scope.runs) == 1 else 'runs'} {numbers}"


def _row(row_id: int, row: RowUndone, values: Mapping[str, Any] | None) -> Text:
    line = Text(f"Row {row_id}: ")
    line.append(str(row.ending), style=_COLOURS[row.ending])
    if row.reason:
        line.append(f": {printable(row.reason, 300)}")
    elif values:
        cells = (f"{column} = {_cell(value)}" for column, value in values.items() if column != "SyncChangedAt")
        line.append(f": {'; '.join(cells)}")
    return line


def _cell(value: str | datetime | None) -> str:
    text = value if isinstance(value, str) else ""
    return printable(" | ".join(text.splitlines()), _LONGEST_CELL) or "(empty)"
