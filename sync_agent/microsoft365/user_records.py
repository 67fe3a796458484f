"""Users as the directory gives them, and what we make of them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sync_agent.model import User

SELECT = "id,userPrincipalName,displayName,accountEnabled,userType,mail,proxyAddresses,otherMails,assignedPlans"

_TEAMS_PLAN = "57ff2da0-773e-42df-b2af-ffb7a2317929"
"""The service plan TEAMS1 ("Product names and service plan identifiers for licensing")."""
_IN_FORCE = frozenset({"enabled", "warning"})
"""capabilityStatus of a plan that works; warning: in its grace period. The others are Suspended, Deleted, LockedOut."""
_GUEST_MARK = "#ext#"
_SCHEMES = frozenset({"smtp", "sip"})
"""Of proxy addresses that people know somebody by. Others, as x500, are for machines."""


class AssignedPlan(msgspec.Struct, frozen=True, gc=False):
    service: str | None = None
    status: str | None = msgspec.field(default=None, name="capabilityStatus")
    plan_id: str | None = msgspec.field(default=None, name="servicePlanId")

    @property
    def gives_teams(self) -> bool:
        """Teams' service is called TeamspaceAPI. Others named for Teams count too: nobody is accused lightly."""
        return self.for_teams and (self.status or "").lower() in _IN_FORCE

    @property
    def for_teams(self) -> bool:
        return (self.plan_id or "").lower() == _TEAMS_PLAN or "teams" in (self.service or "").lower()


class UserRecord(msgspec.Struct, rename="camel"):
    """Only ``id`` is sure to be there; a property without value is null, one that may not be read is left out."""

    id: str
    user_principal_name: str | None = None
    display_name: str | None = None
    account_enabled: bool | None = None
    user_type: str | None = None
    mail: str | None = None
    proxy_addresses: list[str] | None = None
    other_mails: list[str] | None = None
    assigned_plans: list[AssignedPlan] | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def key(self) -> str:
        return (self.user_principal_name or "").lower()

    @property
    def addresses(self) -> frozenset[str]:
        """Every mail and sip address of the user, in lower case."""
        return self.own_addresses.union(map(str.lower, self.other_mails or ()))

    @property
    def own_addresses(self) -> frozenset[str]:
        """Those that lead to this user and nobody else. Another mail (otherMails) may be anybody's, a manager's say."""
        proxies = (address.lower().partition(":") for address in self.proxy_addresses or ())
        found = {address for scheme, _, address in proxies if scheme in _SCHEMES}
        return frozenset(found | {self.mail.lower()} if self.mail else found)

    def __post_init__(self) -> None:
        """Of a user's plans, a hundred in a large licence, those are kept that may tell of Teams, and each once: a
        directory that is read whole would fill the memory with the others.
        """
        if isinstance(self.assigned_plans, list):
            self.assigned_plans = [_shared(plan) for plan in self.assigned_plans if plan.for_teams]

    def user(self, name: str | None = None) -> User:
        """Without the property accountEnabled a user counts as enabled: only what was said is held against anybody.
        ``name``: the text that the caller has of the same UPN, so that it is not kept twice.
        """
        upn = self.user_principal_name or ""
        return User(
            id=self.id,
            upn=name if name == upn else upn,
            display_name=self.display_name or "",
            enabled=self.account_enabled is not False,
            guest=self._guest,
            teams_licensed=self._teams_licensed,
            teams_plan=self._teams_plan,
        )

    @property
    def _guest(self) -> bool:
        """A member from another tenant (userType Member, #EXT# in the name) is taken at the directory's word."""
        if self.user_type is None:
            return _GUEST_MARK in self.key
        return self.user_type.lower() == "guest"

    @property
    def _teams_licensed(self) -> bool | None:
        if not isinstance(self.assigned_plans, list):
            return None
        return any(plan.gives_teams for plan in self.assigned_plans)

    @property
    def _teams_plan(self) -> str:
        if not isinstance(self.assigned_plans, list) or self._teams_licensed:
            return ""
        return next((plan.status for plan in self.assigned_plans if plan.for_teams and plan.status), "")


_plans: dict[AssignedPlan, AssignedPlan] = {}
_MOST_PLANS = 1_000
"""There are a few dozen; whoever sends more is not kept."""


def _shared(plan: AssignedPlan) -> AssignedPlan:
    return _plans.setdefault(plan, plan) if len(_plans) < _MOST_PLANS else plan


class DeletedRecord(msgspec.Struct, rename="camel"):
    """A user in the recycle bin."""

    id: str
    user_principal_name: str | None = None
    deleted_date_time: datetime | None = None

    @property
    def key(self) -> str:
        """The UPN of their life: in the bin it is prefixed with the object id without dashes."""
        return (self.user_principal_name or "").lower().removeprefix(self.id.replace("-", "").lower())
