"""ValidateUpdateListItem: a form of texts, answered field by field; nothing is saved when one field is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from sync_agent.simulator.lists import SERVICE, TEAM_LEADER, ListItem, Person, SharePointList
from sync_agent.simulator.wire import Failure
from sync_agent.simulator.world import Site

_PEOPLE = {person.login: person for person in (SERVICE, TEAM_LEADER)}


def validate_update(site: Site, found: SharePointList, item: ListItem, body: dict[str, Any]) -> list[dict[str, Any]]:
    values: dict[str, Any] = {}
    stamp: dict[str, Any] = {}
    results: list[dict[str, Any]] = []
    for name, text in _form(body):
        message = None
        try:
            if name in ("Modified", "Editor"):
                stamp[name] = _stamp(site, name, text, bool(body.get("datesInUTC")))
            else:
                values[name] = _value(site, found, name, text, bool(body.get("datesInUTC")))
        except ValueError as error:
            message = str(error)
        results.append(_result(item, name, text, message))
    if results and not any(result["HasException"] for result in results):
        editor, modified = stamp.get("Editor", SERVICE), stamp.get("Modified")
        if body.get("bNewDocumentUpdate"):
            found.overwrite(item.id, values, modified, editor)
        else:
            found.edit(item.id, values, editor)
    return results


def _form(body: dict[str, Any]) -> list[tuple[str, Any]]:
    """Field names and texts; the verbose form wraps the list. Raises Failure."""
    fields = body.get("formValues")
    fields = fields.get("results") if isinstance(fields, dict) else fields
    if not isinstance(fields, list) or not all(isinstance(field, dict) and field.get("FieldName") for field in fields):
        message = "The parameter formValues is not a list of field names and values."
        raise Failure(400, "-1, Microsoft.SharePoint.Client.InvalidClientQueryException", message)
    return [(str(field["FieldName"]), field.get("FieldValue")) for field in fields]


def _result(item: ListItem, name: str, text: Any, message: str | None) -> dict[str, Any]:
    return {
        "ErrorCode": -2130575340 if message else 0,
        "ErrorMessage": message,
        "FieldName": name,
        "FieldValue": text,
        "HasException": message is not None,
        "ItemId": item.id,
    }


def _stamp(site: Site, name: str, text: Any, in_utc: bool) -> Any:
    if name == "Modified":
        return _date(site, str(text), in_utc)
    try:
        login = orjson.loads(text)[0]["Key"]
    except (orjson.JSONDecodeError, LookupError, TypeError) as error:
        raise ValueError("A list of people was expected.") from error
    person: Person | None = _PEOPLE.get(login)
    if person is None:
        raise ValueError(f"The user '{login}' does not exist or is not unique.")
    return person


def _value(site: Site, found: SharePointList, name: str, text: Any, in_utc: bool) -> Any:
    column = found.columns.get(name)
    if column is None:
        raise ValueError(f"Column '{name}' does not exist. It may have been deleted by another user.")
    if not isinstance(text, str):
        raise ValueError("A text was expected.")
    if column.type == "DateTime" and text:
        return found.accept(column, _date(site, text, in_utc))
    return found.accept(column, text)


def _date(site: Site, text: str, in_utc: bool) -> datetime:
    """The site's regional format and, unless the form says that its dates are in UTC, its time; ISO 8601 with UTC."""
    american = site.locale_id == 1033
    formats = (
        ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y")
        if american
        else ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y")
    )
    for format_ in (*formats, *(("%Y-%m-%dT%H:%M:%SZ",) if in_utc and site.takes_iso_dates else ())):
        try:
            written = datetime.strptime(text, format_).replace(tzinfo=UTC)
        except ValueError:
            continue
        return written if in_utc else written - site.utc_offset
    raise ValueError("You must specify a valid date within the range of 1/1/1900 and 12/31/8900.")
