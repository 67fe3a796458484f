"""One msal token cache an account: of a person on disk, so that a device sign-in survives a restart, else in memory.

On disk it is encrypted where the platform can (DPAPI, Keychain, libsecret) or a key is there, else a file that only its
owner reads. Kept apart from any other cache: removing it means that people must sign in again. All of it blocks.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import msal
import msal_extensions
import structlog
from msal_extensions.persistence import PersistenceDecryptionError, PersistenceError, PersistenceNotFound

from sync_agent.microsoft365.sealed_file import SealedFile
from sync_agent.settings import Secret
from sync_agent.settings.sealing import is_sealed

_log = structlog.get_logger()

DISK_TROUBLE = (OSError, msal_extensions.LockError)
"""What msal's questions raise, besides errors of the network, when tokens cannot be read or kept."""
_STALE_LOCK = 30.0
"""Seconds. A lock is held for milliseconds; one this old was left behind by a process that was killed."""


class TokenCache:
    """The cache of one account; in memory only without a folder, and, with a warning, where that cannot be used."""

    def __init__(self, folder: Path | None, account_id: str, key: Secret | None = None) -> None:
        """``key``: what encrypts it where the platform does not."""
        self._account_id = account_id
        self._key = key
        self._path = None if folder is None else folder / file_name(account_id)
        self._opened: Any = None

    @property
    def opened(self) -> Any:
        """What msal takes as ``token_cache``; opened at the first use, since an encrypted store may ask the desktop.

        Raises SecretUnavailable where the key cannot be had.
        """
        if self._opened is None:
            try:
                self._opened = msal.SerializableTokenCache() if self._path is None else self._open(self._path)
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

    def _open(self, path: Path) -> Any:
        folder = path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_stale_lock(path)
        persistence, how = _persistence(path, self._key)
        if path.exists():
            path.chmod(0o600)
            self._set_aside_if_broken(path, persistence)
        tempfile.TemporaryFile(dir=folder).close()  # a read-only folder is better told now than at the first token
        _say_how_kept(folder, how)
        return msal_extensions.PersistedTokenCache(persistence)

    def _set_aside_if_broken(self, path: Path, persistence: Any) -> None:
        try:
            content = persistence.load()
            if _is_cache(content):
                if isinstance(persistence, SealedFile) and not _is_sealed(path):
                    persistence.save(content)  # from before there was a key: not to lie open until the next token
                return
            reason = "it is damaged"
        except PersistenceNotFound:
            return
        except PersistenceDecryptionError as error:
            reason = f"it cannot be opened: {error.strerror or 'the platform refuses'}"
        except (ValueError, PersistenceError):
            reason = "it is encrypted, and there is no secrets.key" if _is_sealed(path) else "it is damaged"
        aside = path.with_suffix(".broken")
        path.replace(aside)
        told = {"reason": reason, "effect": "people who signed in by device code sign in again"}
        _log.warning("token_cache_broken", account=self._account_id, set_aside=str(aside), **told)

    def _warn(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error)
        effect = "tokens are kept in memory only: after a restart people sign in again"
        _log.warning("tokens_not_kept", account=self._account_id, file=str(self._path), reason=reason, effect=effect)


class CopiedTokenCache(TokenCache):
    """In memory only, for who must leave no trace: a person's sign-in as it is kept on disk, but without its access
    tokens, so that it has to be good for another one.
    """

    @property
    def opened(self) -> Any:
        if self._opened is None:
            self._opened = msal.SerializableTokenCache()
            if self._path is not None and self._path.is_file():
                self._copy(self._path)
        return self._opened

    def leave_disk(self, error: Exception) -> None:
        """It never was there."""

    def _copy(self, path: Path) -> None:
        try:
            kept = _persistence(path, self._key)[0].load()
            sound = _is_cache(kept)
        except (PersistenceError, OSError, ValueError):
            return  # a broken one is as good as none: whoever runs the service is told so by its log
        if kept and sound:
            self._opened.deserialize(json.dumps({**json.loads(kept), "AccessToken": {}}))


def file_name(account_id: str) -> str:
    """Readable, safe on every file system, and different for different ids, whatever is in them."""
    plain = re.sub(r"[^a-z0-9.]+", "-", account_id.lower()).strip(".-")[:80]
    return f"{plain or 'account'}-{hashlib.sha256(account_id.encode()).hexdigest()[:8]}.bin"


def _remove_stale_lock(path: Path) -> None:
    lock = path.with_name(f"{path.name}.lockfile")
    if lock.exists() and time.time() - lock.stat().st_mtime > _STALE_LOCK:
        lock.unlink(missing_ok=True)


def _persistence(path: Path, key: Secret | None) -> tuple[Any, str]:
    """And how it keeps tokens. Chosen openly: a bare Linux server has no secret service; then a key encrypts, and
    without one the file's mode is the protection.
    """
    try:
        return msal_extensions.build_encrypted_persistence(str(path)), "encrypted by the platform"
    except Exception:  # whatever libsecret, D-Bus or their bindings raise: none of it may stop a service
        if key is None:
            return msal_extensions.FilePersistence(str(path)), "in files of mode 0600"
        return SealedFile(path, key), "encrypted with secrets.key"


def _is_sealed(path: Path) -> bool:
    try:
        return is_sealed(path.read_text(encoding="ascii"))
    except (OSError, UnicodeError):
        return False


def _is_cache(text: str) -> bool:
    if not text:
        return True
    content = json.loads(text)
    return isinstance(content, dict) and all(
        isinstance(entries, dict) and all(isinstance(entry, dict) for entry in entries.values())
        for entries in content.values()
    )


@functools.cache
def _say_how_kept(folder: Path, how: str) -> None:
    _log.info("tokens_kept", folder=str(folder), how=how)
