"""`python -m bench soak [minutes]`: the service under 5 % failures for as long as you like; does anything grow?

The service runs here, as `sync-agent run` runs it but for shorter intervals; the world is a process of its own. Every
minute: memory, threads, sockets, open files, asyncio's tasks, and how late the list shows what is true.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from sync_agent.garbage import leave_out_what_is_loaded
from sync_agent.progress import Silent
from sync_agent.scheduler import run
from sync_agent.service import open_service
from sync_agent.settings import load

_ROWS = 400
_SCHEDULE = (
    "schedule: {read_list: 20s, read_whole_list: 3m, resolve_users: 30s, resolve_everybody: 5m, report: '*/5 * * * *'}"
)
_WARM_UP = 1 / 3
"""Of the time: until caches are full, pools have grown and the allocator has what it needs."""
_FLAT = 0.05
"""Of the memory, by which it may seem to grow from the warm-up to the end."""
_FLAT_COUNTS = 3
"""So many more threads, files or tasks than after the warm-up are within what goes up and down by itself."""


@dataclass(frozen=True, slots=True)
class Sample:
    minute: float
    mebibytes: float
    threads: int
    sockets: int
    files: int
    tasks: int
    requests: int
    ages: tuple[float, ...]
    """Seconds from a change of presence until the list showed it, of those shown in this minute."""
    waiting: tuple[float, ...]
    """Seconds for which what is not shown yet has been true."""

    @property
    def line(self) -> str:
        half, most = _quantile(self.ages, 0.5), _quantile(self.ages, 0.95)
        counts = f"{self.threads:>8}{self.sockets:>9}{self.files:>7}{self.tasks:>7}{self.requests:>10,}"
        ages = f"{half:>9.1f}{most:>8.1f}{max(self.ages, default=0):>8.1f}{max(self.waiting, default=0):>9.1f}"
        return f"{self.minute:>6.1f}{self.mebibytes:>10.1f}{counts}{ages}"


HEAD = (
    f"{'minute':>6}{'RSS MiB':>10}{'threads':>8}{'sockets':>9}{'files':>7}{'tasks':>7}{'requests':>10}"
    f"{'age p50':>9}{'p95':>8}{'max':>8}{'waiting':>9}"
)


def _quantile(values: tuple[float, ...], share: float) -> float:
    return statistics.quantiles(values, n=100)[round(100 * share) - 1] if len(values) > 1 else sum(values)


@contextmanager
def _world(folder: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bench.soak_world", folder, str(_ROWS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.communicate(timeout=20)


def _told(process: subprocess.Popen[str], line: str = "") -> Any:
    """What the world answers to a line; for an empty one, what it says by itself."""
    assert process.stdin is not None and process.stdout is not None
    if line:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    return json.loads(process.stdout.readline())


def _mebibytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def _open_files() -> list[str]:
    found = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(path.readlink()))
        except OSError:
            continue  # the folder itself
    return found


def _sample(began: float, told: Any) -> Sample:
    status = Path("/proc/self/status").read_text()
    threads = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Threads:"))
    files = _open_files()
    return Sample(
        minute=(time.monotonic() - began) / 60,
        mebibytes=_mebibytes(),
        threads=threads,
        sockets=sum(name.startswith("socket:") for name in files),
        files=len(files),
        tasks=len(asyncio.all_tasks()),
        requests=told["requests"],
        ages=tuple(told["ages"]),
        waiting=tuple(told["waiting"]),
    )


async def _soaked(settings: Path, process: subprocess.Popen[str], minutes: float) -> list[Sample]:
    samples: list[Sample] = []
    async with open_service(load(settings), progress=Silent()) as service:
        await service.context.edges.agent_list.provision(dry_run=False)
        assert process.stdin is not None
        process.stdin.write("provisioned\n")
        process.stdin.flush()
        began, stop = time.monotonic(), asyncio.Event()
        leave_out_what_is_loaded()
        running = asyncio.create_task(run(service, stop))
        print(HEAD, flush=True)
        while (left := began + 60 * minutes - time.monotonic()) > 0:
            await asyncio.wait([running], timeout=min(60, left))
            if running.done():
                break
            samples.append(_sample(began, await asyncio.to_thread(_told, process, "?")))
            print(samples[-1].line, flush=True)
        stop.set()
        await running
    return samples


def verdict(samples: list[Sample]) -> list[str]:
    """What is not flat between the end of the warm-up and the end, in words; nothing where all is."""
    settled = samples[int(len(samples) * _WARM_UP) :]
    if len(settled) < 4:
        return ["too short to tell"]
    half = len(settled) // 2
    early, late = settled[:half], settled[-half:]
    found = []
    before, after = (statistics.median(sample.mebibytes for sample in part) for part in (early, late))
    if after > before * (1 + _FLAT):
        found.append(f"memory: {before:.1f} to {after:.1f} MiB")
    for name in ("threads", "sockets", "files", "tasks"):
        lowest, now = (min(getattr(sample, name) for sample in part) for part in (early, late))
        if now > lowest + _FLAT_COUNTS:
            found.append(f"{name}: {lowest} to {now}")
    return found


def _slope(samples: list[Sample]) -> float:
    """MiB an hour, by least squares over what follows the warm-up."""
    settled = samples[int(len(samples) * _WARM_UP) :]
    if len(settled) < 2:
        return 0.0
    line = statistics.linear_regression([s.minute / 60 for s in settled], [s.mebibytes for s in settled])
    return line.slope


def main(minutes: float = 30.0) -> None:
    """Exits with 1 when something grew."""
    logging.getLogger().setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder, _world(folder) as process:
        settings = Path(_told(process)["settings"])
        settings.write_text(f"{settings.read_text()}{_SCHEDULE}\n")
        samples = asyncio.run(_soaked(settings, process, minutes))
    ages = tuple(age for sample in samples for age in sample.ages)
    print(f"{len(ages):,} changes shown: p50 {_quantile(ages, 0.5):.1f} s, p95 {_quantile(ages, 0.95):.1f} s")
    print(f"memory after the warm-up: {_slope(samples):+.1f} MiB an hour")
    if grew := verdict(samples):
        print("grew: " + "; ".join(grew))
        sys.exit(1)
    print("flat: memory, threads, sockets, files, tasks")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
