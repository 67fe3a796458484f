"""A digest in words: bounded, on plain lines, and with nothing in it that a cell could use to mislead its reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sync_agent.characters import printable
from sync_agent.report.age import age
from sync_agent.report.cell import as_seen
from sync_agent.state.records import AnomalyRecord, Digest

_MOST_LISTED = 10
"""Anomalies of either kind that are told one by one; of more, there are counts and the first few."""
_FIRST_FEW = 5
_MOST_NOTES = 10
_LONGEST_NAME = 60
_LONGEST_MESSAGE = 250
_LONGEST_NOTE = 400
_LONGEST_PLACE = 300


@dataclass(frozen=True, slots=True)
class Message:
    """Plain text; paragraphs have an empty line between them, which a mail and a card in Teams both keep apart."""

    title: str
    body: str


def message(list_title: str, digest: Digest, notes: Sequence[str], report: str) -> Message:
    """``notes``: what hinders the service, first of all; ``report``: where everything is told."""
    new, resolved = len(digest.new), len(digest.resolved)
    counts = [f"{new:,} new"] if new else []
    counts += [f"{resolved:,} resolved"] if resolved else []
    counts += ["needs attention"] if notes else []
    paragraphs = [printable(note, _LONGEST_NOTE) for note in notes[:_MOST_NOTES]]
    if digest.new:
        paragraphs += _listed("New", digest.new, [_line(one) for one in digest.new[:_MOST_LISTED]])
    if digest.resolved:
        paragraphs += _listed("Resolved", digest.resolved, [_end(one) for one in digest.resolved[:_MOST_LISTED]])
    paragraphs.append(f"All that stands, with what to do: {printable(report, _LONGEST_PLACE)}")
    return Message(f"{printable(list_title, _LONGEST_NAME)}: {', '.join(counts)}", "\n\n".join(paragraphs))


def _listed(title: str, anomalies: Sequence[AnomalyRecord], lines: Sequence[str]) -> list[str]:
    by_code = Counter(one.code for one in anomalies).most_common()
    heading = f"{title}: " + ", ".join(f"{count:,} {code}" for code, count in by_code)
    if len(anomalies) <= _MOST_LISTED:
        return [heading, *lines]
    left = len(anomalies) - _FIRST_FEW
    return [heading, *lines[:_FIRST_FEW], f"… and {left:,} more."]


def _line(one: AnomalyRecord) -> str:
    team = f" ({printable(one.team.strip(), _LONGEST_NAME)})" if one.team.strip() else ""
    again = f" This is the {_ordinal(one.times)} time." if one.times > 1 else ""
    said = f"{as_seen(one.upn, _LONGEST_NAME)}: {printable(one.message, _LONGEST_MESSAGE)}"
    return f"{_agent(one)}{team}, {said}{again}"


def _end(one: AnomalyRecord) -> str:
    stood = (one.resolved or one.seen) - one.opened
    return f"{_agent(one)}: {one.code}, after {age(max(stood, timedelta(minutes=1)))}"


def _agent(one: AnomalyRecord) -> str:
    name = printable(one.name.strip(), _LONGEST_NAME)
    return f"Row {one.row_id}, {name}" if name else f"Row {one.row_id}"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
