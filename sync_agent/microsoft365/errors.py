"""What a service or the network did to us. Errors of httpx, aiohttp, msal, office365 and requests stop in this folder.

ServiceError
├─ Unreachable           no answer: connection, TLS, time-out, proxy
├─ Throttled             still 429 or 503 after all tries
├─ Refused               an answer that repeating will not change
│  ├─ NotFound           404
│  └─ Overtaken          412, or 409 with a save conflict: somebody was faster
├─ Garbled               an answer that is not what was asked for: HTML, cut-off JSON, 5xx after all tries
└─ SignInFailed          no token
   └─ SignInPending      device code: waits for a person
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from sync_agent.microsoft365.transport import Answer

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""How msgspec fails on bytes that are not JSON, not text, or nested beyond all measure."""
_CONFLICT = 409
_SAVE_CONFLICTS = ("-2130575305", "resourceModified", "nameAlreadyLocked")


class ServiceError(Exception):
    """``reason`` is one sentence for the operator, the same for the same trouble; ``request_id`` is what Microsoft's
    support asks for.
    """

    def __init__(self, reason: str, *, request_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.request_id = request_id

    @property
    def told(self) -> str:
        """The reason with what Microsoft's support asks for."""
        return f"{self.reason}, request {self.request_id}" if self.request_id else self.reason


class Unreachable(ServiceError):
    """``kind``: which part of the way failed, where that is known: "host_unknown", "tls_expired" and the like, as
    lost.py tells them apart.
    """

    def __init__(self, reason: str, *, kind: str = "", request_id: str | None = None) -> None:
        super().__init__(reason, request_id=request_id)
        self.kind = kind


class Throttled(ServiceError):
    """``retry_after``: seconds the service asked for, None where it named none."""

    def __init__(self, reason: str, *, retry_after: float | None = None, request_id: str | None = None) -> None:
        super().__init__(reason, request_id=request_id)
        self.retry_after = retry_after


class Refused(ServiceError):
    """``code`` and ``message`` as the service gave them."""

    def __init__(self, reason: str, *, status: int, code: str, message: str, request_id: str | None = None) -> None:
        super().__init__(reason, request_id=request_id)
        self.status = status
        self.code = code
        self.message = message


class NotFound(Refused):
    pass


class Overtaken(Refused):
    pass


class Garbled(ServiceError):
    """``status``: of the answer, where that is what is wrong with it (3xx, 5xx)."""

    def __init__(self, reason: str, *, status: int = 0, request_id: str | None = None) -> None:
        super().__init__(reason, request_id=request_id)
        self.status = status


class SignInFailed(ServiceError):
    """``aadsts``: Entra's error number, where it gave one."""

    def __init__(self, reason: str, *, aadsts: int | None = None, request_id: str | None = None) -> None:
        super().__init__(reason, request_id=request_id)
        self.aadsts = aadsts


class SignInPending(SignInFailed):
    pass


def refusal(answer: Answer, doing: str) -> ServiceError:
    """The error that an unwanted answer is; ``doing`` completes "… was refused", as in "Reading the list"."""
    return refusal_of(answer.status, answer.body, doing, answer.request_id)


def refusal_of(status: int, body: bytes, doing: str, request_id: str | None = None) -> ServiceError:
    """The same for a part of a batch, which has no headers of its own to speak of."""
    code, message = error_in(body)
    said = f"{code}: {message}" if code and message else code or message or "no explanation given"
    reason = f"{doing} was refused: {status}, {said}"
    if (status == _CONFLICT and code.startswith(_SAVE_CONFLICTS)) or status == 412:
        return Overtaken(reason, status=status, code=code, message=message, request_id=request_id)
    if status == 404:
        return NotFound(reason, status=status, code=code, message=message, request_id=request_id)
    if 400 <= status < 500:
        return Refused(reason, status=status, code=code, message=message, request_id=request_id)
    return Garbled(f"{doing} failed: the service answered {status}, {said}", status=status, request_id=request_id)


def error_in(body: bytes) -> tuple[str, str]:
    """Code and message, each on one line: of Graph, of Entra, of SharePoint's light and verbose form; else ("", "")."""
    try:
        said: Any = msgspec.json.decode(body)
    except UNREADABLE:
        return "", ""
    if not isinstance(said, dict):
        return "", ""
    error = said.get("odata.error") or said.get("error")
    if isinstance(error, str):
        return _one_line(error), _one_line(said.get("error_description"))
    if not isinstance(error, dict):  # SharePoint's 401 has nothing but a description
        return "", _one_line(said.get("error_description"))
    message = error.get("message")
    if isinstance(message, dict):
        message = message.get("value")
    return _one_line(error.get("code")), _one_line(message)


def _one_line(text: object, most: int = 300) -> str:
    return " ".join(str(text or "").split())[:most].rstrip(".")
