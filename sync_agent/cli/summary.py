"""What one pass came to, as a person reads it: rows by status, the anomalies with what to do, requests, time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby, islice

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sync_agent.characters import printable
from sync_agent.cli.fixing_lines import fixing_lines
from sync_agent.fuses import Held
from sync_agent.model import Anomaly, CellValue, Change, Code, Row, Severity, Status
from sync_agent.outcome import Mirrored, Outcome, Writes
from sync_agent.report.cell import as_seen
from sync_agent.report.freshness import in_words

_COLOUR = {Status.OK: "green", Status.WARNING: "yellow", Status.ERROR: "red", Status.UNKNOWN: "bright_black"}
SEVERITY_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bright_black"}
_WORST_FIRST = tuple(Severity)
_CODES = tuple(Code)
_MOST_CHANGES = 10
_MOST_ROWS = 20
_LONGEST_CELL = 120
_NARROW = 70
_WIDE = 110
"""Columns from which the UPN has a column of its own."""
_LONGEST_UPN = 44

Finding = tuple[Row, Anomaly]


def show_outcome(console: Console, outcome: Outcome, *, everything: str, dry_run: bool = False, most: int = 40) -> None:
    """``everything`` says where all anomalies are, when more than ``most`` exist."""
    findings = list(outcome.anomalies())
    shown = spread(findings, most)
    if shown:
        console.print(Padding(_told(shown, _counts(findings), console.width), (1, 0), expand=False))
    if len(shown) < len(findings):
        _say(console, f"{len(shown)} of {len(findings):,} anomalies shown. {everything}\n")
    console.print(status_line(len(outcome.verdicts), outcome.status))
    for line in _account_lines(outcome):
        _say(console, line, "yellow")
    if outcome.fixing is not None:
        for text, style in fixing_lines(outcome.fixing, dry_run=dry_run):
            _say(console, text, style)
    if outcome.mirrored is not None:
        _say(console, *_mirrored(outcome.mirrored))
    for line in _unwritten(outcome.writes):
        _say(console, line, "yellow")
    if outcome.held is not None:
        _say(console, _held(outcome.held), "bold red")
    if outcome.freshness is not None and outcome.freshness.rows:
        _say(console, f"Now {in_words(outcome.freshness)}.", "bright_black")
    if dry_run and outcome.plan.changes:
        _say(console, "\nWould be written:", "bold")
        for line in _planned(outcome.plan.changes):
            _say(console, line)
        if outcome.held is None:
            _say(console, f"Exactly this, or nothing: sync-agent sync --approve {outcome.plan.checksum}")
        _say(console, "")
    _say(console, _work_line(outcome, dry_run), "bright_black")


def _say(console: Console, text: str, style: str = "") -> None:
    """Wrapped on a terminal; a line is a line where a program may read it."""
    console.print(Text(text, style=style), soft_wrap=not console.is_terminal)


def _planned(changes: Sequence[Change]) -> Iterator[str]:
    """What a dry run would write, a line a row: the new value of each cell that differs."""
    for change in changes[:_MOST_CHANGES]:
        cells = (f"{column} = {_cell(value)}" for column, value in change.values.items())
        yield f"Row {change.row.id}: {'; '.join(cells)}"
    if len(changes) > _MOST_CHANGES:
        yield f"… and {len(changes) - _MOST_CHANGES:,} more rows; --json has them all."


def _cell(value: CellValue) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return printable(" | ".join((value or "").splitlines()), _LONGEST_CELL) or "(empty)"


def spread(findings: Collection[Finding], most: int) -> list[Finding]:
    """As many of each code as fit into ``most``, but one at least; the worst first, a missing UPN above all."""
    counts = _counts(findings)
    of_each = max(range(1, most + 1), key=lambda n: n if sum(min(n, count) for count in counts.values()) <= most else 0)

    def place(finding: Finding) -> tuple[int, int]:
        code = finding[1].code
        return _WORST_FIRST.index(code.severity), _CODES.index(code)

    by_code = groupby(sorted(findings, key=place), key=lambda finding: finding[1].code)
    return [finding for _, group in by_code for finding in islice(group, of_each)]


def _account_lines(outcome: Outcome) -> Iterator[str]:
    for id_, account in outcome.accounts.items():
        if account.state != "ok":
            named = account.state.startswith("account ")
            yield account.state if named else f"account {id_}: {account.state}"
        if account.notice:
            yield account.notice
    for near in outcome.credentials_near_their_end:
        yield near.sentence


def _told(shown: Collection[Finding], counts: Mapping[Code, int], width: int) -> RenderableType:
    """One below the other on a narrow terminal, else a table."""
    if width < _NARROW:
        return Text("\n\n").join(_paragraph(*finding, counts) for finding in shown)
    wide = width >= _WIDE
    table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("Anomaly", no_wrap=True)
    table.add_column("Count", justify="right", no_wrap=True)
    table.add_column("Row", justify="right", no_wrap=True)
    if wide:
        table.add_column("UPN in the list", overflow="fold", max_width=min(_LONGEST_UPN, width // 3))
    table.add_column("What is wrong, and what to do", overflow="fold", ratio=1)
    for code, group in groupby(shown, key=lambda finding: finding[1].code):
        heading = [Text(code, style=SEVERITY_COLOUR[code.severity]), Text(f"{counts[code]:,}")]
        for row, anomaly in group:
            told = [Text(as_seen(row.upn, _LONGEST_UPN), style="bold"), Text(anomaly.message)]
            table.add_row(*heading, str(row.id), *(told if wide else [Text("\n").join(told)]))
            heading = [Text(), Text()]
    return table


def _paragraph(row: Row, anomaly: Anomaly, counts: Mapping[Code, int]) -> Text:
    code = anomaly.code
    return Text.assemble(
        (code, SEVERITY_COLOUR[code.severity]),
        f" in {counts[code]:,}: row {row.id}\n",
        (as_seen(row.upn, _LONGEST_UPN), "bold"),
        f"\n{anomaly.message}",
    )


def _counts(findings: Collection[Finding]) -> Counter[Code]:
    return Counter(anomaly.code for _, anomaly in findings)


def status_line(rows: int, status: Mapping[Status, int]) -> Text:
    line = Text(f"{rows:,} rows")
    for name, colour in _COLOUR.items():
        line.append("   ")
        line.append(f"{status[name]:,} {name}", style=colour)
    return line


def _held(held: Held) -> str:
    what = held.cause[:1].upper() + held.cause[1:]
    if held.fuse == "max_worsened":
        what = f"{held.rows:,} of {held.of:,} rows that show OK would no longer, and at most {held.limit} may: {what}"
    told = f"Held by the fuse {held.fuse}: {_not_written(held)}. {what}."
    return f"{told} If that is as it should be, run this again with --approve {held.checksum}" if held.todo else told


def _not_written(held: Held) -> str:
    if held.row_ids is None:
        return "nothing is written"
    return "1 row is not written" if len(held.row_ids) == 1 else f"{len(held.row_ids):,} rows are not written"


def _unwritten(writes: Writes) -> Iterator[str]:
    """Rows that are locked, checked out or denied, a line a reason."""
    by_reason: defaultdict[str, list[int]] = defaultdict(list)
    for row_id, reason in sorted(writes.unwritten.items()):
        by_reason[reason].append(row_id)
    for reason, row_ids in by_reason.items():
        named = ", ".join(map(str, row_ids[:_MOST_ROWS]))
        more = f" and {len(row_ids) - _MOST_ROWS:,} more (--json has them all)" if len(row_ids) > _MOST_ROWS else ""
        yield f"Not written: {'row' if len(row_ids) == 1 else 'rows'} {named}{more}: {printable(reason, 300)}"


def _mirrored(mirrored: Mirrored) -> tuple[str, str]:
    """The line, and its style."""
    counts = f"{mirrored.made:,} made, {mirrored.changed:,} changed, {mirrored.resolved:,} resolved"
    if mirrored.acknowledged:
        counts += f", {len(mirrored.acknowledged):,} acknowledged by people"
    if mirrored.error is None:
        return f"List of anomalies: {counts}", "bright_black"
    failed = f", {mirrored.failed:,} could not be written" if mirrored.failed else ""
    return f"List of anomalies: {counts}{failed}. {mirrored.error}", "yellow"


def _work_line(outcome: Outcome, dry_run: bool) -> str:
    writes, requests = outcome.writes, outcome.requests
    asked = ", ".join(f"{count:,} {kind}" for kind, count in sorted(requests.items()))
    did = (
        f"{writes.planned:,} rows would be written"
        if dry_run
        else f"{writes.done:,} of {writes.planned:,} rows written"
    )
    if writes.put_right:
        did += f", {writes.put_right:,} of them put right after somebody had changed what is shown"
    if writes.conflicts:
        did += f", {writes.conflicts:,} changed by others meanwhile"
    if writes.failed:
        did += f", {writes.failed:,} could not be written"
    return f"{did} · {sum(requests.values()):,} requests ({asked}) · {outcome.seconds:.1f} s"
