"""A digest in words: bounded, on plain lines, and with nothing in it that a cell could use to mislead its reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sync_agent.characters import printable
from sync_agent.report.age import age
from sync_agent.report.cell import as_seen
from sync_agent.state.records import AnomalyRecord, Digest

_LISTED = ((10, 5), (3, 3), (0, 0))
"""So many anomalies of either kind are told one by one, and of more so many: the first of these that makes no message
too long.
"""
_LONGEST = 20_000
"""Bytes on the wire: a message in Teams holds 28 KB, with what is around it (learn.microsoft.com: limits and
specifications of Teams).
"""
_MOST_NOTES = 5
_LONGEST_NOTE = 300
_LONGEST_NAME = 60
_LONGEST_MESSAGE = 250
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
    bodies = (_body(digest, notes, report, *listed) for listed in _LISTED)
    body = next((body for body in bodies if _size(body) <= _LONGEST), "")
    return Message(f"{printable(list_title, _LONGEST_NAME)}: {', '.join(counts)}", body or _body(digest, (), "", 0, 0))


def _body(digest: Digest, notes: Sequence[str], report: str, most: int, first: int) -> str:
    paragraphs = [printable(note, _LONGEST_NOTE) for note in notes[:_MOST_NOTES]]
    paragraphs += _told("New", digest.new, _line, most, first)
    paragraphs += _told("Resolved", digest.resolved, _end, most, first)
    if report:
        paragraphs.append(f"All that stands, with what to do: {printable(report, _LONGEST_PLACE)}")
    return "\n\n".join(paragraphs)


def _told(
    title: str, anomalies: Sequence[AnomalyRecord], line: Callable[[AnomalyRecord], str], most: int, first: int
) -> Iterator[str]:
    if not anomalies:
        return
    by_code = Counter(one.code for one in anomalies).most_common()
    yield f"{title}: " + ", ".join(f"{count:,} {code}" for code, count in by_code)
    listed = anomalies if len(anomalies) <= most else anomalies[:first]
    yield from map(line, listed)
    if len(listed) < len(anomalies):
        yield f"… and {len(anomalies) - len(listed):,} more." if listed else f"{len(anomalies):,} in all."


def _size(body: str) -> int:
    """At most, in JSON: a character that is not ASCII takes six bytes, one that Markdown knows a backslash more."""
    return sum(2 if character.isascii() else 6 for character in body)


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
