"""`python -m bench growth`: what a row costs in lists of 1,000, 10,000 and 100,000 rows: CPU, memory, requests.

Each list has a process of its own, which reads it, asks the tenants, reads presence and plans every row, writing none;
its memory is looked at afterwards, with everything a service holds between two passes. What a service without rows
takes is the base, measured on the smallest list by the slope to the next.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.served import served
from sync_agent.progress import Silent
from sync_agent.service import open_service
from sync_agent.settings import load

_SIZES = (1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Grown:
    """Of a pass: ``cpu`` in seconds; ``began`` and ``held`` are the memory before and after it, in bytes."""

    rows: int
    cpu: float
    requests: int
    began: int
    held: int


def _resident() -> int:
    """Without what the allocator has in stock."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def _pass(settings: Path) -> Grown:
    async with open_service(load(settings), progress=Silent()) as service:
        await service.context.edges.agent_list.provision(dry_run=False)
        began, cpu, asked = _resident(), time.process_time(), sum(service.transport.requests.values())
        outcome = await service.sync(dry_run=True)
        rows, cpu = len(outcome.rows), time.process_time() - cpu
        del outcome
        requests = sum(service.transport.requests.values()) - asked
        return Grown(rows, cpu, requests, began, _resident())


def _measured(rows: int) -> Grown:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), rows, latency=0.0, api="graph") as facts:
        command = [sys.executable, "-m", "bench.growth", facts["settings"]]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Grown(**json.loads(said.splitlines()[-1]))


def main(*sizes: int) -> None:
    print(f"{'rows':>9}{'requests':>10}{'per 1,000':>11}{'CPU':>10}{'ms/row':>9}{'memory':>12}{'kB/row more':>13}")
    before: Grown | None = None
    for rows in sizes or _SIZES:
        now = _measured(rows)
        slope = "" if before is None else f"{(now.held - before.held) / (now.rows - before.rows) / 1000:.2f}"
        asked, cpu = now.requests / now.rows * 1000, now.cpu / now.rows * 1000
        memory = f"{now.held / 2**20:.0f} MiB"
        print(f"{now.rows:>9,}{now.requests:>10,}{asked:>11.2f}{now.cpu:>8.1f} s{cpu:>9.3f}{memory:>12}{slope:>13}")
        before = now


if __name__ == "__main__":
    measured = asyncio.run(_pass(Path(sys.argv[1])))
    print(json.dumps({name: getattr(measured, name) for name in Grown.__slots__}))
