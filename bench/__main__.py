"""What is measured: `python -m bench` does all that is not marked *apart*, one after the other; `python -m bench NAME
[NUMBERS]` one of them, and what its numbers mean its own file says. Minutes of a quiet machine with two cores, about:

  cold_sync      2  a whole pass over 15,000 rows that nobody has synced before [rows]
  sweep          2  a presence request of 650 ids, beside the floor and what others use; HTTP/1.1 beside HTTP/2
  follow         1  a turn of schedule.read_list [rows]
  follow_users   1  a turn of schedule.resolve_users [rows]
  state          1  keeping the history [rows]
  confusion      1  what is wrong, and who is meant [rows, tenants, others]
  day            2  how right the list is in the course of a day; 10 for 750 agents, as in the documentation [agents]
  growth         3  what a row costs, whatever the size of the list [sizes]
  stalls         3  what holds the event loop up while the service runs [rows, seconds]
  attention      1  what schedule.presence: auto is worth
  storms         4  a service that throttles, is slow, and cuts answers off
  hold          22  apart: presence of 15,000 and 150,000 users every half second, each way 5 minutes [seconds]
  soak          30  apart: does anything grow while every twentieth answer fails? [minutes]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from bench import (
    attention,
    cold_sync,
    confusion,
    day,
    follow,
    follow_users,
    growth,
    hold,
    soak,
    stalls,
    state,
    storms,
    sweep,
)

_BENCHES: dict[str, Callable[..., None]] = {
    "cold_sync": cold_sync.main,
    "sweep": sweep.main,
    "follow": follow.main,
    "follow_users": follow_users.main,
    "state": state.main,
    "confusion": confusion.main,
    "day": day.main,
    "growth": growth.main,
    "stalls": stalls.main,
    "attention": attention.main,
    "storms": storms.main,
    "hold": hold.main,
    "soak": soak.main,
}
_APART = ("hold", "soak")
_SMALLER = {"day": ("150",)}
"""Where the usual size would take too long among all others."""


def _run(name: str, numbers: Sequence[str]) -> None:
    began = time.perf_counter()
    _BENCHES[name](*(float(number) if "." in number else int(number) for number in numbers))
    print(f"({name}: {(time.perf_counter() - began) / 60:.1f} minutes)\n", flush=True)


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        for name in (each for each in _BENCHES if each not in _APART):
            _run(name, _SMALLER.get(name, ()))
        return 0
    name, *numbers = arguments
    if name not in _BENCHES:
        print(__doc__)
        return 0 if name in ("-h", "--help", "help") else 2
    _run(name, numbers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
