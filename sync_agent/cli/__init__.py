"""The command line: one file a command, all under `sync-agent`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from sync_agent import __version__, garbage
from sync_agent.cli.ending import ending
from sync_agent.cli.lazy import LazyGroup
from sync_agent.outcome import Exit

COMMANDS = {
    "demo": "The whole product on an embedded Microsoft 365, with a report.",
    "init": "Ask a few questions, try the answers, write the settings.",
    "import-ucc": "Take over the accounts of a presence source's config.xml.",
    "run": "The service: keep the list right all day.",
    "sync": "One pass: read, check, write what differs.",
    "explain": "Why a row has its verdict, step by step.",
    "check": "Prove settings, sign-ins and permissions live; say what to do.",
    "capacity": "What the list takes of Microsoft's limits, before anything runs.",
    "account": "What is known of each account; believe one that lost users.",
    "history": "The last runs, or what was written to a row, when and why.",
    "undo": "Take back what a run wrote, or all since a time.",
    "provision": "Create our columns and views in the list.",
    "login": "Sign a person in by device code.",
    "secret": "Encrypt secrets, so that settings.yaml can be committed.",
    "report": "What is wrong in the list now, and over time.",
    "simulate": "Serve the embedded Microsoft 365, to try settings against.",
}
"""Each is the function of its name, in the module of its name in this package; LazyGroup says how they are written."""


@click.group(
    cls=LazyGroup,
    package=__name__,
    summaries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="sync-agent")
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The settings; $SYNC_AGENT_SETTINGS, then settings.yaml, where left out.",
)
@click.pass_context
def commands(context: click.Context, settings_path: Path | None) -> None:
    """Keeps a contact centre's SharePoint Agent list right: UPNs, presence, anomalies.

    Exit: 0 done, 1 not everything could be done, 2 wrong usage or settings, 3 held by a fuse, 4 (sync --exit-code)
    done and anomalies exist.
    """
    context.obj = settings_path or Path(os.environ.get("SYNC_AGENT_SETTINGS") or "settings.yaml")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point; ``arguments`` are the process's own where left out."""
    garbage.seldom()
    with ending():
        commands.main(arguments, prog_name="sync-agent", standalone_mode=False)
    sys.exit(Exit.DONE)
