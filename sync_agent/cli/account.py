"""`sync-agent account`: what is known of the accounts, and an operator's word that users who are gone are gone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sync_agent.cli.ending import tell
from sync_agent.cli.session import loaded
from sync_agent.outcome import Exit
from sync_agent.quarantine import Quarantine
from sync_agent.settings import Settings
from sync_agent.state.store import StateUnavailable, Store


@click.group()
def account() -> None:
    """The accounts as the last pass left them. Nobody is asked."""


@account.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout; logs go to stderr.")
@click.pass_obj
def list_(settings_path: Path, as_json: bool) -> None:
    """Each account with its users in the list, and whether it is believed that users are gone."""
    settings = loaded(settings_path, quiet=not as_json)
    users: dict[str, int] = {}
    quarantines: dict[str, Quarantine] = {}
    with _unavailable_told():
        store = Store.look(settings.state.database)
        if store is not None:
            title = settings.sharepoint.agent_list
            users, quarantines = store.users_of_accounts(title), store.quarantines(title)
            store.close()
    accounts = [
        (each.id, each.tenant_id, users.get(each.id, 0), quarantines.get(each.tenant_id)) for each in settings.accounts
    ]
    if as_json:
        document = [_document(*each) for each in accounts]
        click.echo(orjson.dumps({"accounts": document}, option=orjson.OPT_INDENT_2))
        return
    table = Table("Account", "Users", "Believed", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for id_, _, count, quarantine in accounts:
        table.add_row(Text(id_), f"{count:,}", Text(_in_words(id_, quarantine)))
    Console().print(table)


@account.command()
@click.argument("id_", metavar="ID")
@click.pass_obj
def release(settings_path: Path, id_: str) -> None:
    """Believe account ID that the users are gone whom it did not know in the last pass.

    That holds for as many as were gone then, until users come back; the next pass writes what comes of it.
    """
    settings = loaded(settings_path, quiet=True)
    tenant_id = _tenant(settings, settings_path, id_)
    with _unavailable_told():
        looked = Store.look(settings.state.database)
        if looked is not None:
            looked.close()
            store = Store.open(settings.state.database, timedelta(seconds=settings.state.keep))
            done = store.release(settings.sharepoint.agent_list, tenant_id, datetime.now(UTC))
            store.close()
            if done:
                click.echo(f"Account {id_} is believed from the next pass on.")
                return
    sys.exit(tell(f"account {id_} is not under quarantine: there is nothing to release.", Exit.INCOMPLETE))


def _tenant(settings: Settings, path: Path, id_: str) -> str:
    for each in settings.accounts:
        if each.id == id_:
            return each.tenant_id
    known = ", ".join(each.id for each in settings.accounts)
    raise click.UsageError(f"There is no account {id_} in {path}. It has: {known}.")


@contextmanager
def _unavailable_told() -> Iterator[None]:
    try:
        yield
    except StateUnavailable as reason:
        sys.exit(tell(str(reason), Exit.INCOMPLETE))


def _in_words(id_: str, quarantine: Quarantine | None) -> str:
    if quarantine is None:
        return "yes"
    gone = f"{quarantine.gone:,} of {quarantine.known:,} users gone, since {quarantine.since:%Y-%m-%d %H:%M} UTC"
    if quarantine.known < quarantine.gone:
        gone = f"none of {quarantine.gone:,} names found, since {quarantine.since:%Y-%m-%d %H:%M} UTC"
    if quarantine.released is not None:
        return f"yes, by release: {gone}"
    return f"no: {gone}. If it is so: sync-agent account release {id_}"


def _document(id_: str, tenant_id: str, users: int, quarantine: Quarantine | None) -> dict[str, Any]:
    return {
        "id": id_,
        "tenant_id": tenant_id,
        "users": users,
        "quarantine": None
        if quarantine is None
        else {
            "known": quarantine.known,
            "gone": quarantine.gone,
            "since": quarantine.since,
            "released": quarantine.released,
        },
    }
