"""`sync-agent check`: proves every setting, credential, permission and column live; each failure says what to do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console

from sync_agent import log
from sync_agent.check.faults import found
from sync_agent.check.finding import Finding, Level
from sync_agent.cli.check_page import show_findings
from sync_agent.outcome import Exit
from sync_agent.settings import SettingsError, SettingsUnreadable, load


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout; logs go to stderr.")
@click.pass_obj
def check(settings_path: Path, as_json: bool) -> None:
    """Prove every setting, credential, permission and column live, within ten seconds; what is wrong says what to do.

    Nothing is written, and a running service is not disturbed. docs/troubleshooting.md has everything that can be
    found.

    Exit: 0 nothing is wrong (warnings aside), 1 something is, 2 wrong usage, or the settings cannot be read.
    """
    try:
        settings = load(settings_path)
    except SettingsUnreadable as wrong:
        _tell([found("settings_unreadable", settings_path.name, file=str(wrong.path), why=wrong.why)], as_json)
        sys.exit(Exit.USAGE)
    except SettingsError as wrong:
        _tell([_of_problem(settings_path, wrong, number) for number in range(len(wrong.problems))], as_json)
        sys.exit(Exit.USAGE)
    # What the log would warn of is found by the check, or is none of its business.
    log.configure(settings.log.format, "error")
    # Imported only now, with all its libraries: what is wrong in the settings is told at once.
    from sync_agent.jobs.check import check as look  # noqa: PLC0415

    findings = asyncio.run(look(settings_path, settings))
    _tell(findings, as_json)
    if not _is_right(findings):
        sys.exit(Exit.INCOMPLETE)


def _of_problem(path: Path, wrong: SettingsError, number: int) -> Finding:
    problem = wrong.problems[number]
    place = f"{path.name}:{problem.line}:{problem.column}: " if problem.line else ""
    return found("settings_wrong", problem.where or path.name, problem=f"{place}{problem.sentence}".rstrip("."))


def _tell(findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(document(findings), option=orjson.OPT_INDENT_2))
    else:
        show_findings(Console(highlight=False, soft_wrap=True), findings)


def _is_right(findings: Sequence[Finding]) -> bool:
    return all(each.level is not Level.ERROR for each in findings)


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """As docs/check.schema.json has it."""
    told = [
        {
            "id": each.id,
            "level": each.level.value,
            "subject": each.subject,
            "message": each.message,
            "remedy": each.remedy,
        }
        for each in findings
    ]
    return {"ok": _is_right(findings), "findings": told}
