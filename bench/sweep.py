"""What a request of 650 ids costs, and a sweep of 15,000: the service's reader beside the floor (the bytes read and
decoded, nothing else) and beside what others use for it; then HTTP/1.1 beside HTTP/2.

Each way is a process of its own, which counts its own CPU; all ask the same server in the same minutes, in turns.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import http2_server, peers
from bench.canned import CA, CERTIFICATE, an_answer, canned, write_certificate
from bench.fleet import parts

_USERS = 15_000
_CHANGES = _USERS / 360
"""Ten an hour for everybody."""
_TURNS = 3
_ALL = len(parts(_USERS))
_WAYS = {
    "floor: aiohttp + orjson": ("floor", _ALL, 10),
    "sync-agent": ("sync-agent", _ALL, 10),
    "the plain way: requests + json": ("plain", _ALL, 4),
    "Office365-REST-Python-Client": ("office365", 6, 1),
}
_OF_PEERS = {"msgraph-sdk": ("msgraph", 1, 1)}
_BY_ONE = ("aiohttp, HTTP/1.1", "httpx, HTTP/1.1", "httpx, HTTP/2")


def costs_of(
    python: str, name: str, url: str, ca_bundle: Path, requests: int, sweeps: int, *, users: int = _USERS
) -> list[tuple[float, float]]:
    """Wall and CPU seconds a request of each sweep."""
    command = [python, "-m", "bench.contenders", name, url, str(ca_bundle), *map(str, (users, requests, sweeps))]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [(wall / requests, cpu / requests) for wall, cpu in json.loads(told)]


def _table(costs: dict[str, list[tuple[float, float]]], floor: str, turns: int) -> None:
    least = statistics.median(cpu for _, cpu in costs[floor])
    print(f"{'':34}{'CPU/request':>14}{'CPU/sweep':>14}{'wall/sweep':>14}{'to the floor':>14}")
    for name, measured in costs.items():
        wall, cpu = (statistics.median(each) * 1_000 for each in zip(*measured, strict=True))
        sweep, waited = cpu * _ALL, wall * _ALL
        print(f"{name:34}{cpu:>11.2f} ms{sweep:>11,.0f} ms{waited:>11,.0f} ms{cpu / 1_000 / least:>13.2f}×")
    print(f"Medians of all sweeps of {turns} turns; where a sweep is not made whole, it is reckoned from its requests.")


def _sweeps(python: Path | None) -> None:
    costs: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder, canned(Path(folder), _USERS, _CHANGES) as server:
        for _ in range(_TURNS):
            for name, (way, requests, sweeps) in _WAYS.items():
                costs.setdefault(name, []).extend(
                    costs_of(sys.executable, way, server.url, server.ca_bundle, requests, sweeps)
                )
        for name, (way, requests, sweeps) in _OF_PEERS.items() if python else ():
            costs[name] = costs_of(str(python), way, server.url, server.ca_bundle, requests, sweeps)
    print(f"One sweep of {_USERS:,} users, {_ALL} requests, ten changes an hour each, answers in any order")
    _table(costs, next(iter(_WAYS)), _TURNS)


@contextmanager
def _hypercorn(python: Path, folder: Path) -> Iterator[str]:
    """The address of a server of both versions, with the certificate that is in the folder."""
    write_certificate(folder)
    (folder / "answer.json").write_bytes(an_answer(parts(_USERS)[0]))
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = f"127.0.0.1:{free.getsockname()[1]}"
    certificate = str(folder / CERTIFICATE)
    command = [str(python), "-m", "hypercorn", "bench.http2_server:app", "--bind", place, "--log-level", "error"]
    command += ["--certfile", certificate, "--keyfile", certificate]
    process = subprocess.Popen(command, env={**os.environ, http2_server.ANSWER: str(folder / "answer.json")})
    try:
        _wait_for(place)
        yield f"https://{place}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(place: str) -> None:
    host, _, port = place.partition(":")
    for _ in range(300):
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("hypercorn does not start")


def _versions(python: Path) -> None:
    costs: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as name, _hypercorn(python, Path(name)) as url:
        for _ in range(_TURNS):
            for way in _BY_ONE:
                costs.setdefault(way, []).extend(
                    costs_of(sys.executable if "aiohttp" in way else str(python), way, url, Path(name) / CA, _ALL, 4)
                )
    print("The same requests one after the other on one connection, decoded by orjson; the server is hypercorn")
    _table(costs, _BY_ONE[0], _TURNS)


def main() -> None:
    python = peers.interpreter()
    _sweeps(python)
    if python is not None:
        print()
        _versions(python)


if __name__ == "__main__":
    main()
