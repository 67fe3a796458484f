"""What happens to the people of a messy list after it was first synced: they marry, and their UPNs change."""

from __future__ import annotations

import random

from sync_agent.simulator.people import upn_part
from sync_agent.simulator.staff import also_reached_as
from sync_agent.simulator.world import SimUser, Tenant, Truth, World

_NEW_NAMES = ("Achternbusch", "Brandstetter", "Castelvecchi", "Dombrowski-Lang", "Eschenbach", "Fontainebleau")


def rename_some(world: World, how_many: int) -> None:
    """Give as many people of right rows another surname and UPN; the truth of their rows is told anew.

    Every other one keeps the UPN of old as an alias, as mailboxes do.
    """
    chance = random.Random(world.seed)
    right = [row_id for row_id, truth in world.truth.items() if truth.object_id and not truth.kind]
    for number, row_id in enumerate(chance.sample(right, how_many)):
        truth = world.truth[row_id]
        tenant, user = world.tenants[truth.tenant_id], world.tenants[truth.tenant_id].users[truth.object_id]
        old = user.upn
        _rename(tenant, user, chance.choice(_NEW_NAMES))
        if number % 2:
            also_reached_as(user, old)
        kind = "renamed, the old UPN an alias" if number % 2 else "renamed"
        world.truth[row_id] = Truth(frozenset({"user_renamed"}), user.upn, kind=kind)


def _rename(tenant: Tenant, user: SimUser, surname: str) -> None:
    first, domain = user.display_name.partition(" ")[0], user.upn.partition("@")[2]
    upn, number = f"{upn_part(first)}.{upn_part(surname)}@{domain}", 1
    while tenant.by_upn(upn) is not None:
        number += 1
        upn = f"{upn_part(first)}.{upn_part(surname)}{number}@{domain}"
    user.display_name, user.mail, user.proxy_addresses = f"{first} {surname}", upn, (f"SMTP:{upn}",)
    tenant.rename(user, upn)
