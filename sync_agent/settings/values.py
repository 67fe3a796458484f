"""Values as people write them in settings: durations, percentages, secrets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler
from pydantic_core import core_schema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: Any) -> Any:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", str(value).strip())
    if found is None:
        hint = f"; did you mean {value}s?" if re.fullmatch(r"\d+(\.\d+)?", str(value)) else ""
        raise ValueError(f"expected a duration such as 500ms, 2s, 15m, 1h or 1d{hint}")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds <= 0:
        raise ValueError("expected a duration above zero")
    return seconds


def _share(value: Any) -> Any:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", str(value).strip())
    if found is None or not 0 < float(found[1]) <= 100:
        hint = f"; did you mean {float(value):.0%}?" if re.fullmatch(r"0?\.\d+", str(value)) else ""
        raise ValueError(f"expected a percentage above 0% and up to 100%, such as 30%{hint}")
    return float(found[1]) / 100


Seconds = Annotated[float, BeforeValidator(_seconds)]
"""Written as 500ms, 2s, 15m, 1h or 1d."""

Share = Annotated[float, BeforeValidator(_share)]
"""Written as 30%; 0.3 in the program."""


class SecretUnavailable(Exception):
    """The sentence says which reference cannot be resolved, never a value."""


class Secret:
    """A secret as the settings refer to it, resolved at the moment it is needed and never shown.

    ``${env:NAME}``, ``${file:/path}``, ``${credential:name}`` (systemd's), ``${keyring:service/name}``, or the text itself.
    """

    __slots__ = ("_folder", "_where", "_written")

    def __init__(self, written: str, where: str = "", folder: Path = Path()) -> None:
        self._written = written
        self._where = where
        self._folder = folder

    @property
    def is_plain(self) -> bool:
        """Whether the secret itself stands in the settings."""
        return _REFERENCE.fullmatch(self._written) is None

    def placed(self, where: str, folder: Path) -> Secret:
        """The same with the name of its setting, for messages, and the folder that relative paths start from."""
        return Secret(self._written, where, folder)

    def reveal(self) -> str:
        """Raises SecretUnavailable."""
        found = _REFERENCE.fullmatch(self._written)
        if found is None:
            return self._written
        value = _RESOLVERS[found[1]](self, found[2])
        if not value:
            raise SecretUnavailable(f"{self._where}: {self._written} is empty")
        return value

    def _from_environment(self, name: str) -> str:
        if name not in os.environ:
            raise SecretUnavailable(f"{self._where}: the environment variable {name} is not set")
        return os.environ[name]

    def _from_file(self, name: str) -> str:
        path = self._folder / name
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise SecretUnavailable(f"{self._where}: the file {path} cannot be read: {why}") from error

    def _from_credential(self, name: str) -> str:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            raise SecretUnavailable(
                f"{self._where}: systemd gave no credentials; set LoadCredential={name}:… in the unit and start it there"
            )
        return self._from_file(str(Path(folder) / name))

    def _from_keyring(self, name: str) -> str:
        try:
            import keyring
        except ImportError as error:
            raise SecretUnavailable(
                f"{self._where}: ${{keyring:…}} needs the package keyring: pip install keyring"
            ) from error
        service, _, user = name.partition("/")
        value = keyring.get_password(service, user)
        if value is None:
            raise SecretUnavailable(f"{self._where}: the keyring has no password of {user} for {service}")
        return str(value)

    def __repr__(self) -> str:
        return "Secret(plain text)" if self.is_plain else f"Secret({self._written})"

    __str__ = __repr__

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._validated)

    @classmethod
    def _validated(cls, value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str) or not value:
            raise ValueError("expected a secret, best as ${env:NAME} or ${file:/path}")
        if value.startswith("${") and _REFERENCE.fullmatch(value) is None:
            raise ValueError("expected ${env:NAME}, ${file:/path}, ${credential:name} or ${keyring:service/name}")
        return cls(value)


_REFERENCE = re.compile(r"\$\{(env|file|credential|keyring):([^}]+)\}")
_RESOLVERS = {
    "env": Secret._from_environment,
    "file": Secret._from_file,
    "credential": Secret._from_credential,
    "keyring": Secret._from_keyring,
}
