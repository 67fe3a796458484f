"""Graph's getPresencesByUserId and nothing else, in a process of its own, as cheap as can be: so that 150,000 users can
be swept on a machine that must carry both sides.

It knows no tokens, and counts for each of them what comes in any 30 s. Presences are in another order in each answer.
Several of these processes tell the same presences: who changes when is reckoned from the time at which they began.
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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import orjson
import trustme

from bench.fleet import ids
from sync_agent.simulator.graph_presence import item

_LIMIT, _WINDOW = 1_500, 30.0
_STATES = (("Available", "Available"), ("Busy", "InACall"), ("Away", "Away"), ("Offline", "Offline"))
_TICK = 0.1
CA, CERTIFICATE = "canned-ca.pem", "canned.pem"


class Served:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        self.url: str = facts["url"]
        self.ca_bundle = Path(facts["ca_bundle"])
        self._process = process

    def counted(self) -> dict[str, float]:
        """Since the last call: requests, how many of them were throttled, and seconds of the server's CPU."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("count\n")
        self._process.stdin.flush()
        return cast("dict[str, float]", json.loads(self._process.stdout.readline()))


@contextmanager
def canned(folder: Path, users: int, changes: float) -> Iterator[Served]:
    """``changes``: presences that change in a second."""
    with several_canned(folder, users, changes, 1) as servers:
        yield servers[0]


@contextmanager
def several_canned(folder: Path, users: int, changes: float, number: int) -> Iterator[list[Served]]:
    """In so many processes, with one certificate authority."""
    write_certificate(folder)
    begun = time.time()
    with ExitStack() as stack:
        yield [stack.enter_context(_one(folder, users, changes, begun)) for _ in range(number)]


def write_certificate(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / CA))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / CERTIFICATE))


@contextmanager
def _one(folder: Path, users: int, changes: float, begun: float) -> Iterator[Served]:
    command = [sys.executable, "-m", "bench.canned", str(folder), str(users), str(changes), str(begun)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Served(process)
    finally:
        process.communicate(timeout=10)


class _People:
    """``changes`` in a second since ``begun``, the same in every process."""

    def __init__(self, count: int, changes: float, begun: float) -> None:
        self._ids = ids(count)
        self._changes, self._begun = changes, begun
        self._random = random.Random(0)
        self._changed = 0
        self.written = {id_: _written(id_, 0) for id_ in self._ids}

    def change(self, now: float) -> None:
        """Seconds since the epoch."""
        while self._changed < (now - self._begun) * self._changes:
            self._changed += 1
            id_ = self._random.choice(self._ids)
            self.written[id_] = _written(id_, self._random.randrange(len(_STATES)))


def _written(id_: str, state: int) -> bytes:
    return orjson.dumps(item(id_, *_STATES[state]))


def an_answer(asked: list[str]) -> bytes:
    """To ``asked``, as it is at the beginning."""
    return _answer([_written(id_, 0) for id_ in asked])


def _answer(written: list[bytes]) -> bytes:
    return b'{"value":[%b]}' % b",".join(written)


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
        made = _answer([written[id_] for id_ in (*asked[turn:], *asked[:turn])])
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(made) + made
        )


async def _serve(folder: Path, users: int, changes: float, begun: float) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / CERTIFICATE)
    people, limits, loop = _People(users, changes, begun), _Limits(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(people, limits), "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(json.dumps({"url": url, "ca_bundle": str(folder / CA)}), flush=True)
    asked = loop.run_in_executor(None, _count_when_asked, limits)
    while not asked.done():
        await asyncio.sleep(_TICK)
        people.change(time.time())


def _count_when_asked(limits: _Limits) -> None:
    """Until stdin closes."""
    before = time.process_time()
    for _ in sys.stdin:
        counted, limits.counted, cpu = limits.counted, Counter(), time.process_time()
        told = {"requests": counted["requests"], "throttled": counted["throttled"], "cpu": cpu - before}
        before = cpu
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
