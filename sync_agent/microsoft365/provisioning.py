"""What `provision` would still do to the Agent list: columns, views, and what is to be set of columns. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sync_agent.microsoft365.column_formatting import same
from sync_agent.microsoft365.column_kinds import Kind, ListColumn, Specification
from sync_agent.microsoft365.columns import APPROVAL, SPECIFICATIONS, ColumnNames, Columns, creation_name
from sync_agent.microsoft365.errors import Refused
from sync_agent.microsoft365.list_answers import listed
from sync_agent.microsoft365.list_views import ATTENTION_VIEW, PRESENCE_VIEW, View, wanted_views
from sync_agent.model import OurColumn

NOT_DONE = "no "
LEFT = "left as it is: "
NOTES = (NOT_DONE, LEFT)
"""How a line begins that says what cannot be made, and what is not touched since a person made it so."""

_OTHERWISE = "sharepoint.api: rest can, or you by hand: docs/provision.md"
_INDEXABLE = frozenset({Kind.TEXT, Kind.CHOICE, Kind.NUMBER, Kind.TIME, Kind.YES_NO})
_REFUSALS_OF_AN_INDEX = frozenset({400, 409, 500})


class Trait(StrEnum):
    """What can be set of a column that is there."""

    DESCRIPTION = "description"
    INDEX = "index"
    FORMATTING = "formatting"


@dataclass(frozen=True, slots=True)
class Setting:
    """One trait of a column that the list has, and its value to be."""

    column: ListColumn
    trait: Trait
    value: str | bool

    @property
    def line(self) -> str:
        return f"{self.trait} of the column {self.column.display}"

    def refused(self, error: Refused) -> str:
        """Why it was not made, and how it can be. Raises the error where more than this is in the way of it."""
        if self.trait is not Trait.INDEX or error.status not in _REFUSALS_OF_AN_INDEX:
            raise error
        return (
            f"{NOT_DONE}{self.line} ({error.reason}). A list takes 20 indexes at most, and one of over 20,000 rows may "
            "take no new one: free one in the list's settings (Indexed columns), or make it while there are fewer rows"
        )


@dataclass(frozen=True, slots=True)
class Means:
    """What the API at hand can do beside making columns. ``views``: those that the list has, None where it has no say
    in views.
    """

    formatting: bool = False
    views: Sequence[View] | None = None


@dataclass(frozen=True, slots=True)
class ToDo:
    """What a list lacks. ``columns``: with the names that they are to have; ``left``: what people made otherwise."""

    columns: Sequence[tuple[Specification, str]]
    settings: Sequence[Setting]
    views: Sequence[View]
    left: Sequence[str]

    @property
    def made_columns(self) -> list[str]:
        return [f"column {name} ({specification.kind})" for specification, name in self.columns]

    @property
    def made_views(self) -> list[str]:
        return [f"view {view.title}" for view in self.views]

    @property
    def lines(self) -> list[str]:
        return [*self.made_columns, *(setting.line for setting in self.settings), *self.made_views, *self.left]


def to_do(columns: Columns, names: ColumnNames, means: Means) -> ToDo:
    """What is still to be made; where columns are, as if they were there by then."""
    missing = columns.to_make(names)
    whole = _once_made(columns, missing, means)
    wanted = [(SPECIFICATIONS[our], whole.ours[our]) for our in OurColumn if our in columns.held]
    if whole.approval is not None:
        wanted.append((APPROVAL, whole.approval))
    lacking, changed = _views(whole, means)
    return ToDo(
        missing,
        [setting for specification, column in wanted for setting in settings(specification, column)],
        lacking,
        [*(left for specification, column in wanted for left in _left(specification, column)), *changed],
    )


def as_made(specification: Specification, display: str, means: Means) -> ListColumn:
    """The column as it is just after it was made."""
    internal = creation_name(specification.column, display)
    return ListColumn(
        internal,
        display,
        specification.kind,
        internal,
        specification.choices,
        description=specification.description,
        formatting="" if means.formatting else None,
    )


def settings(specification: Specification, column: ListColumn) -> Iterator[Setting]:
    """What is to be set of a column: nothing that somebody set to another value."""
    if not column.description:
        yield Setting(column, Trait.DESCRIPTION, specification.description)
    if specification.indexed and not column.rules.indexed and column.kind in _INDEXABLE:
        yield Setting(column, Trait.INDEX, True)
    if specification.formatting and column.formatting == "":
        yield Setting(column, Trait.FORMATTING, specification.formatting)


def by_hand(names: ColumnNames) -> list[str]:
    """What only people can do where the API has a say neither in views nor in formatting."""
    titles = [ATTENTION_VIEW, *([PRESENCE_VIEW] if OurColumn.PRESENCE in names.held else [])]
    formatted = [names.of(our) for our in OurColumn if our in names.held and SPECIFICATIONS[our].formatting]
    views = [f"{NOT_DONE}view {title}: Graph cannot make views; {_OTHERWISE}" for title in titles]
    return [*views, no_formatting(listed(formatted))]


def no_formatting(columns: str) -> str:
    return f"{NOT_DONE}formatting of {columns}: Graph cannot set it; {_OTHERWISE}"


def without_index(specification: Specification) -> Specification:
    """A column is made first and indexed then: the index may be refused, which must not keep the column away."""
    return replace(specification, indexed=False)


def _once_made(columns: Columns, missing: Sequence[tuple[Specification, str]], means: Means) -> Columns:
    made = {specification.column: as_made(specification, name, means) for specification, name in missing}
    ours = {our: columns.ours.get(our) or made[our] for our in OurColumn if our in columns.held}
    return replace(columns, ours=ours, approval=columns.approval or made.get(APPROVAL.column))


def _left(specification: Specification, column: ListColumn) -> Iterator[str]:
    if column.description and column.description != specification.description:
        yield f"{LEFT}the description of the column {column.display}, which somebody wrote"
    if specification.formatting and column.formatting and not same(column.formatting, specification.formatting):
        yield f"{LEFT}the formatting of the column {column.display}, which somebody made; take it away to have ours"


def _views(columns: Columns, means: Means) -> tuple[list[View], list[str]]:
    """Those that the list lacks, and what to say of those that are not as they would be made."""
    if means.views is None:
        return [], []
    there = {view.title.casefold(): view for view in means.views}
    wanted = wanted_views(columns)
    return [view for view in wanted if view.title.casefold() not in there], [
        f"{LEFT}the view {view.title}, which has other columns or rows; delete it to have it made anew"
        for view in wanted
        if (found := there.get(view.title.casefold())) is not None and not found.shows_the_same(view)
    ]
