"""SharePoint lists: columns, items, versions, ETags; and what a person does to them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sync_agent.simulator.change_log import ChangeLog, Done
from sync_agent.simulator.wire import Failure

VIEW_THRESHOLD = 5_000
LONGEST_TEXT = 255
MOST_INDEXES = 20
_MOST_TO_INDEX = 20_000
_NOT_INDEXED = frozenset({"Note", "MultiChoice", "URL", "Computed", "LookupMulti", "UserMulti", "Attachments"})
_KEPT_VERSIONS = 50
_TOKENS_LIVE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Person:
    """Who changes things; ``login`` is the claims name."""

    id: int
    name: str
    login: str


TEAM_LEADER = Person(7, "Terry Leader", "i:0#.f|membership|terry.leader@contoso.com")
SERVICE = Person(1073741822, "SharePoint App", "i:0i.t|00000003-0000-0ff1-ce00-000000000000|app@sharepoint")


@dataclass(slots=True)
class ListColumn:
    """``internal`` is fixed when the column is made; ``display`` can be changed any day."""

    internal: str
    display: str
    type: str = "Text"
    choices: tuple[str, ...] = ()
    fill_in: bool = False
    indexed: bool = False
    read_only: bool = False
    hidden: bool = False
    required: bool = False
    unique: bool = False
    formula: str = ""
    """Of its validation. It is told, and not reckoned with: "[Me]=…" is Excel's language."""
    description: str = ""
    formatter: str = ""
    """The JSON of column formatting. SharePoint takes any text; a browser that cannot read it shows the plain cell."""
    rich: bool = False
    date_only: bool = False
    lookup_field: str = ""
    """Of what a lookup leads to, the column that people see."""
    default: Any = None
    """What an item gets that is made without a value for it."""

    @property
    def id(self) -> str:
        """The same by either API."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.internal))


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    fields: Mapping[str, Any]
    modified: datetime
    editor: Person


@dataclass(slots=True)
class ListItem:
    """``revision`` moves with every write (the ETag's number); ``versions`` only where history is kept."""

    id: int
    unique_id: str
    fields: dict[str, Any]
    created: datetime
    modified: datetime
    editor: Person
    author: Person
    revision: int = 1
    versions: list[Version] = field(default_factory=list)
    is_folder: bool = False

    @property
    def etag(self) -> str:
        """Graph's; REST's is the revision alone."""
        return f'"{self.unique_id},{self.revision}"'

    def system_fields(self) -> dict[str, str]:
        """What the service itself keeps of an item, by internal name."""
        return {
            "ContentType": "Folder" if self.is_folder else "Item",
            "Modified": iso_time(self.modified),
            "Created": iso_time(self.created),
            "_UIVersionString": f"{self.versions[-1].number}.0",
        }


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(slots=True)
class SharePointList:
    id: str
    title: str
    columns: dict[str, ListColumn]
    items: dict[int, ListItem] = field(default_factory=dict)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    versioning: bool = True
    approval: bool = False
    """Whether items are drafts until somebody approves them."""
    formula: str = ""
    """Of the validation of whole items; told, not reckoned with."""
    clock: Callable[[], datetime] = _now
    next_id: int = 1
    log: ChangeLog[ListItem] = field(default_factory=lambda: ChangeLog(_TOKENS_LIVE))

    def add(self, fields: Mapping[str, Any], by: Person = TEAM_LEADER) -> int:
        now = self.clock()
        unique_id = str(uuid.uuid5(uuid.UUID(self.id), str(self.next_id)))
        defaults = {name: column.default for name, column in self.columns.items() if column.default is not None}
        whole = {**defaults, **{name: value for name, value in fields.items() if value is not None}}
        item = ListItem(self.next_id, unique_id, whole, now, now, by, by)
        item.versions.append(Version(1, dict(whole), now, by))
        self.items[item.id] = item
        self.next_id += 1
        self._note(Done.ADD, item)
        return item.id

    def edit(self, item_id: int, fields: Mapping[str, Any], by: Person = TEAM_LEADER) -> None:
        """As a person, MERGE or Graph's PATCH does: a new version, Modified and Modified By move."""
        item = self.items[item_id]
        self._put(item, fields)
        item.modified, item.editor = self.clock(), by
        if self.versioning:
            version = Version(item.versions[-1].number + 1, dict(item.fields), item.modified, by)
            item.versions = [*item.versions[-_KEPT_VERSIONS + 1 :], version]

    def overwrite(self, item_id: int, fields: Mapping[str, Any], modified: datetime | None, by: Person) -> None:
        """As UpdateOverwriteVersion does: no new version."""
        item = self.items[item_id]
        self._put(item, fields)
        item.modified, item.editor = modified or self.clock(), by
        last = item.versions[-1]
        item.versions[-1] = replace(last, fields=dict(item.fields), modified=item.modified, editor=by)

    def delete(self, item_id: int) -> None:
        self._note(Done.DELETE, self.items.pop(item_id))

    def _note(self, done: Done, item: ListItem) -> None:
        self.log.note(done, item, self.clock())

    def _put(self, item: ListItem, fields: Mapping[str, Any]) -> None:
        for name, value in fields.items():
            if value is None or value == "":
                item.fields.pop(name, None)
            else:
                item.fields[name] = value
        item.revision += 1
        self._note(Done.UPDATE, item)

    def add_column(self, column: ListColumn) -> ListColumn:
        if column.internal in self.columns or any(known.display == column.display for known in self.columns.values()):
            message = f"A duplicate field name “{column.internal}” was found."
            raise Failure(409, "nameAlreadyExists", message)
        self.columns[column.internal] = column
        return column

    def index(self, column: ListColumn) -> None:
        """Raises Failure where SharePoint makes no index: for such a type, or one too many [doc: 20 a list]; that it
        may refuse one for over 20,000 items is told by practitioners [inferred].
        """
        if column.indexed:
            return
        if column.type in _NOT_INDEXED:
            raise Failure(400, "invalidRequest", f"The column {column.display} cannot be indexed.")
        if sum(known.indexed for known in self.columns.values() if known.internal != "ID") >= MOST_INDEXES:
            raise Failure(400, "invalidRequest", "You cannot index this column: the list has the most indexes allowed.")
        if len(self.items) > _MOST_TO_INDEX:
            message = "The attempted operation is prohibited because it exceeds the list view threshold."
            raise Failure(400, "invalidRequest", message)
        column.indexed = True

    def accept(self, column: ListColumn, value: Any) -> Any:
        """The value as it is stored. Raises ValueError with SharePoint's reason."""
        if column.read_only:
            raise ValueError(f"Field '{column.internal}' is read-only.")
        if value is None or value == "":
            return None
        if column.type == "Text" and len(str(value)) > LONGEST_TEXT:
            raise ValueError(f"Text entered into this field is limited to {LONGEST_TEXT} characters.")
        if column.type == "Choice" and value not in column.choices and not column.fill_in:
            raise ValueError(f"'{value}' is not one of the choices of this field.")
        if column.type == "DateTime":
            return iso_time(value)
        if column.type in ("Text", "Note", "Choice") and not isinstance(value, str):
            raise ValueError("A text was expected.")
        if column.type == "Number" and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError("A number was expected.")
        if column.type == "Boolean" and not isinstance(value, bool):
            raise ValueError("True or false was expected.")
        return value


def iso_time(value: Any) -> str:
    """Stored in UTC, to the second."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("You must specify a valid date.") from error
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return str(value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def internal_name(display: str) -> str:
    """As SharePoint makes it: characters that XML names lack are encoded, at most 32 characters."""
    encoded = re.sub(r"[^A-Za-z0-9_.-]", lambda found: f"_x{ord(found[0]):04x}_", display)
    if encoded[:1].isdigit():
        encoded = f"_x{ord(encoded[0]):04x}_{encoded[1:]}"
    return encoded[:32]


def entity_type(found: SharePointList) -> str:
    """REST's ListItemEntityTypeFullName."""
    return f"SP.Data.{internal_name(found.title)}ListItem"


def generic_list(title: str, id_: str | None = None) -> SharePointList:
    """As SharePoint makes it of the template genericList, with versions being kept."""
    standard = (
        ListColumn("ID", "ID", "Counter", indexed=True, read_only=True),
        ListColumn("Title", "Title"),
        ListColumn("LinkTitle", "Title", "Computed", read_only=True),
        ListColumn("Created", "Created", "DateTime", read_only=True),
        ListColumn("Modified", "Modified", "DateTime", read_only=True),
        ListColumn("Author", "Created By", "User", read_only=True),
        ListColumn("Editor", "Modified By", "User", read_only=True),
        ListColumn("_UIVersionString", "Version", "Text", read_only=True),
        ListColumn("ContentType", "Content Type", "Computed", read_only=True),
        ListColumn("Attachments", "Attachments", "Attachments", read_only=True),
    )
    columns = {column.internal: column for column in standard}
    view = {"Title": "All Items", "ViewFields": ["LinkTitle"]}
    return SharePointList(id_ or str(uuid.uuid4()), title, columns, views={"All Items": view})


def agent_list(title: str = "Agents", id_: str | None = None) -> SharePointList:
    """A contact centre's list as people keep it, without our columns."""
    agents = generic_list(title, id_)
    agents.columns["Title"].display = agents.columns["LinkTitle"].display = "Name"
    peoples = (
        ListColumn("UPN", "UPN"),
        ListColumn("Team", "Team", "Choice", ("Sales", "Service", "Billing", "Retention"), fill_in=True),
        ListColumn("Extension", "Extension"),
        ListColumn("Skill", "Skill", "Note"),
        ListColumn("Start_x0020_date", "Start date", "DateTime", date_only=True),
    )
    agents.columns |= {column.internal: column for column in peoples}
    agents.views["All Items"]["ViewFields"] += ["UPN", "Team", "Extension"]
    return agents
