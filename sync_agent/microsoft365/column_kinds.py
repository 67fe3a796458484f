"""What a column of a list is like, what one of ours must be like, and whether the one can serve as the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sync_agent.microsoft365.list_answers import ListProblem


class Kind(StrEnum):
    """A column's type in the words that SharePoint's pages use for it."""

    TEXT = "single line of text"
    NOTE = "multiple lines of text"
    RICH_NOTE = "multiple lines of rich text"
    CHOICE = "choice"
    CHOICES = "choice with several values"
    TIME = "date and time"
    DATE = "date without time"
    PERSON = "person or group"
    LINK = "hyperlink or picture"
    NUMBER = "number"
    YES_NO = "yes/no"
    LOOKUP = "lookup"
    TERM = "managed metadata"
    CALCULATED = "calculated"
    COMPUTED = "computed by SharePoint"
    OTHER = "another type"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a column asks of its cells. ``validated``: by a formula."""

    read_only: bool = False
    hidden: bool = False
    required: bool = False
    unique: bool = False
    validated: bool = False
    indexed: bool = False


NO_RULES = Rules()


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column that the list has. ``wire``: its name in item payloads, where the API has another than ``internal``.

    ``part``: what to ask for of the thing that a lookup or person column leads to, where the API gives nothing else.
    ``formatting``: the JSON that cells are shown by, "" where there is none, None where the API does not tell.
    """

    internal: str
    display: str
    kind: Kind
    wire: str
    choices: tuple[str, ...] = ()
    part: str = ""
    rules: Rules = NO_RULES
    id: str = ""
    description: str = ""
    formatting: str | None = None


@dataclass(frozen=True, slots=True)
class Specification:
    """What one of our columns must be like, and what its description tells people."""

    column: str
    kind: Kind
    description: str
    choices: tuple[str, ...] = ()
    formatting: str = ""
    """The JSON that people are to see its cells by; "": as they are."""
    indexed: bool = False
    """Whether people or programs look items up by it: SharePoint refuses that in a list of over 5,000 without an index.
    """


_AS_GOOD: Mapping[Kind, frozenset[Kind]] = {Kind.CHOICE: frozenset({Kind.TEXT})}
"""By the type that is wanted: others that give back what was written."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A column that has the name of one of ours and cannot hold what is written there. ``fault``: "is of type …"."""

    column: ListColumn
    specification: Specification
    fault: str

    def problem(self, title: str) -> ListProblem:
        wanted = self.specification
        return ListProblem(
            f'The column "{self.column.display}" of the list "{title}" {self.fault}: change or delete it and run '
            f"`sync-agent provision`, or give the service another name for {wanted.column} under sharepoint.columns."
        )


def unfit(column: ListColumn, specification: Specification) -> Unfit | None:
    """None where what the service writes comes back from the column as it was written.

    A status does so from a line of text too. Else something is lost in any other type: a line of text ends at 255
    characters, rich text comes back as HTML, a date has no time, and a choice takes its own choices only.
    """
    if column.kind in _AS_GOOD.get(specification.kind, frozenset()):
        return None
    lacking = [choice for choice in specification.choices if choice not in column.choices]
    if column.kind is specification.kind and not lacking:
        return None
    is_ = f"lacks the choice {', '.join(lacking)}" if column.kind is specification.kind else f"is of type {column.kind}"
    needed = f"{specification.kind} ({', '.join(specification.choices)})" if lacking else str(specification.kind)
    return Unfit(column, specification, f"{is_}, but the service needs {needed}")
