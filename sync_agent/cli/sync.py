"""`sync-agent sync`: one pass."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson
from rich.console import Console

from sync_agent.cli.bars import Bars
from sync_agent.cli.ending import tell
from sync_agent.cli.session import loaded, with_service
from sync_agent.cli.summary import show_outcome
from sync_agent.outcome import Exit, Outcome

if TYPE_CHECKING:
    from sync_agent.service import Service

_IN_THE_REPORT = "All of them: sync-agent report --html report.html"
_IN_THE_DOCUMENT = "All of them: the same command with --json"


@click.command()
@click.option("--dry-run", is_flag=True, help="Plan and show, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout; logs go to stderr.")
@click.option(
    "--approve",
    metavar="CHECKSUM",
    help="Apply the plan of this checksum, or what a fuse holds of it; nothing if it is another by now.",
)
@click.option("--exit-code", "tell_anomalies", is_flag=True, help="Exit with 4 when anomalies exist.")
@click.pass_obj
def sync(settings_path: Path, dry_run: bool, as_json: bool, approve: str | None, tell_anomalies: bool) -> None:
    """Read the list, check every UPN, read presence, write back what differs: once.

    Exit: 0 done, 1 not everything could be done, 2 wrong usage or settings, 3 held by a fuse.
    """
    settings = loaded(settings_path, quiet=not as_json)
    with Bars(Console(stderr=True)) as bars:
        outcome: Outcome = with_service(
            settings, lambda service: _sync(service, dry_run=dry_run, approve=approve, as_json=as_json), progress=bars
        )
    held = outcome.held or (None if outcome.fixing is None else outcome.fixing.held)
    if approve is not None and held is not None:
        tell(f"--approve {approve} lets nothing through: {held.cause}.", Exit.HELD)
    if as_json:
        _print(outcome, changes=dry_run)
    elif outcome.error is None:
        everything = _IN_THE_DOCUMENT if dry_run else _IN_THE_REPORT
        show_outcome(Console(), outcome, everything=everything, dry_run=dry_run)
    if outcome.error is not None:
        tell(outcome.error, Exit.INCOMPLETE)
    sys.exit(outcome.exit_code(tell_anomalies=tell_anomalies))


async def _sync(service: Service, *, dry_run: bool, approve: str | None, as_json: bool) -> Outcome:
    """A list that is not as it must be is told in the document too. Raises ListProblem all the same."""
    # Imported only now, with all its libraries: what is wrong in the settings is told at once.
    from sync_agent.microsoft365.list_answers import ListProblem  # noqa: PLC0415

    try:
        return await service.sync(dry_run=dry_run, approved=approve)
    except ListProblem as problem:
        if as_json:
            _print(await service.outcome(service.context.clock(), 0.0, None, str(problem)), changes=dry_run)
        raise


def _print(outcome: Outcome, *, changes: bool) -> None:
    click.echo(orjson.dumps(outcome.document(changes=changes), option=orjson.OPT_INDENT_2))
