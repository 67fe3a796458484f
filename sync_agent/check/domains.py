"""The domains of the list's UPNs against those of the accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_agent.check.faults import found
from sync_agent.check.finding import Finding
from sync_agent.check.observed import DomainsSeen, ListSeen, RowsSeen

_FEW = 5
_PART = 0.01
_MOST_LOOKED_UP = 20

Domains = Mapping[str, frozenset[str] | None]
"""By account: its tenant's, None where they are not known."""


def strange(rows: RowsSeen, of_accounts: Domains) -> dict[str, int]:
    """Domains that no account is known to have, in more rows than a few slips would be; the most frequent first."""
    read = sum(rows.domains.values()) + rows.without_upn
    least = max(_FEW, round(read * _PART))
    return {domain: count for domain, count in _unknown(rows, of_accounts).items() if count >= least}


def to_look_up(rows: RowsSeen, of_accounts: Domains) -> list[str]:
    """Domains whose owner has to be known: the strange ones, and where an account's are not known, all that may be."""
    wanted = _unknown(rows, of_accounts) if None in of_accounts.values() else strange(rows, of_accounts)
    return list(wanted)[:_MOST_LOOKED_UP]


def judge(seen: DomainsSeen | None, agents: ListSeen | None) -> Iterator[Finding]:
    if seen is None or agents is None or agents.rows is None:
        return
    told = [*_without_account(seen, agents.rows), *_without_rows(seen, agents.rows)]
    yield from told or [found("domains_match", "accounts")]


def _unknown(rows: RowsSeen, of_accounts: Domains) -> dict[str, int]:
    known = {domain for domains in of_accounts.values() if domains for domain in domains}
    counts = sorted(rows.domains.items(), key=lambda each: (-each[1], each[0]))
    return {domain: count for domain, count in counts if domain not in known}


def _without_account(seen: DomainsSeen, rows: RowsSeen) -> Iterator[Finding]:
    """Whose a domain is has to be known, or no account's domains may be unknown."""
    unsure = None in seen.of_accounts.values()
    tenants = {tenant.lower() for tenant in seen.tenants.values()}
    for domain, count in strange(rows, seen.of_accounts).items():
        owner = seen.owners.get(domain)
        if (owner is None and unsure) or (owner and owner in tenants):
            continue
        whose = {None: "", "": "; no Microsoft 365 tenant has it"}.get(owner, f"; tenant {owner} has it")
        yield found("domain_without_account", "accounts", rows=f"{count:,}", domain=domain, owner=whose)


def _without_rows(seen: DomainsSeen, rows: RowsSeen) -> Iterator[Finding]:
    """Of a list that was not read to its end nobody knows what is not in it."""
    if not rows.whole:
        return
    for account, domains in seen.of_accounts.items():
        if _is_without_rows(seen, rows, account):
            named = f" ({', '.join(sorted(domains))})" if domains else ""
            yield found("account_without_rows", f"accounts.{account}", account, account=account, domains=named)


def _is_without_rows(seen: DomainsSeen, rows: RowsSeen, account: str) -> bool:
    """Where its domains are not told: whether every domain of the list is known to be somebody else's."""
    domains = seen.of_accounts[account]
    if domains is not None:
        return domains.isdisjoint(rows.domains)
    unknown = _unknown(rows, seen.of_accounts)
    return unknown.keys() <= seen.owners.keys() and all(
        seen.owners[domain] != seen.tenants[account].lower() for domain in unknown
    )
