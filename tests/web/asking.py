"""What the tests of pages share."""

from __future__ import annotations

import urllib.error
import urllib.request


def asked(port: int, path: str, method: str = "GET") -> tuple[int, str, dict[str, str]]:
    """Status, text and headers (names in lower case); no proxy is between. Raises OSError where nobody listens."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return answer.status, answer.read().decode(), _lower(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), _lower(error.headers)


def _lower(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}  # type: ignore[attr-defined]
