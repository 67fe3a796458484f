"""What an app proves itself by, for `sync-agent init`: where a secret is, rather than the secret itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sync_agent.cli.asking import Asker
from sync_agent.settings import Secret, SecretUnavailable
from sync_agent.settings.model import Auth
from sync_agent.settings.origin import DEFAULT_KEY, DEFAULT_KEY_VARIABLE
from sync_agent.settings.problems import Unfit
from sync_agent.settings.sealing import Unsealable, sealed
from sync_agent.setup.value import variable

_KINDS = {
    "env": "in an environment variable",
    "file": "in a file of its own",
    "keyring": "in the keyring of this machine",
    "credential": "given by systemd (LoadCredential)",
    "enc": f"in settings.yaml, encrypted with the key in {DEFAULT_KEY_VARIABLE}",
    "plain": "in settings.yaml as it is; works, and is warned of at each start",
}


@dataclass(frozen=True, slots=True)
class Credential:
    """Texts as settings have them. ``typed``: the secret, where it is known and not to be had where the settings say
    yet; ``file``: where it is to be kept, as the person wished.
    """

    client_secret: str = ""
    certificate: str = ""
    certificate_password: str = ""
    token_file: str = ""
    typed: str = ""
    file: Path | None = None


def ask_credential(asker: Asker, auth: Auth, account_id: str, folder: Path) -> Credential:
    """``folder``: of the settings file, from which relative paths start."""
    match auth:
        case "client_secret":
            return _client_secret(asker, account_id, folder)
        case "certificate":
            question = "File with the certificate and its key (PEM or PFX)"
            path = asker.checked("certificate", question, lambda text: placed(text, folder))
            password = ""
            if asker.has("certificate-password") or asker.agrees("Has it a password?", default=False):
                question = "Where is the password, such as ${env:PFX_PASSWORD} or ${file:password}"
                password = asker.checked("certificate-password", question, lambda text: _reference(text, folder))
            return Credential(certificate=path, certificate_password=password)
        case "workload_identity" if asker.has("token-file"):
            return Credential(token_file=asker.checked("token-file", "", lambda text: placed(text, folder)))
        case _:
            return Credential()


def placed(text: str, folder: Path) -> str:
    """The path of a file, as the settings have it: whole, where it is here and not beside them. Raises Unfit."""
    text = text.strip()
    if not text:
        raise Unfit("the path of a file")
    if not (folder / text).exists() and Path(text).exists():
        return str(Path(text).absolute())
    return text


def _client_secret(asker: Asker, account_id: str, folder: Path) -> Credential:
    if asker.has("client-secret"):
        return _tried(asker, asker.checked("client-secret", "", lambda text: _reference(text, folder)), folder)
    kind = asker.pick("", "Where is, or should be, the client secret", _KINDS, "env")
    match kind:
        case "env":
            name = asker.checked("", "Environment variable", str.strip, variable(account_id))
        case "file":
            name = asker.checked("", "File", lambda text: placed(text, folder), f"secrets/{account_id}")
        case "keyring":
            name = asker.checked("", "Service and name in the keyring", str.strip, f"sync-agent/{account_id}")
        case "credential":
            name = asker.checked("", "Name of the credential", str.strip, account_id)
        case _:
            return _kept_here(asker, account_id, folder, encrypted=kind == "enc")
    try:
        return _tried(asker, _reference(f"${{{kind}:{name}}}", folder), folder)
    except Unfit as unfit:
        asker.refuse(unfit)
        return _client_secret(asker, account_id, folder)


def _kept_here(asker: Asker, account_id: str, folder: Path, *, encrypted: bool) -> Credential:
    if encrypted and not os.environ.get(DEFAULT_KEY_VARIABLE):
        asker.say(f"  There is no key in {DEFAULT_KEY_VARIABLE}: `sync-agent secret new-key` makes one.")
        return _client_secret(asker, account_id, folder)
    secret = asker.hidden("The client secret (it is not shown)")
    if not secret:
        return _client_secret(asker, account_id, folder)
    if not encrypted:
        return Credential(client_secret=secret)
    try:
        return Credential(client_secret=sealed(secret, os.environ[DEFAULT_KEY_VARIABLE]))
    except Unsealable as why:
        asker.say(f"  {DEFAULT_KEY_VARIABLE}: {why}.")
        return _client_secret(asker, account_id, folder)


def _tried(asker: Asker, written: str, folder: Path) -> Credential:
    """With the secret itself, where it is not to be had yet and somebody knows it."""
    try:
        Secret(written, folder=folder, key=DEFAULT_KEY).reveal()
        return Credential(client_secret=written)
    except SecretUnavailable as why:
        if not asker.terminal:
            return Credential(client_secret=written)
        asker.say(f"  Not yet: {why}.")
    typed = asker.hidden("The client secret, to try it now; it is not shown or kept (Enter: leave it untried)")
    file: Path | None = None
    if typed and written.startswith("${file:"):
        path = folder / written[7:-1].strip()
        if asker.agrees(f"Put it into {path}, for its owner alone, at the end?", default=True):
            file = path
    return Credential(client_secret=written, typed=typed, file=file)


def _reference(text: str, folder: Path) -> str:
    """What refers to a secret, or is encrypted. Raises Unfit for a secret itself: others see the command line."""
    expected = "${env:NAME}, ${file:/path}, ${credential:name}, ${keyring:service/name} or enc:…"
    try:
        secret = TypeAdapter(Secret).validate_python(text.strip())
    except ValidationError:
        raise Unfit(expected) from None
    if secret.is_plain:
        raise Unfit(expected, "a secret itself is not taken here")
    return secret.written
