"""What SharePoint is asked about site, list and columns, by Office365-REST-Python-Client.

Every function takes a context of its own and blocks: they run in worker threads, one context per unit of work, since a
shared one mixes up the requests of its users. Where the library's errors go is the bridge's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from office365.runtime.queries.service_operation import ServiceOperationQuery
from office365.sharepoint.client_context import ClientContext
from office365.sharepoint.fields.add_field_options import AddFieldOptions
from office365.sharepoint.fields.field import Field
from office365.sharepoint.fields.xmlSchemaFieldCreationInformation import XmlSchemaFieldCreationInformation
from office365.sharepoint.lists.creation_information import ListCreationInformation
from office365.sharepoint.lists.templates.type import ListTemplateType

from sync_agent.microsoft365.column_kinds import Kind, ListColumn, Rules, Specification
from sync_agent.microsoft365.columns import creation_name
from sync_agent.microsoft365.errors import Garbled
from sync_agent.microsoft365.provisioning import Setting, Trait
from sync_agent.microsoft365.sharepoint_forms import Regional

_DATE_ONLY = 0

_KINDS: Mapping[str, Kind] = {
    "Text": Kind.TEXT,
    "Note": Kind.NOTE,
    "Choice": Kind.CHOICE,
    "MultiChoice": Kind.CHOICES,
    "DateTime": Kind.TIME,
    "User": Kind.PERSON,
    "UserMulti": Kind.PERSON,
    "URL": Kind.LINK,
    "Number": Kind.NUMBER,
    "Currency": Kind.NUMBER,
    "Counter": Kind.NUMBER,
    "Boolean": Kind.YES_NO,
    "Lookup": Kind.LOOKUP,
    "LookupMulti": Kind.LOOKUP,
    "TaxonomyFieldType": Kind.TERM,
    "TaxonomyFieldTypeMulti": Kind.TERM,
    "Calculated": Kind.CALCULATED,
    "Computed": Kind.COMPUTED,
}
_LEADING_ELSEWHERE = frozenset({Kind.LOOKUP, Kind.PERSON})
_TYPES: Mapping[Kind, str] = {
    Kind.TEXT: 'Type="Text" MaxLength="255"',
    Kind.NOTE: 'Type="Note" NumLines="6" RichText="FALSE" AppendOnly="FALSE"',
    Kind.CHOICE: 'Type="Choice" Format="Dropdown" FillInChoice="FALSE"',
    Kind.NUMBER: 'Type="Number" Decimals="0"',
    Kind.YES_NO: 'Type="Boolean"',
    Kind.TIME: 'Type="DateTime" Format="DateTime" FriendlyDisplayFormat="Disabled"',
}
_PROPERTIES: Mapping[Trait, str] = {
    Trait.DESCRIPTION: "Description",
    Trait.INDEX: "Indexed",
    Trait.FORMATTING: "CustomFormatter",
}
_SELECTED = (
    *("InternalName", "Title", "TypeAsString", "EntityPropertyName", "Choices", "RichText", "DisplayFormat"),
    *("LookupField", "ReadOnlyField", "Hidden", "Required", "EnforceUniqueValues", "ValidationFormula", "Indexed"),
    *("Id", "Description", "CustomFormatter"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A list of the site."""

    id: str
    title: str


def list_by_title(context: ClientContext, title: str) -> Found:
    return _found(context.web.lists.get_by_title(title).get().select(["Id", "Title"]).execute_query())


def list_by_id(context: ClientContext, id_: str) -> Found:
    return _found(context.web.lists.get_by_id(id_).get().select(["Id", "Title"]).execute_query())


def all_lists(context: ClientContext) -> list[Found]:
    return [_found(list_) for list_ in context.web.lists.get().select(["Id", "Title"]).execute_query()]


def item_count(context: ClientContext, list_id: str) -> int:
    """Of items in all folders, the folders included."""
    return int(context.web.lists.get_by_id(list_id).get().select(["ItemCount"]).execute_query().properties["ItemCount"])


@dataclass(frozen=True, slots=True)
class ListSettings:
    """``approves``: items are drafts until somebody approves them; ``validated``: by a formula for the whole row."""

    items: int
    keeps_versions: bool
    approves: bool
    validated: bool


def list_settings(context: ClientContext, list_id: str) -> ListSettings:
    wanted = ["ItemCount", "EnableVersioning", "EnableModeration", "ValidationFormula"]
    told = context.web.lists.get_by_id(list_id).get().select(wanted).execute_query().properties
    versions, moderation = bool(told.get("EnableVersioning")), bool(told.get("EnableModeration"))
    return ListSettings(int(told["ItemCount"]), versions, moderation, bool(told.get("ValidationFormula")))


def change_token(context: ClientContext, list_id: str) -> str:
    """Where the list's change log is now."""
    found = context.web.lists.get_by_id(list_id).get().select(["CurrentChangeToken"]).execute_query()
    token = found.current_change_token.StringValue
    if not token:
        raise Garbled("SharePoint told no change token of the list")
    return str(token)


def list_columns(context: ClientContext, list_id: str) -> list[ListColumn]:
    """All columns, the hidden ones too: a name that is taken is taken."""
    fields = context.web.lists.get_by_id(list_id).fields.get().select(list(_SELECTED)).execute_query()
    columns = [_column(field.properties) for field in fields]
    if not columns:  # every list has some, so this is no answer to the question
        raise Garbled("SharePoint named no columns of the list")
    return columns


def regional_settings(context: ClientContext) -> Regional:
    """How the site writes dates. DateFormat: 0 month first, 1 day first, 2 year first."""
    settings: Mapping[str, Any] = context.web.regional_settings.get().execute_query().properties
    return Regional(
        order=("mdy", "dmy", "ymd")[int(settings.get("DateFormat") or 0)],
        date_separator=settings.get("DateSeparator") or "/",
        time_separator=settings.get("TimeSeparator") or ":",
        hours_24=bool(settings.get("Time24")),
        am_pm=(settings.get("AM") or "AM", settings.get("PM") or "PM"),
    )


def item_properties(
    context: ClientContext, list_id: str, row_id: int, select: Sequence[str], expand: Sequence[str]
) -> dict[str, Any]:
    """One item's selected properties; those expanded as a dictionary each, or a list of them."""
    item = context.web.lists.get_by_id(list_id).items.get_by_id(row_id).get().select(list(select)).expand(list(expand))
    properties = dict(item.execute_query().properties)
    for name in expand:
        value = properties.get(name)
        properties[name] = getattr(value, "properties", value) or {}
    return {name: _as_it_came(value) for name, value in properties.items()}


def _as_it_came(value: Any) -> Any:
    """The library makes of a list a dictionary by position."""
    if not isinstance(value, Mapping):
        return value
    if value and all(isinstance(name, int) for name in value):
        return [_as_it_came(one) for one in value.values()]
    return dict(value)


def make_list(context: ClientContext, title: str, description: str) -> Found:
    """Of items."""
    creation = ListCreationInformation(Title=title, Description=description, BaseTemplate=ListTemplateType.GenericList)
    made = context.web.lists.add(creation).execute_query()
    return _found(made)


def keep_no_versions(context: ClientContext, list_id: str) -> None:
    context.web.lists.get_by_id(list_id).set_property("EnableVersioning", False).update().execute_query()


def add_column(
    context: ClientContext, list_id: str, specification: Specification, display: str, *, in_view: bool = False
) -> None:
    """SharePoint derives the internal name from the display name, unless the schema's Name is declared a hint.

    ``in_view``: whether people see the column in the list's default view.
    """
    fields = context.web.lists.get_by_id(list_id).fields
    options = AddFieldOptions.AddToDefaultContentType | AddFieldOptions.AddFieldInternalNameHint
    if in_view:
        options |= AddFieldOptions.AddFieldToDefaultView
    creation = XmlSchemaFieldCreationInformation(column_schema(specification, display), int(options))
    # fields.create_field_as_xml() is the same call, but has no way to give the options.
    field = Field(context)
    fields.add_child(field)
    context.add_query(ServiceOperationQuery(fields, "CreateFieldAsXml", None, {"parameters": creation}, None, field))
    context.execute_query()


def column_schema(specification: Specification, display: str) -> str:
    name = creation_name(specification.column, display)
    choices = "".join(f"<CHOICE>{escape(choice)}</CHOICE>" for choice in specification.choices)
    inner = f"<CHOICES>{choices}</CHOICES>" if choices else ""
    inner += "<Default>0</Default>" if specification.kind is Kind.YES_NO else ""
    indexed = ' Indexed="TRUE"' if specification.indexed else ""
    return (
        f"<Field {_TYPES[specification.kind]} Name={quoteattr(name)} StaticName={quoteattr(name)} "
        f"DisplayName={quoteattr(display)} Description={quoteattr(specification.description)} "
        f'Required="FALSE"{indexed}>{inner}</Field>'
    )


def set_column(context: ClientContext, list_id: str, setting: Setting) -> None:
    column = context.web.lists.get_by_id(list_id).fields.get_by_id(setting.column.id)
    column.set_property(_PROPERTIES[setting.trait], setting.value).update().execute_query()


def _found(list_: Any) -> Found:
    return Found(str(list_.properties["Id"]), str(list_.properties["Title"]))


def _column(properties: Mapping[str, Any]) -> ListColumn:
    internal = str(properties["InternalName"])
    choices = properties.get("Choices") or {}
    return ListColumn(
        internal=internal,
        display=str(properties.get("Title") or internal),
        kind=_kind(properties),
        wire=str(properties.get("EntityPropertyName") or internal),
        choices=tuple(choices.values() if isinstance(choices, Mapping) else choices),
        id=str(properties.get("Id") or ""),
        description=str(properties.get("Description") or ""),
        formatting=str(properties.get("CustomFormatter") or ""),
        part=str(properties.get("LookupField") or "Title") if _kind(properties) in _LEADING_ELSEWHERE else "",
        rules=Rules(
            read_only=bool(properties.get("ReadOnlyField")),
            hidden=bool(properties.get("Hidden")),
            required=bool(properties.get("Required")),
            unique=bool(properties.get("EnforceUniqueValues")),
            validated=bool(properties.get("ValidationFormula")),
            indexed=bool(properties.get("Indexed")),
        ),
    )


def _kind(properties: Mapping[str, Any]) -> Kind:
    kind = _KINDS.get(properties.get("TypeAsString") or "", Kind.OTHER)
    if kind is Kind.NOTE and properties.get("RichText"):
        return Kind.RICH_NOTE
    return Kind.DATE if kind is Kind.TIME and properties.get("DisplayFormat") == _DATE_ONLY else kind
