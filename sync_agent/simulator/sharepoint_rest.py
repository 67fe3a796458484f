"""SharePoint REST under a site: web, lists, fields, views, items; the batch and the forms have files of their own."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

from sync_agent.simulator import access, rest_json
from sync_agent.simulator.lists import SERVICE, VIEW_THRESHOLD, ListColumn, ListItem, SharePointList, internal_name
from sync_agent.simulator.rest_forms import validate_update
from sync_agent.simulator.tokens import Principal, principal
from sync_agent.simulator.wire import Call, Failure, Reply, Route, route
from sync_agent.simulator.world import Site

_API = r"(?P<site>/(?:sites|teams)/[^/]+)/_api"
_LIST = (
    _API
    + r"/web/lists(?:/getbytitle\('(?P<title>(?:[^']|'')*)'\)|/getbyid\('(?P<id>[^']+)'\)"
    + r"|\(guid'(?P<guid>[^']+)'\)|\('(?P<plain>[^']+)'\))"
)
_ITEM = _LIST + r"/items(?:\((?P<item>\d+)\)|/getbyid\((?P<item2>\d+)\)|/getitembyid\((?P<item3>\d+)\))"
_TYPES = {
    "Text": 2,
    "Note": 3,
    "DateTime": 4,
    "Counter": 5,
    "Choice": 6,
    "Number": 9,
    "URL": 11,
    "Computed": 12,
    "Attachments": 19,
    "User": 20,
}
_LARGEST_PAGE = 5_000
_DEFAULT_PAGE = 100


def routes() -> list[Route]:
    return [
        _route("POST", _API + "/contextinfo", _context_info),
        _route("GET", _API + "/web", _web),
        _route("GET", _API + "/web/regionalsettings", _regional_settings),
        _route("GET", _API + "/web/lists", _lists),
        _route("GET", _LIST, _one_list),
        _route("GET", _LIST + "/fields", _fields),
        _route("POST", _LIST + "/fields/createfieldasxml", _create_field),
        _route("GET", _LIST + "/views", _views),
        _route("POST", _LIST + "/views(?:/add)?", _add_view),
        _route("GET", _LIST + "/items", _items),
        _route("GET", _ITEM, _item),
        _route("GET", _ITEM + "/parentlist", _one_list),
        _route("POST", _ITEM, _merge),
        _route("POST", _ITEM + "/validateupdatelistitem", _validate_update),
    ]


def _route(method: str, pattern: str, handler: Any) -> Route:
    def answered(call: Call) -> Reply:
        try:
            return handler(call)  # type: ignore[no-any-return]
        except Failure as error:
            return rest_json.failure(call, error)

    return route(method, pattern, answered)


def caller(call: Call, role: str, units: float) -> tuple[Site, Principal]:
    """The site and who asks, charged for it. Raises Failure."""
    who = principal(call, (call.world.origin,))
    if who.user is None and not who.by_certificate:
        raise Failure(401, "-2147024891, System.UnauthorizedAccessException", "Unsupported app only token.")
    site = call.world.sites.get(call.groups["site"].lower())
    if site is None:
        raise Failure(404, "-1, System.IO.FileNotFoundException", "The site was not found.")
    access.require(call.world, who, site, role, "-2147024891, System.UnauthorizedAccessException")
    access.charge(call.world, who, units)
    return site, who


def _list_of(call: Call, role: str, units: float) -> tuple[Site, SharePointList, Principal]:
    site, who = caller(call, role, units)
    title = call.groups.get("title")
    wanted = (
        title.replace("''", "'")
        if title is not None
        else call.groups["id"] or call.groups["guid"] or call.groups["plain"]
    )
    by_title = {known.title.lower(): known for known in site.lists.values()}
    found = by_title.get(wanted.lower()) if title is not None else site.lists.get(wanted.strip("{}").lower())
    if found is None:
        message = f"List '{wanted}' does not exist at site with URL '{call.world.origin}{site.path}'."
        raise Failure(404, "-1, System.ArgumentException", message)
    return site, found, who


def _context_info(call: Call) -> Reply:
    caller(call, "read", 1)
    info = {
        "FormDigestTimeoutSeconds": 1800,
        "FormDigestValue": f"0x{uuid.uuid4().hex},now",
        "WebFullUrl": call.world.origin + call.groups["site"],
    }
    if rest_json.shape(call) == "verbose":
        return rest_json.one(call, "SP.ContextWebInformation", "", {"GetContextWebInformation": info})
    return rest_json.one(call, "SP.ContextWebInformation", "", info)


def _web(call: Call) -> Reply:
    site, _ = caller(call, "read", 1)
    url = f"{call.world.origin}{site.path}"
    value = {"Id": site.id, "Title": site.title, "Url": url, "ServerRelativeUrl": site.path, "Language": 1033}
    return rest_json.one(call, "SP.Web", f"{url}/_api/Web", _selected(call, value))


def _regional_settings(call: Call) -> Reply:
    """DateFormat: 0 month first, 1 day first, 2 year first (SP.RegionalSettings)."""
    site, _ = caller(call, "read", 1)
    american = site.locale_id == 1033
    value = {
        "LocaleId": site.locale_id,
        "DateFormat": 0 if american else 1,
        "DateSeparator": "/" if american else ".",
        "TimeSeparator": ":",
        "Time24": not american,
        "AM": "AM" if american else "",
        "PM": "PM" if american else "",
    }
    return rest_json.one(call, "SP.RegionalSettings", "", _selected(call, value))


def _lists(call: Call) -> Reply:
    site, _ = caller(call, "read", 2)
    values = [(_selected(call, _list_json(found)), None) for found in site.lists.values()]
    return rest_json.many(call, "SP.List", call.world.origin + call.path, values)


def _one_list(call: Call) -> Reply:
    _, found, _ = _list_of(call, "read", 1)
    return rest_json.one(call, "SP.List", call.world.origin + call.path, _selected(call, _list_json(found)))


def _list_json(found: SharePointList) -> dict[str, Any]:
    return {
        "Id": found.id,
        "Title": found.title,
        "ItemCount": len(found.items),
        "EnableVersioning": found.versioning,
        "ListItemEntityTypeFullName": "SP.Data.ListListItem",
        "BaseTemplate": 100,
        "Hidden": False,
    }


def _fields(call: Call) -> Reply:
    _, found, _ = _list_of(call, "read", 2)
    values = [(_selected(call, _field_json(column)), None) for column in found.columns.values()]
    return rest_json.many(call, "SP.Field", call.world.origin + call.path, values)


def _field_json(column: ListColumn) -> dict[str, Any]:
    value: dict[str, Any] = {
        "Id": str(uuid.uuid5(uuid.NAMESPACE_OID, column.internal)),
        "InternalName": column.internal,
        "StaticName": column.internal,
        "EntityPropertyName": f"OData_{column.internal}" if column.internal.startswith("_") else column.internal,
        "Title": column.display,
        "TypeAsString": column.type,
        "FieldTypeKind": _TYPES.get(column.type, 0),
        "Description": column.description,
        "ReadOnlyField": column.read_only,
        "Hidden": column.hidden,
        "Indexed": column.indexed,
        "Required": False,
    }
    if column.type == "Choice":
        value |= {"Choices": list(column.choices), "FillInChoice": column.fill_in}
    if column.type == "Note":
        value |= {"RichText": column.rich}
    if column.type == "DateTime":
        value |= {"DisplayFormat": 0 if column.date_only else 1}
    return value


def _create_field(call: Call) -> Reply:
    """The internal name comes of the display name, unless option 8 (AddFieldInternalNameHint) takes the schema's."""
    _, found, _ = _list_of(call, "manage", 2)
    parameters = call.json().get("parameters", {})
    try:
        schema = fromstring(parameters.get("SchemaXml", ""))
    except ParseError as error:
        raise Failure(400, "-2147024809, System.ArgumentException", "The field schema is not valid XML.") from error
    display = schema.get("DisplayName") or schema.get("Name") or ""
    hinted = int(parameters.get("Options", 0)) & 8
    name = internal_name(schema.get("Name", display) if hinted else display)
    column = ListColumn(
        name,
        display,
        schema.get("Type", "Text"),
        tuple(choice.text or "" for choice in schema.iter("CHOICE")),
        fill_in=schema.get("FillInChoice", "").upper() == "TRUE",
        description=schema.get("Description", ""),
        rich=schema.get("RichText", "").upper() == "TRUE",
        date_only=schema.get("Format") == "DateOnly",
    )
    try:
        found.add_column(column)
    except Failure as error:
        raise Failure(500, "-2130575294, Microsoft.SharePoint.SPDuplicateFieldException", error.message) from error
    return rest_json.one(call, "SP.Field", call.world.origin + call.path, _field_json(column))


def _views(call: Call) -> Reply:
    _, found, _ = _list_of(call, "read", 2)
    values = [
        (_selected(call, {"Id": str(uuid.uuid5(uuid.NAMESPACE_OID, title)), **view}), None)
        for title, view in found.views.items()
    ]
    return rest_json.many(call, "SP.View", call.world.origin + call.path, values)


def _add_view(call: Call) -> Reply:
    _, found, _ = _list_of(call, "manage", 2)
    body = call.json()
    wanted = body.get("parameters", body)
    title = str(wanted.get("Title") or "")
    if not title:
        raise Failure(400, "-2147024809, System.ArgumentException", "A view needs a title.")
    fields = wanted.get("ViewFields") or {}
    names = fields.get("results", []) if isinstance(fields, dict) else fields
    unknown = [name for name in names if name not in found.columns]
    if unknown:
        raise Failure(400, "-2147024809, System.ArgumentException", f"Column '{unknown[0]}' does not exist.")
    found.views[title] = {
        "Title": title,
        "ViewFields": names,
        "ViewQuery": wanted.get("Query") or wanted.get("ViewQuery") or "",
    }
    return rest_json.one(call, "SP.View", call.world.origin + call.path, {"Title": title})


def _selected(call: Call, value: dict[str, Any]) -> dict[str, Any]:
    select = call.query.get("$select")
    return value if not select else {name: value[name] for name in select.split(",") if name in value}


def _items(call: Call) -> Reply:
    site, found, _ = _list_of(call, "read", 2)
    top = int(call.query.get("$top", _DEFAULT_PAGE))
    if not 1 <= top <= _LARGEST_PAGE:
        raise Failure(
            400, "-1, Microsoft.SharePoint.Client.InvalidClientQueryException", "The value of $top is out of range."
        )
    ids = _filtered(found, call.query.get("$filter"))
    if (
        "$orderby" in call.query
        and call.query["$orderby"].split()[0].lower() not in ("id",)
        and len(found.items) > VIEW_THRESHOLD
    ):
        raise _over_threshold()
    after = _after(call.query.get("$skiptoken"))
    ids = [id_ for id_ in ids if id_ > after]
    values = [_item_json(call, found, found.items[id_]) for id_ in ids[:top]]
    following = None
    if len(ids) > top:
        kept = "&".join(f"{quote(k)}={quote(v, safe='(),/')}" for k, v in call.query.items() if k != "$skiptoken")
        token = quote(f"Paged=TRUE&p_ID={ids[top - 1]}")
        following = f"{call.world.origin}{quote(call.path)}?{kept}&%24skiptoken={token}"
    return rest_json.many(
        call, "SP.Data.ListListItem", f"{call.world.origin}{site.path}/_api/Web/Lists", values, following
    )


def _after(token: str | None) -> int:
    found = re.search(r"p_ID=(\d+)", token or "")
    return int(found[1]) if found else 0


def _over_threshold() -> Failure:
    message = "The attempted operation is prohibited because it exceeds the list view threshold."
    return Failure(500, "-2147024860, Microsoft.SharePoint.SPQueryThrottledException", message)


def _filtered(found: SharePointList, text: str | None) -> list[int]:
    """Ids by `Id eq n or Id eq m …`, or by a comparison on an indexed column; nothing else on a large list."""
    if text is None:
        return sorted(found.items)
    clauses = [clause.strip(" ()") for clause in re.split(r"\s+or\s+", text.strip())]
    by_id = [re.fullmatch(r"(?:Id|ID) eq (\d+)", clause) for clause in clauses]
    if all(by_id):
        return sorted({int(match[1]) for match in by_id if match} & found.items.keys())
    matched = re.fullmatch(r"(\w+) eq '((?:[^']|'')*)'", text.strip())
    column = found.columns.get(matched[1]) if matched else None
    if matched is None or column is None:
        raise Failure(
            400, "-1, Microsoft.SharePoint.Client.InvalidClientQueryException", f'The expression "{text}" is not valid.'
        )
    if not column.indexed and len(found.items) > VIEW_THRESHOLD:
        raise _over_threshold()
    value = matched[2].replace("''", "'")
    return sorted(id_ for id_, item in found.items.items() if item.fields.get(column.internal) == value)


def _item_json(call: Call, found: SharePointList, item: ListItem) -> tuple[dict[str, Any], str]:
    stamp = item.modified.strftime("%Y-%m-%dT%H:%M:%SZ")
    whole: dict[str, Any] = {
        "Id": item.id,
        "ID": item.id,
        "FileSystemObjectType": int(item.is_folder),
        "Modified": stamp,
        "Created": item.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "AuthorId": item.author.id,
        "EditorId": item.editor.id,
        "OData__UIVersionString": f"{item.versions[-1].number}.0",
    }
    people = {"Editor": item.editor, "Author": item.author}
    select = call.query.get("$select")
    if select is None:
        ours = {name: item.fields.get(name) for name, column in found.columns.items() if not column.read_only}
        return {**whole, **ours}, f'"{item.revision}"'
    expand = call.query.get("$expand", "").split(",")
    value: dict[str, Any] = {}
    for name in select.split(","):
        person, _, part = name.partition("/")
        if part:
            if person not in expand or person not in people:
                raise Failure(
                    400,
                    "-1, Microsoft.SharePoint.Client.InvalidClientQueryException",
                    f"The query to field '{name}' is not valid. The $select query string must specify the target "
                    f"fields and the $expand query string must contain {person}.",
                )
            value.setdefault(person, {})[part] = {
                "Name": people[person].login,
                "Title": people[person].name,
                "Id": people[person].id,
            }.get(part)
        elif name in whole:
            value[name] = whole[name]
        elif name in found.columns:
            value[name] = item.fields.get(name)
        else:
            raise Failure(
                400, "-1, Microsoft.SharePoint.SPException", f"The field or property '{name}' does not exist."
            )
    return value, f'"{item.revision}"'


def _one(call: Call, role: str, units: float) -> tuple[SharePointList, ListItem, Principal]:
    _, found, who = _list_of(call, role, units)
    item = found.items.get(int(call.groups["item"] or call.groups["item2"] or call.groups["item3"]))
    if item is None:
        raise Failure(
            404,
            "-2130575338, Microsoft.SharePoint.SPException",
            "Item does not exist. It may have been deleted by another user.",
        )
    return found, item, who


def _item(call: Call) -> Reply:
    found, item, _ = _one(call, "read", 1)
    value, etag = _item_json(call, found, item)
    reply = rest_json.one(call, "SP.Data.ListListItem", call.world.origin + call.path, value, etag)
    reply.headers["etag"] = etag
    return reply


def _merge(call: Call) -> Reply:
    """X-HTTP-Method: MERGE with IF-MATCH; a new version."""
    found, item, _ = _one(call, "write", 2)
    method = call.headers.get("x-http-method", "").upper()
    if method not in ("MERGE", "PATCH"):
        raise Failure(
            400,
            "-1, Microsoft.SharePoint.Client.InvalidClientQueryException",
            "The HTTP method POST is not allowed here.",
        )
    wanted = call.headers.get("if-match")
    if wanted is None:
        raise Failure(
            412, "-1, Microsoft.SharePoint.Client.ClientServiceException", "The request ETag value is missing."
        )
    if wanted not in ("*", f'"{item.revision}"'):
        raise Failure(
            412,
            "-1, Microsoft.SharePoint.Client.InvalidClientQueryException",
            "The request ETag value does not match the object's ETag value.",
        )
    values = {}
    for name, value in call.json().items():
        if name == "__metadata":
            continue
        column = found.columns.get(name)
        if column is None:
            raise Failure(
                400,
                "-1, Microsoft.SharePoint.Client.InvalidClientQueryException",
                f"The property '{name}' does not exist on type 'SP.Data.ListListItem'.",
            )
        try:
            values[name] = found.accept(column, value)
        except ValueError as error:
            raise Failure(400, "-2130575340, Microsoft.SharePoint.SPFieldValidationException", str(error)) from error
    found.edit(item.id, values, SERVICE)
    return Reply(204, b"", {"etag": f'"{item.revision}"'})


def _validate_update(call: Call) -> Reply:
    site, _ = caller(call, "write", 0)
    found, item, _ = _one(call, "write", 2)
    return rest_json.result_of(call, "ValidateUpdateListItem", validate_update(site, found, item, call.json()))
