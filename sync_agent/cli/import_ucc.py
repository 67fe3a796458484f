"""`sync-agent import-ucc`: the accounts of the presence source on premises, as accounts of this service."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sync_agent.outcome import Exit
from sync_agent.settings import CLOUDS
from sync_agent.settings.problems import Unfit
from sync_agent.settings.site_address import SiteUrl
from sync_agent.settings.values import Name
from sync_agent.setup.draft import Draft, SiteDraft
from sync_agent.setup.placing import Occupied, place
from sync_agent.setup.rendering import accounts_text, settings_text
from sync_agent.setup.ucc_accounts import Kind, Taken, take_over
from sync_agent.setup.ucc_config import LARGEST, NoSource, UccSource, read_config
from sync_agent.setup.value import fitting, in_words


@click.command("import-ucc")
@click.argument("config", type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True))
@click.option(
    "--cloud",
    default="global",
    show_default=True,
    type=click.Choice(list(CLOUDS)),
    help="Microsoft's, of the accounts.",
)
@click.option("--write", is_flag=True, help="Make a whole settings file, where --settings says, instead of printing.")
@click.option("--site", metavar="URL", help="With --write: the address of the site that holds the Agent list.")
@click.option("--list", metavar="TITLE", help="With --write: the Agent list's title or id.")
@click.option("--upn-column", metavar="NAME", help="With --write: the column with the UPNs.  [default: UPN]")
@click.option("--account", metavar="ID", help="With --write: the account that opens the site, where there are several.")
@click.option("--force", is_flag=True, help="With --write: overwrite a settings file that is there.")
@click.pass_obj
def import_ucc(
    settings_path: Path,
    /,
    config: Path,
    cloud: str,
    write: bool,
    force: bool,
    **given: str | None,
) -> None:
    """Take the accounts of <MsGraphPresenceSource> in a config.xml over, and print them as settings.

    Everything that was taken, left out, or is to be done by hand is said on stderr. Nobody is asked anything;
    `sync-agent check` proves the result.

    Exit: 0 every account was taken, 1 one was left out, 2 wrong usage, or no such source in the file.
    """
    if not write and (stray := [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]):
        raise click.UsageError(f"{', '.join(stray)}: only with --write.")
    if write and settings_path.is_dir():
        raise click.UsageError(f"{settings_path} is a folder; --settings names the file to write.")
    if write and settings_path.exists() and not force:
        raise click.UsageError(f"{settings_path} exists already; --force overwrites it, --settings names another.")
    taken = take_over(_sources(config), cloud)
    _say(taken)
    if not taken.every:
        raise click.UsageError(f"{config} holds no account that could be taken over.")
    if write:
        _write(settings_path, _draft(taken, given), force)
    else:
        click.echo(accounts_text(taken.accounts, taken.off), nl=False)
    if not taken.whole:
        sys.exit(Exit.INCOMPLETE)


def _sources(config: Path) -> list[UccSource]:
    with config.open("rb") as file:
        data = file.read(LARGEST + 1)
    try:
        return read_config(data)
    except NoSource as why:
        raise click.UsageError(f"{config} {why}") from None


def _say(taken: Taken) -> None:
    for kind in Kind:
        notes = [note.text for note in taken.notes if note.kind is kind]
        if notes:
            click.echo(f"{kind.value.capitalize()}:", err=True)
        for text in notes:
            click.echo(f"  - {text}", err=True)


def _draft(taken: Taken, given: dict[str, str | None]) -> Draft:
    if not taken.accounts:
        raise click.UsageError("Every account is disabled in config.xml, so there is none to open the site with.")
    missing = [f"--{name}" for name in ("site", "list") if not given[name]]
    ids = [each.id for each in taken.accounts]
    if len(ids) > 1 and not given["account"]:
        missing.append(f"--account (one of {', '.join(ids)})")
    if missing:
        raise click.UsageError(f"A settings file needs besides: {', '.join(missing)}.")
    chosen = given["account"] or ids[0]
    if chosen not in ids:
        raise click.UsageError(f"--account: there is no account {chosen} in use. There are: {', '.join(ids)}.")
    site = SiteDraft(
        _fitting("--site", SiteUrl, given["site"]),
        _fitting("--list", Name, given["list"]),
        chosen,
        upn=_fitting("--upn-column", Name, given["upn_column"] or "UPN"),
    )
    return Draft(site, tuple(taken.accounts), off=tuple(taken.off))


def _fitting(option: str, type_: object, value: str | None) -> str:
    try:
        return fitting(type_, value or "")
    except Unfit as unfit:
        raise click.UsageError(f"{option}: {in_words(unfit)}.") from None


def _write(path: Path, draft: Draft, force: bool) -> None:
    try:
        place(path, settings_text(draft, "`sync-agent import-ucc`"), overwrite=force)
    except Occupied:
        raise click.UsageError(f"{path} exists already; --force overwrites it.") from None
    click.echo(f"Written: {path}. Next: `sync-agent check`.", err=True)
