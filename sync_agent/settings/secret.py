"""A secret as settings refer to it: where it is looked up, and that it is never shown."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
from pathlib import Path
from typing import Any, NoReturn, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from sync_agent.settings.origin import DEFAULT_KEY, origin_of
from sync_agent.settings.problems import SecretUnavailable, Unfit
from sync_agent.settings.sealing import PREFIX, Unsealable, is_sealed, opened


class Secret:
    """Resolved at the moment it is needed, so that a renewed one is taken up without a restart.

    Written as ``${env:NAME}``, ``${file:/path}``, ``${credential:name}`` (systemd's), ``${keyring:service/name}``, as
    ``enc:…``, which a key opens, or as the text itself.
    """

    __slots__ = ("_folder", "_key", "_where", "_written")

    def __init__(self, written: str, where: str = "", folder: Path = Path(), key: str = DEFAULT_KEY) -> None:
        """``key``: what is written at secrets.key."""
        self._written = written
        self._where = where
        self._folder = folder
        self._key = key

    @property
    def is_plain(self) -> bool:
        """Whether the secret itself stands in the settings."""
        return _REFERENCE.fullmatch(self._written) is None and not is_sealed(self._written)

    @property
    def written(self) -> str:
        """As it stands in the settings: the secret itself where ``is_plain``."""
        return self._written

    @property
    def where(self) -> str:
        """The name of its setting."""
        return self._where

    def named(self, where: str) -> Secret:
        """The same with the name of its setting, for messages."""
        return Secret(self._written, where, self._folder, self._key)

    def reveal(self) -> str:
        """Raises SecretUnavailable."""
        found = _REFERENCE.fullmatch(self._written)
        if found is None:
            return self._written if self.is_plain else self._unsealed()
        value = _RESOLVERS[found["kind"]](self, found["name"].strip())
        if not value:
            raise self._unavailable(f"{self._written} is empty")
        return value

    def _unsealed(self) -> str:
        try:
            return opened(self._written, Secret(self._key, "secrets.key", self._folder).reveal())
        except SecretUnavailable as missing:
            why = f"it is encrypted, and its key cannot be had: {missing}"
        except Unsealable as refused:
            why = f"it is encrypted, and cannot be opened: {refused}"
        raise self._unavailable(why)

    def _from_environment(self, name: str) -> str:
        if name not in os.environ:
            raise self._unavailable(f"the environment variable {name} is not set")
        return os.environ[name]

    def _from_file(self, name: str) -> str:
        path = self._folder / name
        # Raised after the handler: a decoding error carries the file's content.
        try:
            return path.read_text(encoding="utf-8-sig").rstrip("\r\n")
        except OSError as error:
            why = error.strerror
        except UnicodeError:
            why = "it is not text"
        raise self._unavailable(f"the file {path} cannot be read: {why}")

    def _from_credential(self, name: str) -> str:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if folder is None:
            raise self._unavailable(
                f"systemd gave no credentials; add LoadCredential={name}:/path/of/it to the unit, and start the unit"
            )
        return self._from_file(str(Path(folder) / name))

    def _from_keyring(self, name: str) -> str:
        service, _, user = name.partition("/")
        try:
            keyring = importlib.import_module("keyring")
        except ImportError:
            raise self._unavailable(
                f"{self._written} needs the package keyring; install it: pip install keyring"
            ) from None
        try:
            value = keyring.get_password(service, user)
        except keyring.errors.KeyringError as error:
            # Its text speaks of backends, not of values; only its type is passed on all the same.
            raise self._unavailable(f"the keyring cannot be opened ({type(error).__name__})") from None
        if value is None:
            raise self._unavailable(f"the keyring has no password of {user} for {service}")
        return str(value)

    def unusable(self, why: str) -> SecretUnavailable:
        """It could be had, and is not what it is needed for."""
        return self._unavailable(why)

    def _unavailable(self, why: str) -> SecretUnavailable:
        return SecretUnavailable(self._where, why)

    def __repr__(self) -> str:
        """Of an encrypted one a mark, which tells it from others and shows nothing of it."""
        if is_sealed(self._written):
            return f"Secret(enc:{hashlib.sha256(self._written.encode()).hexdigest()[:8]})"
        return "Secret(plain text)" if self.is_plain else f"Secret({self._written})"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return format(repr(self), specification)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: it would be written down")

    def __getstate__(self) -> NoReturn:
        self.__reduce__()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._validated, serialization=core_schema.plain_serializer_function_ser_schema(repr)
        )

    @classmethod
    def _validated(cls, value: Any, info: core_schema.ValidationInfo) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str) or not value:
            raise Unfit(_WAYS)
        if "${" in value and _REFERENCE.fullmatch(value) is None:
            raise Unfit(_WAYS, "a reference has one of these forms, and stands alone")
        if value.startswith(PREFIX) and not is_sealed(value):
            raise Unfit(_WAYS, "what begins with enc: must be what `sync-agent secret encrypt` printed, all of it")
        origin = origin_of(info)
        return cls(value, folder=origin.folder, key=origin.key)


_WAYS = "${env:NAME}, ${file:/path}, ${credential:name}, ${keyring:service/name} or enc:…"
_REFERENCE = re.compile(
    r"\$\{(?P<kind>env|file|credential|keyring):(?P<name>"
    r"(?<=env:)[^}=]+|(?<=file:)[^}]+|(?<=credential:)[^}/]+|(?<=keyring:)[^}/]+/[^}]+)\}"
)
_RESOLVERS = {
    "env": Secret._from_environment,
    "file": Secret._from_file,
    "credential": Secret._from_credential,
    "keyring": Secret._from_keyring,
}
