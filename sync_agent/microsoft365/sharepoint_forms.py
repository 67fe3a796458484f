"""ValidateUpdateListItem: the one REST write that adds no version, as a form of text values.

`bNewDocumentUpdate: true` writes as the server's UpdateOverwriteVersion does. Modified and Modified By move all the
same unless the form sends their old values [reported by practitioners], so it does. The call takes no ETag and answers
200 even when it refused a field: each field's own HasException is read.

What a site takes is learnt from its refusals: dates are sent as ISO 8601 first (taken with `datesInUTC`), then in the
site's regional format, then that without seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import structlog

from sync_agent.microsoft365.cells import iso
from sync_agent.microsoft365.columns import Columns
from sync_agent.microsoft365.errors import UNREADABLE
from sync_agent.microsoft365.list_answers import Failed, LastEdit, Outcome, Written
from sync_agent.microsoft365.sharepoint_batch import BatchAnswer
from sync_agent.model import Change, Row

_log = structlog.get_logger()

_MODIFIED, _EDITOR = "Modified", "Editor"


@dataclass(frozen=True, slots=True)
class Standing:
    """A row as it stands, and who left it so: ``editor`` is the claims login behind Modified By."""

    row: Row
    modified: datetime | None = None
    editor: str | None = None

    @property
    def last_edit(self) -> LastEdit:
        """The claims login ends with the sign-in name: i:0#.f|membership|terry.leader@contoso.com."""
        return LastEdit(self.row, (self.editor or "").rpartition("|")[2], self.modified)


@dataclass(frozen=True, slots=True)
class Regional:
    """How a site writes dates, from its regional settings. ``order`` has the letters d, m, y."""

    order: str = "mdy"
    date_separator: str = "/"
    time_separator: str = ":"
    hours_24: bool = False
    am_pm: tuple[str, str] = ("AM", "PM")

    def write(self, moment: datetime, *, seconds: bool) -> str:
        utc = moment.astimezone(UTC)
        date = {"d": f"{utc.day:02}", "m": f"{utc.month:02}", "y": f"{utc.year:04}"}
        hour = utc.hour if self.hours_24 else (utc.hour - 1) % 12 + 1
        time = [f"{hour:02}" if self.hours_24 else str(hour), f"{utc.minute:02}"] + [f"{utc.second:02}"] * seconds
        text = f"{self.date_separator.join(date[letter] for letter in self.order)} {self.time_separator.join(time)}"
        return text if self.hours_24 else f"{text} {self.am_pm[utc.hour >= 12]}"


@dataclass(frozen=True, slots=True)
class Again:
    """Nothing was written. The reasons say what the site did not take of this form; none does when it was throttled."""

    sent_as: int
    date_refused: str | None = None
    modified_refused: str | None = None
    editor_refused: str | None = None
    editor: str | None = None


@dataclass(slots=True)
class Ways:
    """What the site turned out to take, for as long as the adapter lives. Told to the log when learnt."""

    date_format: int = 0
    """0: ISO 8601; 1: regional; 2: regional without seconds."""
    regional: Regional = field(default_factory=Regional)
    keeps_stamp: bool = True
    strangers: set[str] = field(default_factory=set)
    """Editors whom the site cannot resolve any more: rows they left are written under our own name."""
    filters: bool = True
    """Many rows by one filter."""
    batches: bool = True


@dataclass(slots=True)
class Forms:
    """Makes the forms of one list and learns from their answers."""

    columns: Columns
    ways: Ways
    ask_regional: Callable[[], Awaitable[Regional]]
    _learning: asyncio.Lock = field(default_factory=asyncio.Lock)

    def form(self, change: Change, standing: Standing) -> bytes:
        fields = {self.columns.ours[our].internal: self._text(value) for our, value in change.values.items()}
        if standing.modified is not None and self.ways.keeps_stamp:
            fields[_MODIFIED] = self._text(standing.modified)
        if self._stamps(standing.editor):
            fields[_EDITOR] = msgspec.json.encode([{"Key": standing.editor}]).decode()
        return msgspec.json.encode(
            {
                "formValues": [{"FieldName": name, "FieldValue": text} for name, text in fields.items()],
                "bNewDocumentUpdate": True,
                "checkInComment": None,
                "datesInUTC": True,
            }
        )

    def judge(
        self, change: Change, standing: Standing, answer: BatchAnswer, sent_as: int, *, in_order: bool
    ) -> Outcome | Again:
        """What the answer to a form says, which was made while ``date_format`` was ``sent_as``.

        ``in_order`` is False when answers of the batch are missing: then an answer counts only if it names its row.
        """
        row_id = change.row.id
        try:
            results = _decoder.decode(answer.body).value
        except UNREADABLE:
            return Failed(row_id, "SharePoint's answer to the write cannot be read")
        if any(result.item != row_id for result in results if result.item or not in_order):
            return Failed(row_id, "SharePoint's answer to the batch does not say that this row was written")
        refused = {result.name: result.message or "no reason given" for result in results if result.refused}
        if refused:
            return _refusal(change, self._internal_dates(change), refused, sent_as, standing.editor)
        answered = {result.name for result in results}
        unanswered = [our for our in change.values if self.columns.ours[our].internal not in answered]
        if unanswered:
            return Failed(row_id, f"SharePoint said nothing of {', '.join(unanswered)}")
        return Written(row_id)

    async def learn(self, again: Again) -> None:
        """Take another date format, or send less. What another row of the same batch taught is not learnt twice."""
        async with self._learning:
            if again.date_refused is not None:
                await self._next_date_format(again.sent_as, again.date_refused)
            elif again.modified_refused is not None:
                if self.ways.keeps_stamp:
                    _log.warning("list_modified_not_kept", reason=again.modified_refused)
                self.ways.keeps_stamp = False
            elif again.editor_refused is not None and again.editor is not None:
                if not self.ways.strangers:
                    _log.warning("list_modified_by_not_kept", reason=again.editor_refused)
                self.ways.strangers.add(again.editor)

    async def _next_date_format(self, refused: int, reason: str) -> None:
        if refused == self.ways.date_format:
            # Known before it is used: a date in the wrong region's order may be taken for another day.
            self.ways.regional = await self.ask_regional()
            self.ways.date_format += 1
            _log.info("list_dates_sent_otherwise", now=_FORMATS[self.ways.date_format], reason=reason)

    def _text(self, value: str | datetime | None) -> str:
        if not isinstance(value, datetime):
            return value or ""
        ways = self.ways
        return iso(value) if ways.date_format == 0 else ways.regional.write(value, seconds=ways.date_format == 1)

    def _stamps(self, editor: str | None) -> bool:
        return self.ways.keeps_stamp and bool(editor) and editor not in self.ways.strangers

    def _internal_dates(self, change: Change) -> set[str]:
        return {self.columns.ours[our].internal for our, value in change.values.items() if isinstance(value, datetime)}


def _refusal(
    change: Change, dates: set[str], refused: Mapping[str, str], sent_as: int, editor: str | None
) -> Again | Failed:
    """Another form helps against refused dates while there is another format, and against a refused stamp."""
    more_formats = sent_as < _LAST_FORMAT
    wrong_dates = refused.keys() & (dates | {_MODIFIED}) if more_formats else set()
    if hopeless := refused.keys() - {_MODIFIED, _EDITOR} - wrong_dates:
        return Failed(change.row.id, "; ".join(f"{name}: {refused[name]}" for name in sorted(hopeless)), refused=True)
    date_refused = "; ".join(refused[name] for name in sorted(wrong_dates)) if wrong_dates else None
    return Again(sent_as, date_refused, refused.get(_MODIFIED), refused.get(_EDITOR), editor)


_FORMATS = ("ISO 8601", "regional", "regional without seconds")
_LAST_FORMAT = len(_FORMATS) - 1


class _FieldResult(msgspec.Struct):
    name: str = msgspec.field(name="FieldName")
    refused: bool = msgspec.field(default=False, name="HasException")
    message: str | None = msgspec.field(default=None, name="ErrorMessage")
    item: int = msgspec.field(default=0, name="ItemId")


class _Results(msgspec.Struct):
    value: list[_FieldResult]


_decoder = msgspec.json.Decoder(_Results)
