"""Progress as people see it: a bar a stage on a terminal, a line a stage elsewhere."""

from __future__ import annotations

import sys
import time

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.style import StyleType
from rich.table import Column
from rich.text import Text

from sync_agent import progress as watching

_WIDE = 100


class Bars:
    """Use as a context manager. Once there are bars, whatever is logged goes above them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._moving = console.is_terminal and not console.is_dumb_terminal
        self._bars = Progress(
            _Mark(finished_text="[green]✓"),
            _text("description", min_width=20),
            BarColumn(bar_width=30 if console.width >= _WIDE else 12),
            MofNCompleteColumn(table_column=Column(justify="right", no_wrap=True)),
            _Seconds(),
            _text("fields[note]", style="bright_black"),
            console=console,
            disable=not self._moving,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            redirect_stderr=sys.stderr is not None and sys.stderr.isatty(),
        )

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *error: object) -> None:
        for task in self._bars.task_ids:
            self._bars.update(task, over=True)
        self._bars.stop()

    def stage(self, name: str, total: int | None = None) -> watching.Stage:
        if self._moving:
            self._bars.start()
            return _Bar(self._bars, self._bars.add_task(name, total=total, note="", over=False))
        return _Line(self._console, name)


class _Mark(SpinnerColumn):
    """Turns while the stage goes on; a stage that was cut off keeps a mark of it."""

    def render(self, task: Task) -> RenderableType:
        if task.fields["over"] and not task.finished:
            return Text("!", style="yellow")
        return super().render(task)


class _Seconds(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_time or task.elapsed or 0:.1f} s", justify="right", style="progress.elapsed")


def _text(field: str, *, min_width: int | None = None, style: StyleType = "none") -> TextColumn:
    column = Column(min_width=min_width, no_wrap=True, overflow="ellipsis")
    return TextColumn(f"{{task.{field}}}", style=style, markup=False, table_column=column)


class _Bar:
    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def advance(self, count: int = 1) -> None:
        self._bars.advance(self._task, count)

    def done(self, note: str = "") -> None:
        task = next(task for task in self._bars.tasks if task.id == self._task)
        self._bars.update(self._task, total=task.completed, note=note)
        self._bars.stop_task(self._task)


class _Line:
    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._started = time.monotonic()

    def advance(self, count: int = 1) -> None:
        pass

    def done(self, note: str = "") -> None:
        seconds = time.monotonic() - self._started
        self._console.print(f"{self._name}: {note} ({seconds:.1f} s)", highlight=False, markup=False, soft_wrap=True)
