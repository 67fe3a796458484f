"""`sync-agent secret`: values for settings.yaml that only a key opens, so that the file can be committed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from sync_agent.settings import Secret, SecretUnavailable, written_key
from sync_agent.settings.sealing import Unsealable, new_key, sealed


@click.group()
def secret() -> None:
    """Secrets that may stand in settings.yaml, encrypted. Nothing secret is taken from the command line."""


@secret.command("new-key")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to put it, for its owner alone, instead of on stdout. A file that exists is left alone.",
)
def new_key_(path: Path | None) -> None:
    """Make a key. Keep it apart from settings.yaml: in the environment, a file or the keyring."""
    key = new_key()
    if path is None:
        click.echo(key)
        return
    try:
        _keep(path, key)
    except FileExistsError:
        raise click.UsageError(f"{path} exists already, and what it opens would be lost; remove it first.") from None
    click.echo(f"Written: {path}. Name it in settings.yaml: secrets: {{key: ${{file:{path}}}}}", err=True)


@secret.command()
@click.pass_obj
def encrypt(settings_path: Path) -> None:
    """Encrypt a secret, typed at the terminal or piped in, with the key that secrets.key of the settings names.

    Put what is printed in the secret's place in settings.yaml.
    """
    try:
        key = _key(settings_path).reveal()
    except SecretUnavailable as missing:
        todo = "Make one by `sync-agent secret new-key`, and put it where secrets.key says (left out: $SYNC_AGENT_KEY)"
        raise click.UsageError(f"{missing}. {todo}.") from None
    try:
        sealed("", key)  # a key that is none is told before anybody types a secret
        value = _typed()
        click.echo(sealed(value, key))
    except Unsealable as why:
        raise click.UsageError(f"secrets.key: {why}.") from None


def _key(settings_path: Path) -> Secret:
    """As it is written there, be the rest of the file right or not. Raises SettingsError where it is no YAML."""
    return written_key(settings_path if settings_path.exists() else None)


def _typed() -> str:
    """Without the line end of a pipe."""
    if sys.stdin.isatty():
        return str(click.prompt("Secret (it is not shown)", hide_input=True, err=True))
    value = sys.stdin.read().rstrip("\r\n")
    if not value:
        raise click.UsageError("Nothing came in; pipe the secret in, or type it at a terminal.")
    return value


def _keep(path: Path, key: str) -> None:
    """Readable by its owner only, from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{key}\n")
