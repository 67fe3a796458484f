"""One full sync of a list that was never synced, next to the same job written the plain way."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.served import served
from sync_agent.simulator.lab import Api

PLAIN_ROWS = 120
"""The plain way takes 50 minutes for 15,000 rows; its cost a row is the same from the first."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds for all rows."""

    rows: int
    wall: float
    cpu: float
    requests: int


def ours(rows: int, latency: float, api: Api) -> Measured:
    """`sync-agent sync` as a whole process, start and imports included."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), rows, latency=latency, api=api) as facts:
        sync = [sys.executable, "-m", "sync_agent", "--settings", facts["settings"]]
        subprocess.run([*sync, "provision"], check=True, capture_output=True)
        before, started = _children_cpu(), time.perf_counter()
        done = subprocess.run([*sync, "sync"], check=True, capture_output=True, text=True)
        wall, cpu = time.perf_counter() - started, _children_cpu() - before
    work = re.search(r"([\d,]+) of [\d,]+ rows written · ([\d,]+) requests", done.stdout)
    assert work is not None, done.stdout
    written, requests = (int(number.replace(",", "")) for number in work.groups())
    assert written == rows, done.stdout
    return Measured(rows, wall, cpu, requests)


def plain(latency: float) -> Measured:
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), PLAIN_ROWS, latency=latency, api="rest") as facts,
    ):
        sync = [sys.executable, "-m", "sync_agent", "--settings", facts["settings"]]
        subprocess.run([*sync, "provision"], check=True, capture_output=True)
        path = Path(folder) / "facts.json"
        path.write_text(json.dumps(facts))
        command = [sys.executable, "-m", "bench.plain", str(path), str(PLAIN_ROWS)]
        said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return Measured(PLAIN_ROWS, said["wall"], said["cpu"], said["requests"])


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(rows: int = 15_000, latency: float = 0.05) -> None:
    peer = plain(latency)
    print(
        f"Cold sync of {rows:,} rows in 3 tenants, {latency * 1000:.0f} ms added to every answer, "
        "budgets out of the way"
    )
    print(f"{'':28}{'requests':>10}{'wall':>10}{'CPU':>10}{'ms wall/row':>14}{'ms CPU/row':>13}")
    _line("the plain way, per row ×", peer, rows)
    for api in ("rest", "graph"):
        measured = ours(rows, latency, "rest" if api == "rest" else "graph")
        _line(f"sync-agent, api: {api}", measured, rows)
        wall = peer.wall / peer.rows * rows / measured.wall
        cpu = peer.cpu / peer.rows * rows / measured.cpu
        print(f"{'':38}{wall:>9.0f}×{cpu:>9.1f}×  faster, less CPU")


def _line(name: str, measured: Measured, rows: int) -> None:
    wall, cpu = measured.wall / measured.rows, measured.cpu / measured.rows
    requests = round(measured.requests / measured.rows * rows)
    seconds = f"{wall * rows:>8.1f} s{cpu * rows:>8.1f} s"
    print(f"{name:28}{requests:>10,}{seconds}{wall * 1000:>14.2f}{cpu * 1000:>13.3f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
