"""One msal token cache an account, kept on disk so that a device sign-in survives a restart.

Encrypted where the platform can (DPAPI, Keychain, libsecret), else a file that only its owner reads. Kept apart from any
other cache: removing it means that people must sign in again.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import msal
import msal_extensions
import structlog

_log = structlog.get_logger()


def open_cache(folder: Path, account_id: str) -> msal.SerializableTokenCache:
    """The account's cache; in memory only, with a warning, where the folder cannot be used. A broken file is set aside."""
    path = folder / f"{_file_name(account_id)}.bin"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / ".writable"
        probe.touch(mode=0o600)
        probe.unlink()
        persistence = _persistence(path)
        _set_aside_if_broken(path, persistence)
    except OSError as error:
        _log.warning("tokens_not_kept", account=account_id, folder=str(folder), reason=error.strerror or str(error))
        return msal.SerializableTokenCache()
    _log.debug("token_cache", account=account_id, encrypted=persistence.is_encrypted, path=str(path))
    return msal_extensions.PersistedTokenCache(persistence)


def _persistence(path: Path) -> Any:
    try:
        return msal_extensions.build_encrypted_persistence(str(path))
    except (ImportError, RuntimeError, msal_extensions.PersistenceError):
        # A bare Linux server has no secret service; the file's mode is then the protection.
        return msal_extensions.FilePersistence(str(path))


def _set_aside_if_broken(path: Path, persistence: Any) -> None:
    if not path.exists():
        return
    try:
        msal.SerializableTokenCache().deserialize(persistence.load())
    except (ValueError, UnicodeError, AttributeError, msal_extensions.PersistenceError):
        aside = path.with_suffix(".broken")
        path.replace(aside)
        _log.warning("token_cache_broken", set_aside=str(aside), effect="people signed in by device code sign in again")


def _file_name(account_id: str) -> str:
    """Readable, and different for different ids whatever they are made of."""
    plain = re.sub(r"[^A-Za-z0-9.-]", "_", account_id).strip(".")
    if plain == account_id:
        return plain
    return f"{plain[:80]}-{hashlib.sha256(account_id.encode()).hexdigest()[:8]}"
