"""An error of the edges as `sync-agent check` observes it."""

from __future__ import annotations

import re

from sync_agent.check.observed import Trouble
from sync_agent.microsoft365.errors import Garbled, NotFound, Refused, ServiceError, Throttled, Unreachable

_REACHING = re.compile(r"^.+? could not be reached: ")
_IN_BRACKETS = re.compile(r"\(([^()]+)\)")


def trouble_of(error: ServiceError) -> Trouble:
    match error:
        case Unreachable(kind=kind):
            return Trouble(kind or "other", _why(kind, _REACHING.sub("", error.reason)))
        case Throttled():
            return Trouble("throttled", error.reason.rstrip("."))
        case NotFound():
            return Trouble("absent", _told(error), error.status)
        case Refused() if error.status in {401, 403}:
            return Trouble("refused", _told(error), error.status)
        case Refused():
            return Trouble("other", _told(error), error.status)
        case Garbled(status=status) if status >= 500:
            return Trouble("service_failing", error.reason.rstrip("."), status)
        case Garbled():
            return Trouble("not_microsofts", _told(error), error.status)
        case _:
            return Trouble("other", _told(error))


def _told(error: ServiceError) -> str:
    return error.told.rstrip(".")


def _why(kind: str, words: str) -> str:
    """Of what is wrong with TLS only the library's own words: the rest is the table's."""
    found = _IN_BRACKETS.search(words) if kind.startswith("tls_") else None
    return found[1] if found else words


ABSENT = Trouble("absent", "it is not there", 404)
