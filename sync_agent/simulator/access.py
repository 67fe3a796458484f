"""Who may do what in a site and its lists."""

from __future__ import annotations

from sync_agent.simulator.tokens import Principal
from sync_agent.simulator.wire import Failure
from sync_agent.simulator.world import Site

_RANK = {"none": 0, "read": 1, "write": 2, "manage": 3, "owner": 4, "fullcontrol": 4}
_BY_PERMISSION = {
    "Sites.Read.All": "read",
    "Sites.ReadWrite.All": "write",
    "Sites.Manage.All": "manage",
    "Sites.FullControl.All": "fullcontrol",
    "AllSites.Read": "read",
    "AllSites.Write": "write",
    "AllSites.Manage": "manage",
    "AllSites.FullControl": "fullcontrol",
}


def require(
    principal: Principal, site: Site, role: str, code: str = "accessDenied", *, list_alone: bool = True
) -> None:
    """Raises Failure(403) where the caller's role in the site is below ``role``.

    ``list_alone``: whether a permission on one list could be enough, as it is for all but making another one.
    """
    granted = principal.granted
    roles = [_BY_PERMISSION[permission] for permission in granted if permission in _BY_PERMISSION]
    if "Sites.Selected" in granted or (list_alone and "Lists.SelectedOperations.Selected" in granted):
        roles.append(site.grants.get(principal.app_id, "none"))
    if max((_RANK[one] for one in roles), default=0) < _RANK[role]:
        raise Failure(403, code, "Access denied. You do not have permission to perform this action.")
