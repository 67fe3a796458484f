"""Asking Contoso who the names are, as the tests do it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sync_agent.microsoft365.directory import Answer
from tests.microsoft365.contoso import Contoso, Opened, opened


def agents(count: int, domain: str = "contoso.com", start: int = 0) -> list[str]:
    return [f"agent{number}@{domain}" for number in range(start, start + count)]


async def resolve(at: Opened, names: Collection[str], known: Collection[str] = ()) -> Mapping[str, Answer]:
    """Every name gets one answer, and the progress tells of each once."""
    told: list[int] = []
    answers = await at.directory.resolve(names, told.append, known=known)
    assert answers.keys() == set(names)
    assert sum(told) == len(set(names))
    return answers


async def resolved(contoso: Contoso, names: Collection[str], known: Collection[str] = ()) -> Mapping[str, Answer]:
    async with opened(contoso) as at:
        return await resolve(at, names, known)


def kinds(answers: Mapping[str, Answer]) -> dict[type, int]:
    kinds = [type(answer) for answer in answers.values()]
    return {kind: kinds.count(kind) for kind in set(kinds)}
