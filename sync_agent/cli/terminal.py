"""What a person sees: progress while a pass runs, then its summary. Everything here goes to stderr or is asked for."""

from __future__ import annotations

import time

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sync_agent import progress as watching
from sync_agent.model import Severity, Status
from sync_agent.outcome import Outcome

_COLOUR = {Status.OK: "green", Status.WARNING: "yellow", Status.ERROR: "red", Status.UNKNOWN: "bright_black"}
_SEVERITY_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bright_black"}


class Bars:
    """Progress as a bar a stage on a terminal, as a line a stage elsewhere. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="bright_black"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def stage(self, name: str, total: int | None = None) -> watching.Stage:
        if self._console.is_terminal:
            return _Bar(self._bars, self._bars.add_task(name, total=total, note=""))
        return _Line(self._console, name)


class _Bar:
    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars, self._task = bars, task

    def advance(self, count: int = 1) -> None:
        self._bars.advance(self._task, count)

    def done(self, note: str = "") -> None:
        completed = self._bars.tasks[self._task].completed
        total = self._bars.tasks[self._task].total
        self._bars.update(self._task, total=completed if total is None else total, completed=total, note=note)


class _Line:
    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name, self._started = console, name, time.monotonic()

    def advance(self, count: int = 1) -> None:
        pass

    def done(self, note: str = "") -> None:
        seconds = time.monotonic() - self._started
        self._console.print(f"{self._name}: {note} ({seconds:.1f} s)", highlight=False, markup=False, soft_wrap=True)


def show_outcome(console: Console, outcome: Outcome, *, dry_run: bool = False, most: int = 40) -> None:
    """Rows by status, the anomalies (at most ``most``) with what to do, accounts in trouble, requests, time."""
    if outcome.error:
        console.print(Text(f"No pass was made: {outcome.error}", style="red"))
    if outcome.anomalies_count:
        console.print(_anomalies(outcome, most))
    console.print(_status_line(outcome))
    for id_, account in outcome.accounts.items():
        if account.state != "ok":
            console.print(Text(f"Account {id_}: {account.state}", style="yellow"))
    if outcome.held is not None:
        console.print(_held(outcome))
    console.print(_work_line(outcome, dry_run), style="bright_black", highlight=False)


def _anomalies(outcome: Outcome, most: int) -> Table:
    table = Table(box=SIMPLE, title_justify="left", expand=True)
    table.add_column("Row", justify="right")
    table.add_column("UPN in the list", overflow="fold", ratio=3)
    table.add_column("Anomaly", no_wrap=True)
    table.add_column("What is wrong, and what to do", overflow="fold", ratio=6)
    for shown, (row, anomaly) in enumerate(outcome.anomalies()):
        if shown == most:
            table.add_row("…", "", "", f"and {outcome.anomalies_count - most:,} more: see the report")
            break
        code = Text(str(anomaly.code), style=_SEVERITY_COLOUR[anomaly.severity])
        table.add_row(str(row.id), Text(printable(row.upn)), code, Text(anomaly.message))
    return table


def printable(cell: str | None, most: int = 60) -> str:
    """A cell as a person can see it: blanks and control characters made visible, the length bounded."""
    if cell is None:
        return "(empty)"
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cell[:most])
    quoted = f"“{text}”" if not cell or cell != cell.strip() else text
    return quoted + ("…" if len(cell) > most else "")


def _status_line(outcome: Outcome) -> Text:
    line = Text(f"{len(outcome.verdicts):,} rows")
    for status in Status:
        line.append("   ")
        line.append(f"{outcome.status[status]:,} {status}", style=_COLOUR[status])
    return line


def _held(outcome: Outcome) -> Text:
    held = outcome.held
    assert held is not None
    return Text(
        f"Held by the fuse {held.fuse}, nothing was written: {held.cause}. If this is what you want: "
        f"sync-agent sync --approve {held.checksum}",
        style="bold red",
    )


def _work_line(outcome: Outcome, dry_run: bool) -> str:
    writes, requests = outcome.writes, outcome.requests
    asked = ", ".join(f"{count:,} {kind}" for kind, count in sorted(requests.items()))
    did = (
        f"{writes.planned:,} rows would be written"
        if dry_run
        else f"{writes.done:,} of {writes.planned:,} rows written"
    )
    if writes.conflicts:
        did += f", {writes.conflicts:,} changed by others meanwhile"
    if writes.failed:
        did += f", {writes.failed:,} could not be written"
    return f"{did} · {sum(requests.values()):,} requests ({asked}) · {outcome.seconds:.1f} s"
