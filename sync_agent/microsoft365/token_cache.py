"""One msal token cache an account, kept on disk so that a device sign-in survives a restart.

Encrypted where the platform can (DPAPI, Keychain, libsecret), else a file that only its owner reads. Kept apart from
any other cache: removing it means that people must sign in again. All of it blocks.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msal
import msal_extensions
import structlog
from msal_extensions.persistence import PersistenceError, PersistenceNotFound

_log = structlog.get_logger()

DISK_TROUBLE = (OSError, msal_extensions.LockError)
"""What msal's questions raise, besides errors of the network, when tokens cannot be read or kept."""
_STALE_LOCK = 30.0
"""Seconds. A lock is held for milliseconds; one this old was left behind by a process that was killed."""


class TokenCache:
    """The cache of one account; in memory only, with a warning, where its folder cannot be used.

    ``credential``: what the app proves itself by. Each has a file of its own: with tokens that another credential got,
    one that was changed for a wrong one would seem right for as long as they last.
    """

    def __init__(self, folder: Path, account_id: str, credential: Callable[[], object] = str) -> None:
        self._account_id = account_id
        self._folder = folder
        self._credential = credential
        self._path = folder
        self._opened: Any = None

    @property
    def opened(self) -> Any:
        """What msal takes as ``token_cache``; opened at the first use, since an encrypted store may ask the desktop.

        Raises what ``credential`` raises.
        """
        if self._opened is None:
            self._path = self._folder / file_name(self._account_id, self._credential())
            try:
                self._opened = self._open()
            except DISK_TROUBLE as error:
                self._opened = msal.SerializableTokenCache()
                self._warn(error)
        return self._opened

    def leave_disk(self, error: Exception) -> None:
        """The disk failed under way: go on in memory with what is known."""
        known = self.opened.serialize()
        self._opened = msal.SerializableTokenCache()
        self._opened.deserialize(known)
        self._warn(error)

    def _open(self) -> Any:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._remove_those_of_other_credentials()
        self._remove_stale_lock()
        persistence = _persistence(self._path)
        if self._path.exists():
            self._path.chmod(0o600)
            self._set_aside_if_broken(persistence)
        tempfile.TemporaryFile(
            dir=self._folder
        ).close()  # a read-only folder is better told now than at the first token
        _say_how_kept(self._folder, persistence.is_encrypted)
        return msal_extensions.PersistedTokenCache(persistence)

    def _remove_those_of_other_credentials(self) -> None:
        for path in self._folder.glob(f"{Path(file_name(self._account_id)).stem}-*.bin*"):
            if not path.name.startswith(self._path.name):
                path.unlink(missing_ok=True)

    def _remove_stale_lock(self) -> None:
        lock = self._path.with_name(f"{self._path.name}.lockfile")
        if lock.exists() and time.time() - lock.stat().st_mtime > _STALE_LOCK:
            lock.unlink(missing_ok=True)

    def _set_aside_if_broken(self, persistence: Any) -> None:
        try:
            sound = _is_cache(persistence.load())
        except PersistenceNotFound:
            return
        except (ValueError, PersistenceError):
            sound = False
        if sound:
            return
        aside = self._path.with_suffix(".broken")
        self._path.replace(aside)
        effect = "people who signed in by device code sign in again"
        _log.warning("token_cache_broken", account=self._account_id, set_aside=str(aside), effect=effect)

    def _warn(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error)
        effect = "tokens are kept in memory only: after a restart people sign in again"
        _log.warning("tokens_not_kept", account=self._account_id, file=str(self._path), reason=reason, effect=effect)


def file_name(account_id: str, credential: object = "") -> str:
    """Readable, safe on every file system, and different for different ids and credentials, whatever is in them."""
    plain = re.sub(r"[^a-z0-9.]+", "-", account_id.lower()).strip(".-")[:80]
    of_credential = f"-{_digest(str(credential))}" if credential else ""
    return f"{plain or 'account'}-{_digest(account_id)}{of_credential}.bin"


def _digest(text: str) -> str:
    """Too short to lead back to a secret."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _persistence(path: Path) -> Any:
    """Chosen openly: a bare Linux server has no secret service, and the file's mode is then the protection."""
    try:
        return msal_extensions.build_encrypted_persistence(str(path))
    except Exception:  # whatever libsecret, D-Bus or their bindings raise: none of it may stop a service
        return msal_extensions.FilePersistence(str(path))


def _is_cache(text: str) -> bool:
    if not text:
        return True
    content = json.loads(text)
    return isinstance(content, dict) and all(
        isinstance(entries, dict) and all(isinstance(entry, dict) for entry in entries.values())
        for entries in content.values()
    )


@functools.cache
def _say_how_kept(folder: Path, encrypted: bool) -> None:
    how = "encrypted by the platform" if encrypted else "in files of mode 0600"
    _log.info("tokens_kept", folder=str(folder), how=how)
