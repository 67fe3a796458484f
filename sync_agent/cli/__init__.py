"""The command line: one file a command, all under `sync-agent`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from sync_agent import __version__
from sync_agent.cli.demo import demo
from sync_agent.cli.login import login
from sync_agent.cli.provision import provision
from sync_agent.cli.report import report
from sync_agent.cli.run import run
from sync_agent.cli.simulate import simulate
from sync_agent.cli.sync import sync
from sync_agent.microsoft365.agent_list import ListProblem
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.outcome import Exit
from sync_agent.settings import SecretUnavailable, SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="sync-agent")
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The settings; $SYNC_AGENT_SETTINGS, then settings.yaml, where left out.",
)
@click.pass_context
def commands(context: click.Context, settings_path: Path | None) -> None:
    """Keeps a contact centre's SharePoint Agent list right: UPNs, presence, anomalies."""
    context.obj = settings_path or Path(os.environ.get("SYNC_AGENT_SETTINGS") or "settings.yaml")


for _command in (demo, run, sync, login, provision, report, simulate):
    commands.add_command(_command)


def main() -> None:
    """The entry point: errors that an operator can mend are sentences, without a stack trace."""
    try:
        commands.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.USAGE)
    except (SettingsError, SecretUnavailable, ListProblem) as error:
        click.echo(f"sync-agent: {error}", err=True)
        sys.exit(Exit.USAGE)
    except ServiceError as error:
        click.echo(f"sync-agent: {error.reason}", err=True)
        sys.exit(Exit.INCOMPLETE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("sync-agent: stopped.", err=True)
        sys.exit(Exit.INCOMPLETE)
    except BrokenPipeError:
        # The reader of our output is gone (a pipe to head): nothing to tell it.
        sys.stdout = None
        sys.exit(Exit.INCOMPLETE)
