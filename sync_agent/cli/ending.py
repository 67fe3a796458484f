"""How a command ends when it could not do its work: one sentence on stderr, the last thing there, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sync_agent.outcome import Exit


@contextmanager
def ending() -> Iterator[None]:
    """What an operator can mend is told; what only a programmer can mend keeps its stack trace."""
    try:
        yield
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        sys.exit(_usage(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(tell("stopped before the end; running it again is safe.", Exit.INCOMPLETE))
    except BrokenPipeError:
        # The reader of our output is gone (a pipe to head): nothing to tell it, and nothing to flush at the end.
        sys.stdout = None
        sys.exit(Exit.INCOMPLETE)
    except Exception as error:
        # Imported only now, so that nobody waits for what errors are made of.
        from sync_agent.cli.failures import told  # noqa: PLC0415

        code = told(error)
        if code is None:
            raise
        sys.exit(code)


def tell(sentence: str, code: Exit) -> Exit:
    for line in sentence.splitlines():
        click.echo(f"sync-agent: {line}", err=True)
    return code


def _usage(error: click.ClickException) -> Exit:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return Exit.USAGE
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
    return tell(error.format_message(), Exit.USAGE)
