"""What `sync-agent check` sees of the Agent list, by the API that the settings choose, and of the lists beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sync_agent.check.observed import ListSeen, OwnListSeen, SignInSeen, SitePermissions
from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.agent_list import agent_list_place
from sync_agent.microsoft365.checking import graph_list
from sync_agent.microsoft365.checking.own_lists import own_lists, see_own_list
from sync_agent.microsoft365.checking.signing_in import see_sign_in
from sync_agent.microsoft365.graph import Graph
from sync_agent.microsoft365.list_place import Place
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.retrying import Retrying
from sync_agent.microsoft365.transport import Transport
from sync_agent.settings import Settings


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """``agents``: None where the account that opens the site cannot sign in."""

    sign_in: SignInSeen
    permissions: SitePermissions | None = None
    agents: ListSeen | None = None
    beside: Sequence[OwnListSeen] = ()


async def see_agent_list(
    settings: Settings, accounts: Mapping[str, Account], transport: Transport, budget: Budget, retrying: Retrying
) -> ListAnswer:
    place, account, api = agent_list_place(settings), accounts[settings.sharepoint.account], settings.list_api()
    configured = settings.account(account.id)
    origin = account.endpoints.graph if api == "graph" else place.origin
    sign_in = await see_sign_in(account, configured, origin)
    if sign_in.outcome != "signed_in":
        return ListAnswer(sign_in)
    service = "Microsoft Graph" if api == "graph" else "SharePoint"
    permissions = SitePermissions(account.id, service, sign_in.by_person, sign_in.granted)
    host = urlsplit(origin).netloc
    seen = ListSeen(
        account.id,
        host,
        api,
        place.site_url,
        place.wanted,
        by_secret=configured.auth == "client_secret",
        has_presence_list=settings.sharepoint.presence_list is not None,
    )
    if api == "graph":
        graph = Graph(transport, account.tokens(origin), origin, budget, "list", retrying=retrying)
        looking = graph_list.see_list(graph, place, seen)
    else:
        looking = _by_rest(transport, account, budget, place, seen)
    beside = [
        see_own_list(setting, provision, account.id, host)
        for setting, provision in own_lists(settings, accounts, transport, budget)
    ]
    agents, own = await asyncio.gather(looking, asyncio.gather(*beside))
    return ListAnswer(sign_in, permissions, agents, () if agents.trouble is not None else own)


async def _by_rest(transport: Transport, account: Account, budget: Budget, place: Place, seen: ListSeen) -> ListSeen:
    # The Office365 library takes 0.9 s to import, which who reads by Graph need not wait for.
    from sync_agent.microsoft365.checking import rest_list  # noqa: PLC0415
    from sync_agent.microsoft365.sharepoint_bulk import Site  # noqa: PLC0415

    return await rest_list.see_list(Site(place.site_url, transport, account.tokens(place.origin), budget), place, seen)
