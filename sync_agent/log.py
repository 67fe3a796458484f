"""Logs: structlog for our own events, the libraries' logs through the same door, all on stderr.

stdout belongs to the commands' results (``sync --json`` prints one document there and nothing else).
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Collection
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# httpx writes a line a request and apscheduler two a run: at one sweep in half a second nobody could read the rest.
_LOUD = ("httpx", "httpcore", "alembic", "apscheduler", "asyncio", "urllib3", "office365", "uvicorn", "msal")
_BY_STRANGERS = "uvicorn.error"
"""Warns of each request that is none, or one too many: whoever sends them would fill the log."""
_AGAIN_AFTER = 600.0
"""Seconds."""


def configure(
    format_: Literal["console", "json"] = "console", level: str = "info", *, left_out: Collection[str] = ()
) -> None:
    """Send everything to stderr in one format; ``level`` is debug, info, warning or error.

    ``left_out``: events of ours that whoever configures tells in another way.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            _leaving_out(left_out),
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Stderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(format_)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # A reading of the list that takes longer than its interval is no fault, and the next one follows by itself.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    logging.getLogger(_BY_STRANGERS).filters = [_NowAndThen()]


class _NowAndThen(logging.Filter):
    """Lets each warning pass once in a while; errors always."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}
        """By message without its arguments, of which a library has a few."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            return True
        now, message = time.monotonic(), str(record.msg)
        if message in self._told and now - self._told[message] < _AGAIN_AFTER:
            return False
        self._told[message] = now
        return True


class _Stderr(logging.Handler):
    """Writes to what stderr is at the moment: progress bars put something in its place that writes above them."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def _leaving_out(events: Collection[str]) -> Processor:
    def leave_out(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if event["event"] in events:
            raise structlog.DropEvent
        return event

    return leave_out


def _renderer(format_: str) -> Processor:
    if format_ == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
