"""Whom the benches of presence ask for."""

from __future__ import annotations

MOST_IDS = 650


def ids(count: int) -> list[str]:
    return [f"00000000-0000-4000-8000-{number:012}" for number in range(count)]


def parts(count: int) -> list[list[str]]:
    """As few requests as possible, of even size."""
    everybody, number = ids(count), -(-count // MOST_IDS)
    return [everybody[count * index // number : count * (index + 1) // number] for index in range(number)]
