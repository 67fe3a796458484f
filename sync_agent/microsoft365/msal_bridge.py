"""msal on our transport: sign-ins use the same TLS, proxies, retries and request counts as everything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests

from sync_agent.microsoft365.errors import Garbled, ServiceError
from sync_agent.microsoft365.transport import Request, Transport


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What msal expects of an HTTP client's answer."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise requests.HTTPError(f"{self.status_code}")


class MsalHttp:
    """The ``http_client`` of msal. Called from worker threads only.

    A lost connection must surface as requests' ConnectionError: only then does msal, renewing early, fall back on the
    token that is still good.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, url: str, params: Mapping[str, str] | None = None, **more: Any) -> HttpAnswer:
        return self._send("GET", f"{url}?{urlencode(params)}" if params else url, None, more.get("headers"))

    def post(self, url: str, params: Mapping[str, str] | None = None, data: Any = None, **more: Any) -> HttpAnswer:
        body = data if isinstance(data, str | bytes) else urlencode(data or {})
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(more.get("headers") or {})}
        return self._send("POST", f"{url}?{urlencode(params)}" if params else url, body, headers)

    def close(self) -> None:
        """The transport is closed by whoever made it."""

    def _send(self, method: str, url: str, body: str | bytes | None, headers: Mapping[str, str] | None) -> HttpAnswer:
        encoded = body.encode() if isinstance(body, str) else body
        request = Request(method, url, headers=headers or {}, body=encoded, kind="sign-in")
        try:
            answer = self._transport.from_thread(request)
        except Garbled as error:
            return HttpAnswer(502, error.reason, {})
        except ServiceError as error:
            raise requests.ConnectionError(error.reason) from error
        return HttpAnswer(answer.status, answer.body.decode(errors="replace"), answer.headers)
