"""SharePoint REST under a site: the site itself here; lists, items, forms and the batch have files of their own."""

from __future__ import annotations

import uuid

from sync_agent.simulator import rest_changes, rest_items, rest_json, rest_lists
from sync_agent.simulator.rest_access import API, rest_route, site_of
from sync_agent.simulator.wire import Call, Reply, Route


def routes() -> list[Route]:
    return [
        rest_route("POST", API + "/contextinfo", _context_info),
        rest_route("GET", API + "/web", _web),
        rest_route("GET", API + "/web/regionalsettings", _regional_settings),
        *rest_lists.routes(),
        *rest_items.routes(),
        *rest_changes.routes(),
    ]


def _context_info(call: Call) -> Reply:
    site_of(call, "read", 1)
    info = {
        "FormDigestTimeoutSeconds": 1800,
        "FormDigestValue": f"0x{uuid.uuid4().hex},now",
        "WebFullUrl": call.world.origin + call.groups["site"],
    }
    if rest_json.shape(call) == "verbose":
        return rest_json.one(call, "SP.ContextWebInformation", "", {"GetContextWebInformation": info})
    return rest_json.one(call, "SP.ContextWebInformation", "", info)


def _web(call: Call) -> Reply:
    site = site_of(call, "read", 1)
    url = f"{call.world.origin}{site.path}"
    value = {"Id": site.id, "Title": site.title, "Url": url, "ServerRelativeUrl": site.path, "Language": 1033}
    return rest_json.one(call, "SP.Web", f"{url}/_api/Web", rest_json.selected(call, value))


def _regional_settings(call: Call) -> Reply:
    """DateFormat: 0 month first, 1 day first, 2 year first (SP.RegionalSettings)."""
    site = site_of(call, "read", 1)
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
    return rest_json.one(call, "SP.RegionalSettings", "", rest_json.selected(call, value))
