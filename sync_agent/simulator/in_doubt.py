"""Rows about whom the directories know something, but not who is meant; and users who are reached twice."""

from __future__ import annotations

from datetime import timedelta

from sync_agent.simulator.list_builder import Builder, Kind
from sync_agent.simulator.mistakes import disable, invite
from sync_agent.simulator.slips import LOCAL_SLIPS
from sync_agent.simulator.staff import Employed, also_reached_as, local_part


def _slip_of(builder: Builder, whose: Employed) -> str:
    return LOCAL_SLIPS["letters exchanged"](builder.random, local_part(whose[1])) + f"@{whose[0].domains[0]}"


def _empty_with_namesakes(builder: Builder) -> None:
    (_, user), _ = builder.staff.namesakes()
    builder.wrong(None, user.display_name, "upn_missing")


def _display_name_of_two(builder: Builder) -> None:
    (_, user), _ = builder.staff.namesakes()
    builder.wrong(user.display_name, builder.desk(), "upn_format")


def _gone_with_namesakes(builder: Builder) -> None:
    """The UPN is nobody's, and two of the same name work in its tenant, with personnel numbers for UPNs."""
    first, last = builder.staff.name()
    tenant = builder.random.choice(builder.staff.tenants)
    gone = builder.staff.employ(tenant, first, last)
    for _ in range(2):
        number = builder.random.randint(10_000_000, 99_999_999)
        tenant.rename(builder.staff.employ(tenant, first, last), f"p{number}@{tenant.domains[0]}")
    tenant.remove(gone)
    builder.wrong(gone.upn, gone.display_name, "user_not_found")


def _between_two(builder: Builder) -> None:
    """As near to one as to the other, and no name beside it."""
    builder.wrong(_pair_of_look_alikes(builder)[0], builder.desk(), "user_not_found")


def _between_two_with_name(builder: Builder) -> None:
    cell, user_name, upn = _pair_of_look_alikes(builder)
    builder.wrong(cell, user_name, "user_not_found", meant=upn)


def _pair_of_look_alikes(builder: Builder) -> tuple[str, str, str]:
    """A UPN between those of two people, and the name and UPN of one of them."""
    tenant = builder.random.choice(builder.staff.tenants)
    _, last = builder.staff.name()
    users = [builder.staff.employ(tenant, first, last) for first in ("Yaqub", "Yarub")]
    return users[0].upn.replace("q", "h", 1), users[0].display_name, users[0].upn


def _only_one_local_part(builder: Builder) -> None:
    (_, user), _ = builder.staff.namesakes()
    builder.wrong(local_part(user), user.display_name, "upn_format")


def _other_name(builder: Builder) -> None:
    """A slip of somebody who has quite another name than the row."""
    whose = builder.staff.unmistakable()
    builder.wrong(_slip_of(builder, whose), "Xanthippe Oldenburg", "user_not_found")


def _has_a_row(builder: Builder) -> None:
    """A slip of somebody who stands rightly in another row."""
    whose = builder.staff.unmistakable()
    builder.matched(whose)
    builder.wrong(_slip_of(builder, whose), whose[1].display_name, "user_not_found")


def _of_disabled(builder: Builder) -> None:
    whose = builder.staff.unmistakable()
    disable(whose[1])
    builder.wrong(_slip_of(builder, whose), whose[1].display_name, "user_not_found")


def _deleted_with_namesake(builder: Builder) -> None:
    """What the recycle bin says is the answer: nobody else is named."""
    (tenant, user), _ = builder.staff.namesakes()
    tenant.remove(user, (builder.today - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    builder.wrong(user.upn, user.display_name, "user_deleted")


def _two_addresses_no_name(builder: Builder) -> None:
    (_, user), (_, other) = builder.staff.unmistakable(), builder.staff.unmistakable()
    builder.wrong(f"{user.upn}, {other.upn}", builder.desk(), "upn_format")


def _guest_at_home_here(builder: Builder) -> None:
    host, home = _guest(builder)
    builder.matched(host, "user_guest", meant=home[1].upn)


def _guest_whose_home_has_a_row(builder: Builder) -> None:
    host, home = _guest(builder)
    builder.matched(home)
    builder.matched(host, "user_guest")


def _guest(builder: Builder) -> tuple[Employed, Employed]:
    """Somebody of one configured tenant who is a guest in another one: there, and at home."""
    at_home, host = builder.random.sample(builder.staff.tenants, 2)
    home = builder.staff.unmistakable(at_home)
    first, _, last = home[1].display_name.partition(" ")
    guest = builder.staff.employ(host, first, last)
    invite(host, guest, home[1].upn)
    return (host, guest), home


def _mail_address(builder: Builder) -> None:
    """A mail address that is not the UPN, in another domain of the tenant."""
    tenant, user = builder.staff.unmistakable()
    user.mail = f"{local_part(user)}@{tenant.domains[-1]}"
    user.proxy_addresses = (f"SMTP:{user.mail}",)
    builder.wrong(user.mail, user.display_name, "upn_is_alias", meant=user.upn)


def _thrice(builder: Builder) -> None:
    whose = builder.staff.unmistakable()
    for cell in (whose[1].upn, whose[1].upn.upper(), whose[1].upn.title()):
        builder.matched(whose, "upn_duplicate", cell=cell)


def _disabled_twice(builder: Builder) -> None:
    whose = builder.staff.unmistakable()
    disable(whose[1])
    for _ in range(2):
        builder.matched(whose, "user_disabled", "upn_duplicate")


def _full_width_twin(builder: Builder) -> None:
    whose = builder.staff.unmistakable()
    upn = whose[1].upn
    builder.matched(whose, "upn_duplicate")
    builder.wrong(f"{chr(ord(upn[0]) + 0xFEE0)}{upn[1:]}", builder.desk(), "upn_character", "upn_duplicate", meant=upn)


def _same_slip_twice(builder: Builder) -> None:
    whose = builder.staff.unmistakable()
    cell = _slip_of(builder, whose)
    for _ in range(2):
        builder.wrong(cell, whose[1].display_name, "user_not_found", "upn_duplicate", meant=whose[1].upn)


def _two_aliases(builder: Builder) -> None:
    tenant, user = builder.staff.unmistakable()
    for alias in (f"{local_part(user)}.{word}@{tenant.domains[0]}" for word in ("one", "two")):
        also_reached_as(user, alias)
        builder.wrong(alias, user.display_name, "upn_is_alias", "user_duplicate", meant=user.upn)


def _somebody_elses(builder: Builder) -> None:
    """Somebody's UPN in a row with quite another name: right, unless names are compared."""
    builder.matched(builder.staff.unmistakable(), title="Xanthippe Oldenburg")


ANOTHER_NAME = "right: somebody else's name"
KINDS = (
    Kind(ANOTHER_NAME, _somebody_elses),
    Kind("empty, two have the name", _empty_with_namesakes),
    Kind("the display name of two", _display_name_of_two),
    Kind("gone, two have the name", _gone_with_namesakes),
    Kind("between two, no name", _between_two),
    Kind("between two, the name tells", _between_two_with_name),
    Kind("no domain, in two tenants", _only_one_local_part, tenants=2),
    Kind("a slip, another name beside it", _other_name),
    Kind("a slip of who has a row", _has_a_row, rows=2),
    Kind("a slip of who is disabled", _of_disabled),
    Kind("deleted, another has the name", _deleted_with_namesake),
    Kind("two addresses, no name", _two_addresses_no_name),
    Kind("a guest at home here", _guest_at_home_here, tenants=2),
    Kind("a guest whose home has a row", _guest_whose_home_has_a_row, rows=2, tenants=2),
    Kind("the mail address", _mail_address),
    Kind("the same UPN three times", _thrice, rows=3),
    Kind("disabled, and twice", _disabled_twice, rows=2),
    Kind("the same UPN in other letters", _full_width_twin, rows=2),
    Kind("the same slip twice", _same_slip_twice, rows=2),
    Kind("two aliases of one user", _two_aliases, rows=2),
)
