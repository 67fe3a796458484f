"""One canned answer to every question, by HTTP/1.1 or HTTP/2 as the client likes: an application for hypercorn, which
bench/peers.py installs. The file with the answer is named by the environment.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ANSWER = "BENCH_ANSWER"
_HEADERS = [(b"content-type", b"application/json")]
_answer = Path(os.environ[ANSWER]).read_bytes() if ANSWER in os.environ else b""


async def app(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [*_HEADERS, (b"content-length", str(len(_answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _answer})
