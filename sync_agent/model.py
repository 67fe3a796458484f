"""The values everything else speaks of: rows, users, matches, presences, anomalies, verdicts, changes.

Frozen and whole from the start; no I/O, no clock. Times are aware datetimes in UTC. A UPN's *key* is the UPN in lower
case: Entra compares UPNs without regard to case.

What there is one of for each row is a msgspec.Struct: made, compared and changed (msgspec.structs.replace) in a tenth
of the time that a data class takes, and of no concern to the garbage collector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec


class Struct(msgspec.Struct, frozen=True, gc=False):
    """Compared by what it holds, which is never itself: so nothing has to look for cycles in it."""


class Status(StrEnum):
    """What SyncStatus shows: the row's worst anomaly, or that it could not be judged."""

    OK = "OK"
    WARNING = "Warning"
    ERROR = "Error"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """error: the agent does not work because of it; warning: works, or partly, but needs a look."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Code(StrEnum):
    """The anomaly codes: a contract with whoever reads the list or the JSON."""

    UPN_MISSING = "upn_missing"
    UPN_WHITESPACE = "upn_whitespace"
    UPN_FORMAT = "upn_format"
    UPN_CHARACTER = "upn_character"
    UPN_LENGTH = "upn_length"
    UPN_DUPLICATE = "upn_duplicate"
    DOMAIN_NOT_CONFIGURED = "domain_not_configured"
    USER_NOT_FOUND = "user_not_found"
    USER_DELETED = "user_deleted"
    USER_DISABLED = "user_disabled"
    USER_RENAMED = "user_renamed"
    UPN_IS_ALIAS = "upn_is_alias"
    USER_DUPLICATE = "user_duplicate"
    USER_GUEST = "user_guest"
    PRESENCE_UNAVAILABLE = "presence_unavailable"
    NAME_MISMATCH = "name_mismatch"
    ACCOUNT_UNAVAILABLE = "account_unavailable"

    @property
    def severity(self) -> Severity:
        if self is Code.ACCOUNT_UNAVAILABLE:
            return Severity.INFO
        return Severity.WARNING if self in _WARNINGS else Severity.ERROR


_WARNINGS = frozenset(
    {Code.UPN_DUPLICATE, Code.USER_DUPLICATE, Code.USER_GUEST, Code.PRESENCE_UNAVAILABLE, Code.NAME_MISMATCH}
)


class OurColumn(StrEnum):
    """The internal names of the columns that the service owns. It writes no other."""

    __hash__ = str.__hash__
    """Which an enumeration does in Python, whenever a cell is looked up."""

    STATUS = "SyncStatus"
    ANOMALIES = "SyncAnomalies"
    ACCOUNT = "SyncAccount"
    OBJECT_ID = "EntraObjectId"
    PRESENCE = "Presence"
    ACTIVITY = "PresenceActivity"
    PRESENCE_CHANGED_AT = "PresenceChangedAt"
    SYNC_CHANGED_AT = "SyncChangedAt"


APPROVAL_COLUMN = "SyncApproveFix"
"""The internal name of the column in which a person approves a suggestion. People write it; the service only empties
it, in the very write that does as it says.
"""


class Shown(Struct, frozen=True):
    """What our columns of one row show; an empty cell is "" (or None for a time)."""

    status: str = ""
    anomalies: str = ""
    account: str = ""
    object_id: str = ""
    presence: str = ""
    activity: str = ""
    presence_changed_at: datetime | None = None
    sync_changed_at: datetime | None = None


SHOWN_AS: Mapping[OurColumn, str] = {
    OurColumn.STATUS: "status",
    OurColumn.ANOMALIES: "anomalies",
    OurColumn.ACCOUNT: "account",
    OurColumn.OBJECT_ID: "object_id",
    OurColumn.PRESENCE: "presence",
    OurColumn.ACTIVITY: "activity",
    OurColumn.PRESENCE_CHANGED_AT: "presence_changed_at",
    OurColumn.SYNC_CHANGED_AT: "sync_changed_at",
}
"""Where Shown has each column."""


class Row(Struct, frozen=True):
    """One list item as read. ``upn`` is the cell untrimmed, None when it has no value; ``etag`` as the API gave it.

    ``team``: the cell of sharepoint.columns.team, for reports. ``approved``: the cell of SyncApproveFix, where a person
    types the suggestion that may be written into the UPN cell. Both are "" where the list has no such column.
    """

    id: int
    upn: str | None
    name: str = ""
    shown: Shown = Shown()
    etag: str | None = None
    team: str = ""
    approved: str = ""


class User(Struct, frozen=True):
    """An Entra user. ``teams_licensed`` is None when the plans could not be read; ``teams_plan`` is the state of a
    Teams plan that is assigned but not in force, as Graph names it (Suspended, LockedOut, Deleted).
    """

    id: str
    upn: str
    display_name: str = ""
    enabled: bool = True
    guest: bool = False
    teams_licensed: bool | None = None
    teams_plan: str = ""


class Found(Struct, frozen=True):
    """The tenant has a user of this very UPN; ``account`` is the configured account that answers for the user."""

    user: User
    account: str


class Absent(Struct, frozen=True):
    """A healthy tenant says that nobody has this UPN, and what else it knows about the name."""

    account: str
    deleted_at: datetime | None = None
    """When a user of this UPN went to the recycle bin, if one is there."""
    alias_of: User | None = None
    """Whose mail address or alias the name is."""
    unexplained: str = ""
    """Why it is not known whether one of these is so; empty where it is."""

    @property
    def explained(self) -> bool:
        """Whether more is known of the name than that nobody has it."""
        return self.deleted_at is not None or self.alias_of is not None


class NoTenant(Struct, frozen=True):
    """No configured tenant has the domain. ``owner`` names the tenant that has it, where that could be found out;
    ``nobodys``: it could, and no tenant has it.
    """

    domain: str
    owner: str | None = None
    nobodys: bool = False


class CouldNotAsk(Struct, frozen=True):
    """Not an answer: why there is none, in the operator's words, and since when."""

    reason: str
    at: datetime
    nobody_there: bool = False
    """There is no such tenant: its id is mistyped, and any domain may be its."""
    not_believed: bool = False
    """It did answer, but knew none of the names that it was asked about."""


Match = Found | Absent | NoTenant | CouldNotAsk


@dataclass(frozen=True, slots=True)
class Questions:
    """What to ask every tenant about people, by what is known of them."""

    ids: frozenset[str] = frozenset()
    """Object ids that rows show."""
    locals: frozenset[str] = frozenset()
    """What stands before the @, whatever the domain."""
    near: frozenset[str] = frozenset()
    """UPNs, in lower case, that may be a slip of somebody's in the same domain."""
    called: frozenset[str] = frozenset()
    """Display names."""

    def __len__(self) -> int:
        return len(self.ids) + len(self.locals) + len(self.near) + len(self.called)

    def __or__(self, other: Questions) -> Questions:
        return Questions(
            self.ids | other.ids, self.locals | other.locals, self.near | other.near, self.called | other.called
        )

    def __sub__(self, other: Questions) -> Questions:
        return Questions(
            self.ids - other.ids, self.locals - other.locals, self.near - other.near, self.called - other.called
        )


class Presence(Struct, frozen=True):
    """Availability and activity as Graph names them. ``since``: when this value was first seen."""

    availability: str
    activity: str
    since: datetime


class Anomaly(Struct, frozen=True):
    """Something wrong with a row: what is wrong, what a team leader does about it, and the right UPN where known."""

    code: Code
    wrong: str
    remedy: str
    suggestion: str | None = None

    @property
    def severity(self) -> Severity:
        return self.code.severity

    @property
    def message(self) -> str:
        return f"{self.wrong} {self.remedy}"

    @property
    def line(self) -> str:
        """The anomaly as SyncAnomalies shows it."""
        return f"{self.code}: {self.message}"


class Verdict(Struct, frozen=True):
    """What a pass says about one row. ``user`` and ``account`` only when the row's UPN matched.

    ``unsure``: something that could add to it, the right UPN say, could not be asked. ``renamed``: the row has had
    another UPN since what it shows was true. ``former``: the user
    that the row's UPN was of until they got another. ``edited``: the row has another UPN than the one by which it had
    the user whose object id it shows; else the id stays, by which who was renamed or restored is found again.
    ``stale``: not all that it rests on could be asked for long, and the row has to say so; ``presence_stale``: the
    presence is among that, and is shown no longer.
    """

    row_id: int
    status: Status
    anomalies: tuple[Anomaly, ...] = ()
    user: User | None = None
    account: str = ""
    unsure: bool = False
    renamed: bool = False
    former: User | None = None
    edited: bool = False
    stale: bool = False
    presence_stale: bool = False


CellValue = str | datetime | None


class Change(Struct, frozen=True):
    """New values for our columns of one row, decided on the row as it was read."""

    row: Row
    values: Mapping[OurColumn, CellValue]


class Fix(Struct, frozen=True):
    """A suggestion that a person approved, to be written into the UPN cell of the row as it was read; ``code`` is that
    of the anomaly which suggests it, None where a fix is undone (then "" empties the cell).
    """

    row: Row
    upn: str
    code: Code | None = None
