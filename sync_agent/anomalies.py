"""The anomalies that the answers of directories and of Teams give rise to, in words for team leaders.

What is wrong, then what to do; no clock values, so that the same trouble gives the same text in every pass. Whatever
others wrote (domains, names) is made printable first. The anomalies of the cell alone are in `upn.RULES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import structs

from sync_agent.characters import printable
from sync_agent.model import Absent, Anomaly, Code, CouldNotAsk, Found, NoTenant, User
from sync_agent.upn import LONGEST_ASKED

_LONGEST_OWNER = 200
_DOUBTED = frozenset({Code.DOMAIN_NOT_CONFIGURED, Code.USER_GUEST})
"""What may be right as it is, so that somebody else has to do something."""
_PLANS = {
    "": ("who has no Teams licence", "Ask IT for a Teams licence."),
    "suspended": ("whose Teams licence has expired or is suspended", "Ask IT to renew it."),
    "lockedout": ("whose Teams licence is locked", "Ask IT to unlock it."),
    "deleted": ("whose Teams licence has ended", "Ask IT for a new Teams licence."),
}
"""By capabilityStatus of the plan (assignedPlan)."""
_OTHER_PLAN = ("whose Teams licence does not work", "Ask IT about it.")


def suggesting(anomaly: Anomaly, upn: str | None) -> Anomaly:
    """The anomaly with the right UPN for a remedy; where that may be wrong, the other remedy stays beside it."""
    if upn is None:
        return anomaly
    meant = f"Did you mean {printable(upn, LONGEST_ASKED)}?"
    remedy = f"{meant} If not: {anomaly.remedy[:1].lower()}{anomaly.remedy[1:]}" if anomaly.code in _DOUBTED else meant
    return structs.replace(anomaly, remedy=remedy, suggestion=upn)


def unavailable(match: CouldNotAsk | None) -> Anomaly:
    """Why is for administrators: the account's state, the log and the report's trouble tell it, and `explain`."""
    if match is None:
        wrong = "The tenants were not asked yet about this UPN."
    elif match.nobody_there:
        wrong = "A tenant that this service is set up for does not exist; IT knows more."
    elif match.not_believed:
        wrong = "The tenant's answer is not believed at the moment; IT knows more."
    else:
        wrong = "The tenant could not be asked at the moment; IT knows more."
    return Anomaly(Code.ACCOUNT_UNAVAILABLE, wrong, "Nothing to do in the list: it is asked again by itself.")


def silent(longer_than: timedelta, *, not_believed: bool) -> Anomaly:
    """Of names. No age but the limit, so that no pass writes it anew."""
    what = "answer was not believed" if not_believed else "directory gave no answer about this UPN"
    return Anomaly(
        Code.ACCOUNT_UNAVAILABLE,
        f"For more than {_in_words(longer_than)} the tenant's {what}, and what was known is too old; IT knows more.",
        "Nothing to do in the list: it is asked again by itself.",
    )


def presence_not_read(longer_than: timedelta) -> Anomaly:
    time = _in_words(longer_than)
    return Anomaly(
        Code.ACCOUNT_UNAVAILABLE,
        f"For more than {time} presence could not be read, and what was known is too old; IT knows more.",
        "Nothing to do in the list: it is read again by itself.",
    )


def _in_words(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    for unit, length in (("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}{'' if seconds == length else 's'}"
    return f"{seconds:g} seconds"


def of_user(match: Found) -> Iterator[Anomaly]:
    if not match.user.enabled:
        yield Anomaly(
            Code.USER_DISABLED,
            "This user may not sign in: the account is disabled.",
            "If the agent works here, ask IT to enable it; if not, remove the row.",
        )
    if match.user.guest:
        yield Anomaly(
            Code.USER_GUEST,
            f"This user is a guest in {printable(match.account)}, where guests have no presence.",
            "Enter the UPN that the agent has at home.",
        )


def of_absence(match: Absent | NoTenant) -> Anomaly:
    match match:
        case NoTenant():
            return _without_tenant(match)
        case Absent(alias_of=User() as user):
            whose = f" of {printable(user.display_name)}" if user.display_name.strip() else ""
            return suggesting(
                Anomaly(Code.UPN_IS_ALIAS, f"This is a mail address or alias{whose}, not the UPN.", ""), user.upn
            )
        case Absent(deleted_at=datetime() as deleted_at):
            return Anomaly(
                Code.USER_DELETED,
                f"This user was deleted on {deleted_at:%Y-%m-%d}.",
                "If the agent works here, ask IT to restore the account; if not, remove the row.",
            )
        case Absent():
            return Anomaly(
                Code.USER_NOT_FOUND,
                f"Nobody in {printable(match.account)} has this UPN.",
                "Check the spelling, or ask IT for the agent's sign-in name.",
            )


def _without_tenant(match: NoTenant) -> Anomaly:
    domain = printable(match.domain)
    if match.nobodys:
        return Anomaly(
            Code.DOMAIN_NOT_CONFIGURED,
            f"No configured tenant has the domain {domain}; no Microsoft 365 tenant has it.",
            "Check the spelling of the domain.",
        )
    belongs = (
        "whose it is, is not known here"
        if match.owner is None
        else f"it belongs to {printable(match.owner, _LONGEST_OWNER)}"
    )
    return Anomaly(
        Code.DOMAIN_NOT_CONFIGURED,
        f"No configured tenant has the domain {domain}; {belongs}.",
        "Check the spelling of the domain; if it is right, ask IT to configure its tenant.",
    )


def renamed(user: User) -> Anomaly:
    who = f"This user, {printable(user.display_name)}," if user.display_name.strip() else "This user"
    return suggesting(Anomaly(Code.USER_RENAMED, f"{who} has another UPN now.", ""), user.upn)


def name_mismatch(user: User) -> Anomaly:
    return Anomaly(
        Code.NAME_MISMATCH,
        f"This UPN belongs to {printable(user.display_name)}, whose name has nothing in common with the row's.",
        "Check that it is this agent's.",
    )


def unlicensed(plan: str) -> Anomaly:
    """``plan``: the state of a Teams plan that is not in force, as Graph names it; "" where there is none."""
    why, remedy = _PLANS.get(plan.lower(), _OTHER_PLAN)
    return Anomaly(Code.PRESENCE_UNAVAILABLE, f"Teams has no presence of this user, {why}.", remedy)


def presence_unknown(unavailable_after: timedelta, licensed: bool | None) -> Anomaly:
    hours = unavailable_after / timedelta(hours=1)
    likely = "who has a licence but probably never signed in to Teams" if licensed else "and their licence is not known"
    return Anomaly(
        Code.PRESENCE_UNAVAILABLE,
        f"Teams has had no presence of this user for {hours:g} hours or more, {likely}.",
        "Let the agent sign in to Teams once; if that does not help, ask IT about their Teams licence.",
    )


def same_upn(rows: str) -> Anomaly:
    return Anomaly(Code.UPN_DUPLICATE, f"The same UPN is in {rows}.", "Keep it in one row only.")


def same_user(rows: str) -> Anomaly:
    return Anomaly(
        Code.USER_DUPLICATE, f"The same user is in {rows}, by another UPN or alias.", "Keep the user in one row only."
    )
