"""`sync-agent explain`: why one row has its verdict, asked anew, or why it had it then."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson
from rich.console import Console

from sync_agent.cli.bars import Bars
from sync_agent.cli.ending import tell
from sync_agent.cli.explain_page import show_explanation
from sync_agent.cli.moments import at_moment
from sync_agent.cli.session import loaded, with_service
from sync_agent.explanation.choosing import NoSuchRow
from sync_agent.explanation.explained import Explanation, explained, explained_then, not_explained
from sync_agent.explanation.past import look_back
from sync_agent.outcome import Exit
from sync_agent.settings import Settings
from sync_agent.state.store import StateUnavailable, Store

if TYPE_CHECKING:
    from sync_agent.service import Service


@click.command()
@click.argument("wanted", metavar="UPN|ROW")
@click.option(
    "--at",
    callback=at_moment,
    metavar="TIME",
    help="From the history instead: a date, or date and time (UTC where no zone is named).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout; logs go to stderr.")
@click.pass_obj
def explain(settings_path: Path, wanted: str, at: datetime | None, as_json: bool) -> None:
    """Ask everything anew about one row and show each step with its evidence, down to the verdict. Writes nothing.

    ROW is a row's id, digits only. UPN is whatever stands, or could stand, in a UPN cell; no row needs to have it.
    Quote what has blanks in it.

    Exit: 0 all was answered, 1 something could not be asked or is not known, 2 wrong usage or settings, or no such row.
    """
    settings = loaded(settings_path, quiet=not as_json)
    try:
        if at is None:
            explanation = _live(settings, wanted, as_json=as_json)
        else:
            explanation = _then(settings, wanted, min(at, datetime.now(UTC)))
    except NoSuchRow as reason:
        sys.exit(tell(str(reason), Exit.USAGE))
    except StateUnavailable as reason:
        sys.exit(tell(str(reason), Exit.INCOMPLETE))
    if as_json:
        _print(explanation)
    else:
        show_explanation(Console(highlight=False), explanation)
    sys.exit(explanation.exit_code)


def _print(explanation: Explanation) -> None:
    click.echo(orjson.dumps(explanation.document(), option=orjson.OPT_INDENT_2))


def _live(settings: Settings, wanted: str, *, as_json: bool) -> Explanation:
    """What keeps the list from being read is told in the document too. Raises NoSuchRow, ListProblem, ServiceError."""
    # Imported only now, with all its libraries: what is wrong in the settings is told at once.
    from sync_agent.microsoft365.errors import ServiceError  # noqa: PLC0415
    from sync_agent.microsoft365.list_answers import ListProblem  # noqa: PLC0415

    started = time.perf_counter()

    async def work(service: Service) -> Explanation:
        try:
            facts = await service.explain(wanted)
        except (ServiceError, ListProblem) as failure:
            if as_json:
                reason = failure.told if isinstance(failure, ServiceError) else str(failure)
                title, now = settings.sharepoint.agent_list, service.context.clock()
                _print(not_explained(wanted, now, title, reason, time.perf_counter() - started))
            raise
        return explained(facts, dict(service.transport.requests), time.perf_counter() - started)

    with Bars(Console(stderr=True)) as bars:
        return with_service(settings, work, progress=bars, read_only=True)


def _then(settings: Settings, wanted: str, at: datetime) -> Explanation:
    """Nobody is asked, and no secret is needed. Raises StateUnavailable."""
    started = time.perf_counter()
    store = Store.look(settings.state.database)
    if store is None:
        raise StateUnavailable("There is no history yet: `sync-agent sync` and `sync-agent run` keep it.")
    try:
        then = look_back(store, settings.sharepoint.agent_list, wanted, at)
    finally:
        store.close()
    return explained_then(then, time.perf_counter() - started)
