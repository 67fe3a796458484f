"""What SharePoint is asked about a list's views, by Office365-REST-Python-Client, as sharepoint_structure does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from office365.runtime.types.collections import StringCollection
from office365.sharepoint.client_context import ClientContext
from office365.sharepoint.views.create_information import ViewCreationInformation

from sync_agent.microsoft365.list_views import View

_HTML_VIEW = 1
_ROWS_OF_A_PAGE = 100


def list_views(context: ClientContext, list_id: str) -> list[View]:
    """Those that everybody sees."""
    asked = context.web.lists.get_by_id(list_id).views.get()
    views = asked.select(["Title", "ViewQuery", "ViewFields", "PersonalView"]).expand(["ViewFields"]).execute_query()
    return [_view(view.properties) for view in views if not view.properties.get("PersonalView")]


def add_view(context: ClientContext, list_id: str, view: View) -> None:
    creation = ViewCreationInformation(
        Title=view.title,
        ViewTypeKind=_HTML_VIEW,
        ViewFields=StringCollection(list(view.fields)),
        RowLimit=_ROWS_OF_A_PAGE,
        Query=view.query,
        PersonalView=False,
        Paged=True,
    )
    context.web.lists.get_by_id(list_id).views.add(creation).execute_query()


def _view(properties: Mapping[str, Any]) -> View:
    fields = properties.get("ViewFields")
    return View(str(properties.get("Title") or ""), tuple(fields or ()), str(properties.get("ViewQuery") or ""))
