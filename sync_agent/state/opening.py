"""A database that is opened when it is needed, and again whenever what was opened is gone: its folder may be removed,
its disk full, its server away, for hours, while the service goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from sync_agent.state.database import (
    NewerVersion,
    StateUnavailable,
    StateUnfit,
    database_file,
    is_damage,
    open_database,
)
from sync_agent.state.set_aside import set_aside

_log = structlog.get_logger()

_Identity = tuple[int, int]


class Opening:
    """The engine of one database, for several threads.

    ``sets_aside``: a file that is damaged, or of a newer version, is moved out of the way for a new one, and that is
    logged. A server is never touched.
    """

    def __init__(self, url: str, open_: Callable[[str], Engine] = open_database, *, sets_aside: bool = False) -> None:
        self._url = url
        self._open_url = open_
        self._file = database_file(url)
        self._sets_aside = sets_aside
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._opened: _Identity | None = None
        self._damage: StateUnfit | None = None
        """What was found wrong with the file while it was in use."""
        self._ending = self._away = False

    @property
    def is_shared(self) -> bool:
        """Whether it is a server's, that other machines may reach."""
        return not self._url.startswith("sqlite")

    def engine(self) -> Engine:
        """Raises StateUnavailable."""
        with self._lock:
            if self._ending and self._away:
                raise StateUnavailable(
                    "state.database: it could not be used a moment ago, and is not waited for again."
                )
            if self._engine is not None and (self._damage is not None or _identity(self._file) != self._opened):
                self._dispose()
            if self._engine is None:
                try:
                    self._engine = self._open()
                except StateUnavailable:
                    self._away = self._ending
                    raise
            return self._engine

    def begin_to_end(self) -> None:
        """From now on it is waited for once, where it is locked or away: whoever ends has no time for more."""
        self._ending = True

    def close(self) -> None:
        with self._lock:
            self._dispose()

    def _dispose(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _open(self) -> Engine:
        found = self._opened if self._damage is not None else _identity(self._file)
        try:
            if self._damage is not None:
                raise self._damage
            engine = self._open_url(self._url)
        except StateUnfit as unfit:
            if self._file is None or not self._sets_aside:
                raise
            self._set_aside(self._file, found, unfit)
            engine = self._open_url(self._url)
        self._opened = _identity(self._file)
        event.listen(engine, "handle_error", self._note_failure)
        return engine

    def _note_failure(self, context: Any) -> None:
        self._away = self._away or (self._ending and isinstance(context.sqlalchemy_exception, OperationalError))
        if self._sets_aside and is_damage(context.original_exception):
            self._damage = StateUnfit(f"state.database: {self._file} is damaged: {context.original_exception}.", "")

    def _set_aside(self, file: Path, found: _Identity | None, unfit: StateUnfit) -> None:
        """Unless another process has put a new one in its place already. Raises StateUnavailable."""
        self._damage = None
        if _identity(file) != found:
            return
        try:
            kept = set_aside(file, datetime.now(UTC))
        except OSError as error:
            raise StateUnavailable(f"{unfit.fault} It could not be moved out of the way: {error.strerror}.") from error
        remedy = (
            f"to have that history back, stop the service, rename {kept.name} to {file.name}, use the newer version"
            if isinstance(unfit, NewerVersion)
            else f"nothing, the list is as it was; remove {kept.name} once nobody wants to look into it"
        )
        _log.warning(
            "state_set_aside", reason=unfit.fault, kept_as=str(kept), effect="a new history begins", what_to_do=remedy
        )


def _identity(file: Path | None) -> _Identity | None:
    """Which file it is that has the name now; None where there is none, or it is no file of ours to look at."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
