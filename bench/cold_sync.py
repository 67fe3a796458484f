"""One full sync of a list that was never synced: next to the same job written the plain way, next to what the network
alone would take, and next to what SharePoint's budget alone would take (bench/cold_floor.py has the reckoning).

`python -m bench.cold_sync [rows] [ms added to every answer]`: without a budget, and without the plain way;
`python -m bench.cold_sync budget [rows] [units a minute]`: with one, both APIs at a time.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.cold_floor import Phase, least_seconds, phases, units_needed
from bench.served import Told, served
from sync_agent.simulator.lab import Api

PLAIN_ROWS = 120
"""The plain way takes 50 minutes for 15,000 rows; its cost a row is the same from the first."""
APIS: tuple[Api, Api] = ("rest", "graph")
_SHARE = 0.8
"""pacing.share, which the settings of the embedded Microsoft 365 leave as it is."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds for all rows. ``wall`` is a whole process, its start and imports included; ``work``: the pass alone."""

    rows: int
    wall: float
    cpu: float
    requests: int
    work: float = 0.0
    told: Told | None = None


def ours(rows: int, latency: float, api: Api, units: int = 0) -> Measured:
    """`sync-agent sync`. With ``units`` SharePoint allows so many a minute."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), rows, latency=latency, api=api, units=units) as facts,
    ):
        sync = [sys.executable, "-m", "sync_agent", "--settings", facts["settings"]]
        subprocess.run([*sync, "provision"], check=True, capture_output=True)
        facts.told()
        before, started = _children_cpu(), time.perf_counter()
        done = subprocess.run([*sync, "sync"], check=True, capture_output=True, text=True)
        wall, cpu = time.perf_counter() - started, _children_cpu() - before
        told = facts.told()
    work = re.search(r"([\d,]+) of [\d,]+ rows written · ([\d,]+) requests [^·]*· ([\d.]+) s", done.stdout)
    assert work is not None, done.stdout
    written, requests = (int(number.replace(",", "")) for number in work.groups()[:2])
    assert written == rows, done.stdout
    return Measured(rows, wall, cpu, requests, float(work[3]), told)


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


def without_budget(rows: int = 15_000, latency: float = 0.05, peer: Measured | None = None) -> None:
    print(
        f"Cold sync of {rows:,} rows in 3 tenants, {latency * 1000:.0f} ms added to every answer, "
        "budgets out of the way"
    )
    print(f"{'':28}{'requests':>10}{'wall':>10}{'CPU':>10}{'ms wall/row':>14}{'ms CPU/row':>13}")
    if peer is not None:
        _line("the plain way, per row ×", peer, rows)
    for api in APIS:
        measured = ours(rows, latency, api)
        _line(f"sync-agent, api: {api}", measured, rows)
        if peer is not None:
            wall = peer.wall / peer.rows * rows / measured.wall
            cpu = peer.cpu / peer.rows * rows / measured.cpu
            print(f"{'':38}{wall:>9.0f}×{cpu:>9.1f}×  faster, less CPU")
        _floor(measured, api, latency)


def with_budget(rows: int = 2_500, units: int = 2_400, latency: float = 0.05) -> None:
    """Both APIs at a time: it is the budget that takes time."""
    allowed = units * _SHARE
    print(f"Cold sync of {rows:,} rows, {units:,} units a minute of which {allowed:,.0f} are ours")
    took = f"{'wall':>10}{'ratio':>8}{'pass':>10}{'ratio':>8}"
    print(f"{'':8}{'needed':>9}{'spent':>9}{'at least':>10}{took}{'refused':>9}")
    with ThreadPoolExecutor(len(APIS)) as both:
        found = dict(zip(APIS, both.map(lambda api: ours(rows, latency, api, units), APIS), strict=True))
    for api, measured in found.items():
        told = measured.told
        assert told is not None
        needed = units_needed(told.heard, rows)
        least = least_seconds(needed, allowed)
        took = "".join(f"{took:>8.1f} s{took / least if least else 0:>8.3f}" for took in (measured.wall, measured.work))
        print(f"{api:8}{needed:>9,.0f}{told.units:>9,.0f}{least:>8.0f} s{took}{told.throttled:>9}")
    print(f"load {os.getloadavg()[0]:.1f}")


def main(rows: int = 15_000, latency: float = 0.05) -> None:
    without_budget(rows, latency, plain(latency))
    print()
    with_budget()


def _floor(measured: Measured, api: Api, latency: float) -> None:
    assert measured.told is not None
    found = phases(measured.told.heard, api)
    floor = latency * sum(phase.rounds for phase in found)
    print(f"    {'; '.join(map(_told, found))}")
    print(
        f"    the network's floor {floor:.1f} s, our CPU {measured.cpu:.1f} s, the server's {measured.told.cpu:.1f} s; "
        f"wall {measured.wall:.1f} s is {measured.wall / floor:.2f} × the floor, {measured.wall / measured.cpu:.2f} × "
        f"our CPU; the pass alone {measured.work:.1f} s, {measured.work / floor:.2f} × the floor; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def _told(phase: Phase) -> str:
    return f"{phase.name} {phase.requests} in {phase.rounds} rounds"


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _line(name: str, measured: Measured, rows: int) -> None:
    wall, cpu = measured.wall / measured.rows, measured.cpu / measured.rows
    requests = round(measured.requests / measured.rows * rows)
    seconds = f"{wall * rows:>8.1f} s{cpu * rows:>8.1f} s"
    print(f"{name:28}{requests:>10,}{seconds}{wall * 1000:>14.2f}{cpu * 1000:>13.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["budget"]:
        with_budget(*map(int, sys.argv[2:]))
    elif sys.argv[1:]:
        without_budget(int(sys.argv[1]), int((sys.argv[2:] or ["50"])[0]) / 1_000)
    else:
        main()
