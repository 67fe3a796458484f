"""An explanation as a person reads it: chapter by chapter, each step with its mark, its words and its requests."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from urllib.parse import unquote

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sync_agent.characters import printable
from sync_agent.explanation.cell import quoted
from sync_agent.explanation.explained import Explanation
from sync_agent.explanation.step import Part, Step, StepOutcome
from sync_agent.microsoft365.odata import literal
from sync_agent.microsoft365.recording import RequestRecord

_HEADINGS = {
    Part.ROW: "The row",
    Part.RULES: "The cell, rule by rule",
    Part.DOMAIN: "Whose domain it is",
    Part.TENANTS: "What the tenants say",
    Part.PEOPLE: "Who may be meant",
    Part.DUPLICATES: "Other rows",
    Part.PRESENCE: "Presence",
    Part.VERDICT: "The verdict",
    Part.HISTORY: "History",
}
_MARKS = {
    StepOutcome.OK: ("✓", "green"),
    StepOutcome.WRONG: ("✗", "red"),
    StepOutcome.UNKNOWN: ("?", "yellow"),
    StepOutcome.INFO: ("·", "bright_black"),
}
_NARROW = 70
_INDENT = 4
_ID = 36
_SHORTEST_PATH = 28
_MOST_REQUESTS = 8


def show_explanation(console: Console, explanation: Explanation) -> None:
    row = explanation.row
    what = quoted(explanation.asked) if row is None else f"Row {row.id}: {quoted(row.upn)}"
    console.print(Text(what, style="bold"))
    for part, steps in groupby(explanation.steps, key=lambda step: step.part):
        console.print(Text(f"\n{_HEADINGS[part]}", style="bold"))
        _show_chapter(console, tuple(steps), explanation.names)
    console.print(Text(f"\n{_work(explanation)} · nothing was written", style="bright_black"))


def _show_chapter(console: Console, steps: Sequence[Step], names: Collection[str]) -> None:
    """A column for the titles, where they say something and there is room for them."""
    titled = any(step.title != _HEADINGS[step.part] for step in steps)
    beside = max(len(step.title) for step in steps) if titled and console.width >= _NARROW else 0
    for step in steps:
        mark, colour = _MARKS[step.outcome]
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_column(width=1)
        told = Text(step.text)
        if beside:
            line.add_column(width=min(beside, console.width // 3), overflow="fold")
        elif titled:
            told = Text.assemble((f"{step.title}: ", "bold"), step.text)
        line.add_column(overflow="fold")
        line.add_row(Text(mark, style=colour), *([Text(step.title, style=colour)] if beside else []), told)
        console.print(Padding(line, (0, 0, 0, 2), expand=False))
        own = names if step.part is Part.TENANTS else ()
        for request in _requests(step.requests, own, console.width - _INDENT):
            console.print(Padding(Text(request, style="bright_black"), (0, 0, 0, _INDENT), expand=False))


def _work(explanation: Explanation) -> str:
    if not explanation.requests:
        return "From the history; nothing was asked"
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(explanation.requests.items()))
    return f"{sum(explanation.requests.values()):,} requests ({counts}) · {explanation.seconds:.1f} s"


def _requests(requests: Sequence[RequestRecord], names: Collection[str], width: int) -> Iterator[str]:
    """``names`` are the row's own: what was asked about others along with them is only counted. Empty: all is told."""
    several = len({request.account for request in requests} - {""}) > 1
    for request in requests[:_MOST_REQUESTS]:
        by = f" by {printable(request.account)}" if several and request.account else ""
        yield from _request(request, names, width, by)
    if len(requests) > _MOST_REQUESTS:
        yield f"… and {len(requests) - _MOST_REQUESTS:,} more requests, which --json has"


def _request(request: RequestRecord, names: Collection[str], width: int, by: str) -> Iterator[str]:
    status = "---" if request.status is None else str(request.status)
    id_ = printable(request.request_id or f"ours {request.client_request_id}")
    room = width - _ID - len(f"{status}   {request.method}{by}")
    yield f"{status} {id_} {request.method} {_path(request.path, room)}{by}"
    others = 0
    for part in request.parts:
        if not names or any(literal(name)[1:-1] in unquote(part.path) for name in names):
            status = str(part.status or "---")
            yield f"  {status} {part.method} {_path(part.path, width - len(f'  {status} {part.method} '))}"
        else:
            others += 1
    if others:
        yield f"  and {others:,} about other rows, for company"


def _path(path: str, room: int) -> str:
    """As a person reads it, what is in the middle left out for want of room; --json has it whole."""
    place, _, query = path.partition("?")
    options = [option for option in query.split("&") if option.startswith("$filter=")]
    read = printable(unquote(f"{place}?{'&'.join(options)}" if options else place), len(path))
    room = max(room, _SHORTEST_PATH)
    if len(read) <= room:
        return read
    end = room // 2
    return f"{read[: room - end - 1]}…{read[-end:]}"
