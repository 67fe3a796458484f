"""Graph's getPresencesByUserId and nothing else, in a process of its own, as cheap as can be: so that 150,000 users can
be swept on a machine that must carry both sides.

It knows no tokens, and counts for each of them what comes in any 30 s. Presences are in another order in each answer.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import orjson
import trustme

_LIMIT, _WINDOW = 1_500, 30.0
_STATES = (("Available", "Available"), ("Busy", "InACall"), ("Away", "Away"), ("Offline", "Offline"))
_TICK = 0.1


def ids(count: int) -> list[str]:
    return [f"00000000-0000-4000-8000-{number:012}" for number in range(count)]


class Served:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        self.url: str = facts["url"]
        self.ca_bundle = Path(facts["ca_bundle"])
        self._process = process

    def counted(self) -> dict[str, int]:
        """Requests since the last call, and how many of them were throttled."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("count\n")
        self._process.stdin.flush()
        return cast("dict[str, int]", json.loads(self._process.stdout.readline()))


@contextmanager
def canned(folder: Path, users: int, changes: float) -> Iterator[Served]:
    """``changes``: presences that change in a second."""
    command = [sys.executable, "-m", "bench.canned", str(folder), str(users), str(changes)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Served(process)
    finally:
        process.communicate(timeout=10)


class _People:
    def __init__(self, count: int) -> None:
        self._ids = ids(count)
        self._owed = 0.0
        self.written = {id_: _written(id_, 0) for id_ in self._ids}

    def change(self, number: float) -> None:
        self._owed += number
        while self._owed >= 1:
            self._owed -= 1
            id_ = random.choice(self._ids)
            self.written[id_] = _written(id_, random.randrange(len(_STATES)))


def _written(id_: str, state: int) -> bytes:
    availability, activity = _STATES[state]
    return orjson.dumps(
        {
            "id": id_,
            "availability": availability,
            "activity": activity,
            "statusMessage": None,
            "sequenceNumber": "A0636853",
            "outOfOfficeSettings": {"message": None, "isOutOfOffice": False},
            "workLocation": None,
        }
    )


class _Limits:
    def __init__(self) -> None:
        self._heard: dict[bytes, deque[float]] = {}
        self.counted: Counter[str] = Counter()

    def is_within(self, token: bytes) -> bool:
        now, heard = time.monotonic(), self._heard.setdefault(token, deque())
        while heard and heard[0] <= now - _WINDOW:
            heard.popleft()
        heard.append(now)
        self.counted["requests"] += 1
        self.counted["throttled"] += len(heard) > _LIMIT
        return len(heard) <= _LIMIT


class _Connection(asyncio.Protocol):
    def __init__(self, people: _People, limits: _Limits) -> None:
        self._people, self._limits = people, limits
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(self._data) < end + 4 + size:
                return
            body, self._data = self._data[end + 4 : end + 4 + size], self._data[end + 4 + size :]
            token = head.partition(b"authorization:")[2].split(b"\r\n")[0]
            self._answer(body if self._limits.is_within(token) else None)

    def _answer(self, body: bytes | None) -> None:
        if body is None:
            self._transport.write(b"HTTP/1.1 429 Too Many\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n")
            return
        asked = orjson.loads(body)["ids"]
        turn = random.randrange(len(asked))
        written = self._people.written
        made = b'{"value":[%b]}' % b",".join([written[id_] for id_ in (*asked[turn:], *asked[:turn])])
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(made) + made
        )


async def _serve(folder: Path, users: int, changes: float) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "canned-ca.pem"))
    people, limits, loop = _People(users), _Limits(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(people, limits), "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(json.dumps({"url": url, "ca_bundle": str(folder / "canned-ca.pem")}), flush=True)
    asked = loop.run_in_executor(None, _count_when_asked, limits)
    while not asked.done():
        await asyncio.sleep(_TICK)
        people.change(changes * _TICK)


def _count_when_asked(limits: _Limits) -> None:
    """Until stdin closes."""
    for _ in sys.stdin:
        counted, limits.counted = limits.counted, Counter()
        print(json.dumps({"requests": counted["requests"], "throttled": counted["throttled"]}), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
