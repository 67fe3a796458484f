"""A file of tokens that only the operator's key opens, as msal-extensions wants it. All of it blocks."""

from __future__ import annotations

from pathlib import Path

import msal_extensions
from msal_extensions.persistence import PersistenceDecryptionError

from sync_agent.settings import Secret
from sync_agent.settings.sealing import Unsealable, is_sealed, opened, sealed


class SealedFile:
    """A file from before there was a key is read as it is, and encrypted when it is next written.

    Whatever it raises of the key's is SecretUnavailable, of the file's OSError.
    """

    is_encrypted = True

    def __init__(self, path: Path, key: Secret) -> None:
        self._file = msal_extensions.FilePersistence(str(path))
        self._key = key
        self._sealed("")  # a key that cannot be used is told before anybody enters a code

    def save(self, content: str) -> None:
        self._file.save(self._sealed(content))

    def load(self) -> str:
        text = str(self._file.load())
        if not is_sealed(text):
            return text
        try:
            return opened(text, self._key.reveal())
        except Unsealable as why:
            raise PersistenceDecryptionError(message=str(why)) from None

    def time_last_modified(self) -> float:
        return float(self._file.time_last_modified())

    def get_location(self) -> str:
        return str(self._file.get_location())

    def _sealed(self, content: str) -> str:
        try:
            return sealed(content, self._key.reveal())
        except Unsealable as why:
            raise self._key.unusable(str(why)) from None
