"""Asking SharePoint one question of structure, and finding the list that a setting names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sync_agent.microsoft365 import sharepoint_structure as structure
from sync_agent.microsoft365.errors import NotFound
from sync_agent.microsoft365.list_place import Place, list_id
from sync_agent.microsoft365.office365_bridge import client_context, run
from sync_agent.microsoft365.sharepoint_bulk import Site
from sync_agent.microsoft365.sharepoint_structure import Found

T = TypeVar("T")


async def ask(site: Site, question: Callable[..., T], *arguments: Any) -> T:
    """Put a question of sharepoint_structure, in a thread, by a context of its own. Raises ServiceError."""
    context = client_context(site.url, site.transport, site.tokens, site.budget)
    return await run(lambda: question(context, *arguments))


async def find_list(site: Site, place: Place) -> Found:
    """Raises ListProblem where the site or the list is not there, ServiceError."""
    id_ = list_id(place.wanted)
    try:
        if id_ is not None:
            return await ask(site, structure.list_by_id, id_)
        return await ask(site, structure.list_by_title, place.wanted)
    except NotFound:
        return await _find_among_all(site, place)


async def _find_among_all(site: Site, place: Place) -> Found:
    """Titles compare without regard to case, and the address of a title cannot hold every character."""
    try:
        lists = await ask(site, structure.all_lists)
    except NotFound as error:
        raise place.no_site() from error
    wanted = place.wanted.casefold()
    for found in lists:
        if found.title.casefold() == wanted:
            return found
    raise place.no_list([found.title for found in lists])
