"""Making the embedded Microsoft 365 misbehave: any answer can be replaced, delayed, cut off or never come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fault:
    """One rule. ``times``: how many answers it still spoils, None for all. ``delay`` in seconds.

    With ``cut``, the true answer's body ends half-way; with ``reset``, the connection is dropped without an answer.
    """

    pattern: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    cut: bool = False
    reset: bool = False
    times: int | None = None
    every: int = 1
    """Spoil only each n-th matching answer."""
    seen: int = 0


class Faults:
    """Rules are tried in order; ``pattern`` is searched in "METHOD /path?query"."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, pattern: str, **how: object) -> Fault:
        fault = Fault(pattern, **how)  # type: ignore[arg-type]
        self._rules.append(fault)
        return fault

    def clear(self) -> None:
        self._rules = []

    def strike(self, method: str, target: str) -> Fault | None:
        """The fault that spoils this request, if one does."""
        for fault in self._rules:
            if fault.times == 0 or re.search(fault.pattern, f"{method} {target}") is None:
                continue
            fault.seen += 1
            if fault.seen % fault.every:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None
