"""What `sync-agent check` found, for a terminal: an area at a time, with what to do beneath each fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from sync_agent.check.finding import Area, Finding, Level

_MARKS = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.ERROR: ("✗", "red")}


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    for area in Area:
        here = [each for each in findings if each.area is area]
        if here:
            console.print(Text(area.value, style="bold"))
        for each in here:
            show_finding(console, each)
    console.print()
    console.print(Text(_summary(findings)))


def show_finding(console: Console, finding: Finding) -> None:
    mark, colour = _MARKS[finding.level]
    line = Text().append(mark, style=colour).append(f" {finding.message}")
    if finding.level is not Level.OK:
        line.append(f" [{finding.id}, {finding.subject}]", style="dim")
    _print(console, line, 2)
    if finding.remedy is not None:
        _print(console, Text(finding.remedy), 6)


def _print(console: Console, text: Text, indent: int) -> None:
    """Between words, a long one goes on below; where nobody looks at a terminal a line stays a line."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent), expand=False), soft_wrap=False)
    else:
        console.print(Text(" " * indent).append_text(text))


def _summary(findings: Sequence[Finding]) -> str:
    counts = Counter(each.level for each in findings)
    if not counts[Level.ERROR] and not counts[Level.WARNING]:
        return "Everything is right."
    parts = [
        f"{counts[level]} {word}{'' if counts[level] == 1 else 's'}"
        for level, word in ((Level.ERROR, "error"), (Level.WARNING, "warning"))
        if counts[level]
    ]
    return f"{' and '.join(parts)}; docs/troubleshooting.md has them all."
