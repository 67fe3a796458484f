"""Which tenant has the domain, how that is known, and what each tenant says of the name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_agent.characters import joined, printable
from sync_agent.explanation.cell import quoted
from sync_agent.explanation.facts import Facts, KnownBy, TenantFacts
from sync_agent.explanation.step import FactValue, Part, Step, StepOutcome
from sync_agent.model import Absent, CouldNotAsk, Found, Match, NoTenant, User
from sync_agent.upn import examine

_LONGEST_REASON = 300
_HOW = {
    KnownBy.SETTINGS: "as the settings say",
    KnownBy.VERIFIED_DOMAINS: "as its verified domains say",
    KnownBy.PUBLIC_LOOKUP: "as the public look-up says",
    KnownBy.NOT_KNOWN: "",
}
_WORST = (StepOutcome.UNKNOWN, StepOutcome.WRONG, StepOutcome.OK, StepOutcome.INFO)


def domain_steps(facts: Facts) -> Iterator[Step]:
    """One for each domain that the cell names or means."""
    findings = examine(facts.row.upn)
    names = [name for name in (findings.name, findings.candidate) if name is not None]
    for domain in dict.fromkeys(map(domain_of, names)):
        match = next((facts.matches.get(name) for name in names if domain_of(name) == domain), None)
        yield _domain_step(facts, domain, match, own=findings.name is not None and domain_of(findings.name) == domain)


def tenant_steps(facts: Facts) -> Iterator[Step]:
    findings = examine(facts.row.upn)
    names = [name for name in (findings.name, findings.candidate) if name is not None]
    if not names:
        yield Step(Part.TENANTS, "nobody", StepOutcome.INFO, "No tenant is asked: there is no name to ask for.")
        return
    for tenant in facts.tenants:
        outcomes, texts = zip(*_said(tenant, names, findings.name), strict=True)
        outcome = min(outcomes, key=_WORST.index)
        told: dict[str, FactValue] = {"tenant": tenant.id, "accounts": tenant.accounts}
        for name, match in tenant.answers.items():
            told |= _facts_of(match, "" if name == names[0] else "meant_")
        yield Step(Part.TENANTS, title_of(tenant), outcome, " ".join(texts), told, tenant.requests)


def title_of(tenant: TenantFacts) -> str:
    """The organisation by its name, where it may be read, and the accounts in it: `Contoso (contoso.com)`."""
    accounts = joined([printable(account) for account in tenant.accounts])
    return accounts if tenant.name in {tenant.id, *tenant.accounts} else f"{printable(tenant.name)} ({accounts})"


def reason_of(failure: CouldNotAsk) -> str:
    return printable(failure.reason.strip().rstrip("."), _LONGEST_REASON)


def domain_of(name: str) -> str:
    return name.rpartition("@")[2]


def licence_of(user: User) -> str:
    if user.teams_licensed is None:
        return "whether they have Teams may not be read"
    if user.teams_licensed:
        return "with a Teams licence"
    plan = f": it is {printable(user.teams_plan)}" if user.teams_plan else ""
    return f"without a Teams licence in force{plan}"


def _domain_step(facts: Facts, domain: str, match: Match | None, *, own: bool) -> Step:
    holders = [tenant for tenant in facts.tenants if domain in tenant.domains]
    told: dict[str, FactValue] = {"domain": domain, "tenants": tuple(tenant.id for tenant in holders)}
    name = printable(domain)
    if holders:
        whose = joined([f"{title_of(tenant)}, {_HOW[tenant.known_by]}" for tenant in holders])
        return Step(Part.DOMAIN, name, StepOutcome.OK, f"It belongs to {whose}.", told, facts.look_ups)
    told["owner"] = owner = match.owner if isinstance(match, NoTenant) else None
    if isinstance(match, CouldNotAsk):
        text = f"Whose it is could not be found out: {reason_of(match)}."
        return Step(Part.DOMAIN, name, StepOutcome.UNKNOWN, text, told, facts.look_ups)
    said = facts.owners.get(domain)
    if owner is not None:
        text = f"No configured tenant has it. It belongs to {printable(owner, 200)}."
    elif isinstance(said, CouldNotAsk):
        text = f"No configured tenant has it. Whose it is, is not known: {reason_of(said)}."
    else:
        text = "No configured tenant has it, and by the public look-up nobody has."
    return Step(Part.DOMAIN, name, StepOutcome.WRONG if own else StepOutcome.INFO, text, told, facts.look_ups)


def _said(tenant: TenantFacts, names: list[str], own: str | None) -> Iterator[tuple[StepOutcome, str]]:
    """What comes of asking it for each name. Only the row's own name speaks for or against the row."""
    if tenant.silent is not None:
        yield StepOutcome.UNKNOWN, f"Could not be asked: {reason_of(tenant.silent)}."
        return
    if not tenant.answers:
        domains = joined([printable(domain) for domain in dict.fromkeys(map(domain_of, names))])
        yield StepOutcome.INFO, f"Not asked: it does not have {domains}."
        return
    for name, match in tenant.answers.items():
        outcome, text = _answer(name, match)
        yield outcome if name == own or outcome is StepOutcome.UNKNOWN else StepOutcome.INFO, text


def _answer(name: str, match: Match) -> tuple[StepOutcome, str]:
    match match:
        case Found(user=user):
            good = user.enabled and not user.guest
            return StepOutcome.OK if good else StepOutcome.WRONG, f"{quoted(name)} is {_person(user)}."
        case CouldNotAsk():
            return StepOutcome.UNKNOWN, f"Could not be asked for {quoted(name)}: {reason_of(match)}."
        case Absent():
            return _absent(name, match)
        case NoTenant():
            return StepOutcome.WRONG, f"{quoted(name)} has a domain of no configured tenant."


def _person(user: User) -> str:
    enabled = "an enabled" if user.enabled else "a disabled"
    called = printable(user.display_name) or "somebody without a name"
    return f"{called}, {enabled} {'guest' if user.guest else 'member'} {licence_of(user)}"


def _absent(name: str, match: Absent) -> tuple[StepOutcome, str]:
    said = [f"Nobody has the UPN {quoted(name)}."]
    if match.deleted_at is not None:
        said.append(f"Its user went to the recycle bin on {match.deleted_at:%Y-%m-%d}.")
    if match.alias_of is not None:
        whose = printable(match.alias_of.display_name) or "somebody"
        said.append(f"It is a mail address of {whose}, whose UPN is {quoted(match.alias_of.upn)}.")
    if match.unexplained:
        reason = printable(match.unexplained.strip().rstrip("."), _LONGEST_REASON)
        said.append(f"Whether it is in the recycle bin, or somebody's mail address, could not be asked: {reason}.")
        return StepOutcome.UNKNOWN, " ".join(said)
    if not match.explained:
        said.append("It is not in the recycle bin, and nobody's mail address.")
    return StepOutcome.WRONG, " ".join(said)


def _facts_of(match: Match, prefix: str) -> Mapping[str, FactValue]:
    told: dict[str, FactValue] = {}
    user = match.user if isinstance(match, Found) else match.alias_of if isinstance(match, Absent) else None
    told["found"] = isinstance(match, Found) if isinstance(match, Found | Absent) else None
    if isinstance(match, Absent):
        told |= {"deleted_at": match.deleted_at, "alias": match.alias_of is not None}
    if user is not None:
        told |= {
            "object_id": user.id,
            "upn": user.upn,
            "display_name": user.display_name,
            "enabled": user.enabled,
            "user_type": "Guest" if user.guest else "Member",
            "teams_licensed": user.teams_licensed,
        }
    return {f"{prefix}{name}": value for name, value in told.items()}
