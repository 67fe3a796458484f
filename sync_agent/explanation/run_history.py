"""The last runs that wrote to the list: what each wrote, and whether it was undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sync_agent.characters import joined
from sync_agent.explanation.row_history import run_document, undid_what
from sync_agent.state.records import RunSummary
from sync_agent.state.store import Store


@dataclass(frozen=True, slots=True)
class RunHistory:
    """Newest first."""

    list_title: str
    runs: tuple[RunSummary, ...]

    @property
    def document(self) -> dict[str, Any]:
        return {"list": self.list_title, "runs": [_document(each) for each in self.runs]}


def run_history(store: Store, list_title: str, most: int) -> RunHistory:
    """Raises StateUnavailable."""
    return RunHistory(list_title, tuple(store.run_journal(list_title).last_runs(most)))


def seconds(summary: RunSummary) -> float:
    """From when it began to write to its last write; a service that finds nothing to write is not heard of."""
    return round((summary.last_write - summary.run.began).total_seconds(), 3)


def notes(summary: RunSummary) -> Iterator[str]:
    """What is to be said of it beside the numbers."""
    if undid := undid_what(summary.run):
        yield f"undid {undid}"
    if summary.upns:
        yield f"{summary.upns:,} UPNs fixed"
    if summary.unknown:
        yield f"of {summary.unknown:,} writes it is not known whether they were made"
    if summary.undone_by:
        numbers = joined([str(number) for number in summary.undone_by])
        yield f"undone by {'run' if len(summary.undone_by) == 1 else 'runs'} {numbers}"


def _document(each: RunSummary) -> dict[str, Any]:
    return {
        **run_document(each.run),
        "began": each.run.began,
        "last_write": each.last_write,
        "seconds": seconds(each),
        "rows": each.rows,
        "writes": each.writes,
        "not_known_to_be_written": each.unknown,
        "upns": each.upns,
        "undone_by": list(each.undone_by),
    }
