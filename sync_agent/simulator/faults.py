"""Making the embedded Microsoft 365 misbehave: any answer can be replaced, changed, delayed, cut off or never come."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync_agent.simulator.wire import Call, Reply

Truly = Callable[[Call], Reply]
"""Carries a request out."""


@dataclass(slots=True)
class Fault:
    """One rule, for requests that ``pattern`` is found in, and ``holding`` in their body.

    With a ``status`` the request is not carried out, and answered with that status, ``headers`` and ``body``. With
    ``instead`` that function answers; it may carry the request out, as it came or changed, and change the true answer.
    The request is carried out after ``delay`` seconds, and its answer is ``on_its_way`` for so many more; with ``cut``
    it ends half-way through its body, with ``reset`` the connection is dropped without one, with ``silent`` it stays
    open without one until the client gives up. ``times``: how many answers it still spoils, None for all.
    """

    pattern: str
    holding: bytes = b""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    instead: Callable[[Call, Truly], Reply] | None = None
    delay: float = 0.0
    on_its_way: float = 0.0
    cut: bool = False
    reset: bool = False
    silent: bool = False
    times: int | None = None
    every: int = 1
    """Spoil only each n-th matching answer."""
    seen: int = 0

    def answer(self, call: Call, truly: Truly) -> Reply:
        """The answer as this fault leaves it."""
        if self.status is not None:
            return Reply(self.status, self.body, {"content-type": "text/html", **self.headers})
        return truly(call) if self.instead is None else self.instead(call, truly)

    def fits(self, target: str, body: bytes, *, part: bool) -> bool:
        """A ``part`` of a batch has no connection of its own that could be slow or break."""
        if part and self.status is None and self.instead is None:
            return False
        return self.times != 0 and re.search(self.pattern, target, re.DOTALL) is not None and self.holding in body


class Faults:
    """Rules are tried in order; ``pattern`` is searched in "METHOD /path?query", with percent-encoding undone.

    They hold for the parts of a batch as for whole requests, and for the batch itself.
    """

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, pattern: str, **how: Any) -> Fault:
        """``how``: the other fields of Fault."""
        fault = Fault(pattern, **how)
        self._rules.append(fault)
        return fault

    def clear(self) -> None:
        self._rules = []

    def strike(self, call: Call, *, part: bool = False) -> Fault | None:
        """The fault that spoils the answer to this request, if one does."""
        if not self._rules:
            return None
        query = "&".join(f"{name}={value}" for name, value in call.query.items())
        target = f"{call.method} {call.path}?{query}" if query else f"{call.method} {call.path}"
        for fault in self._rules:
            if not fault.fits(target, call.body, part=part):
                continue
            fault.seen += 1
            if fault.seen % fault.every:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None
