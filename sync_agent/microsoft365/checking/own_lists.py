"""Looking at the lists of the service's own: whether provision would have anything to make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from sync_agent.check.observed import OwnListSeen
from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.agent_list import agent_list_place
from sync_agent.microsoft365.anomaly_list import anomaly_list
from sync_agent.microsoft365.checking.trouble import trouble_of
from sync_agent.microsoft365.companion_items import companion_shape
from sync_agent.microsoft365.errors import ServiceError
from sync_agent.microsoft365.list_answers import ListProblem
from sync_agent.microsoft365.own_list import own_list
from sync_agent.microsoft365.pacing import Budget
from sync_agent.microsoft365.provisioning import NOTES
from sync_agent.microsoft365.transport import Transport
from sync_agent.settings import Settings

Provision = Callable[[bool], Awaitable[list[str]]]
_NEEDED = ("list ", "column ")
"""How a line begins that says what the service cannot do without."""


def own_lists(
    settings: Settings, accounts: Mapping[str, Account], transport: Transport, budget: Budget
) -> Sequence[tuple[str, Provision]]:
    """Each that the settings name: the setting, and what says what it lacks."""
    found: list[tuple[str, Provision]] = []
    wanted = settings.sharepoint.presence_list
    if wanted is not None:
        place = agent_list_place(settings)
        shape = companion_shape(place.names)
        companion = own_list(settings, accounts, transport, budget, place, wanted=wanted, shape=shape)
        found.append(("sharepoint.presence_list", companion.provision))
    anomalies = anomaly_list(settings, accounts, transport, budget)
    if anomalies is not None:
        found.append(("sharepoint.anomaly_list", anomalies.provision))
    return found


async def see_own_list(setting: str, provision: Provision, account: str, host: str) -> OwnListSeen:
    try:
        lines = await provision(True)
    except ListProblem as problem:
        return OwnListSeen(account, setting, unfit=str(problem), host=host)
    except ServiceError as failure:
        return OwnListSeen(account, setting, trouble=trouble_of(failure), host=host)
    lacking = tuple(line for line in lines if line.startswith(_NEEDED))
    unfinished = tuple(line for line in lines if not line.startswith((*_NEEDED, *NOTES)))
    return OwnListSeen(account, setting, lacking, unfinished=unfinished, host=host)
