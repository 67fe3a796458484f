"""The domains of the list's UPNs against those of the accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_agent.check.faults import found
from sync_agent.check.finding import Finding
from sync_agent.check.observed import DomainsSeen, ListSeen, RowsSeen

_FEW = 5
_PART = 0.01
MOST_LOOKED_UP = 20


def strange(rows: RowsSeen, of_accounts: Mapping[str, frozenset[str] | None]) -> dict[str, int]:
    """Domains that no account is known to have, in more rows than a few slips would be; the most frequent first."""
    known = {domain for domains in of_accounts.values() if domains for domain in domains}
    least = max(_FEW, round(rows.count * _PART))
    counts = sorted(rows.domains.items(), key=lambda each: (-each[1], each[0]))
    return {domain: count for domain, count in counts if domain not in known and count >= least}


def judge(seen: DomainsSeen | None, agents: ListSeen | None) -> Iterator[Finding]:
    if seen is None or agents is None or agents.rows is None:
        return
    told = [*_without_account(seen, agents.rows), *_without_rows(seen, agents.rows)]
    yield from told or [found("domains_match", "accounts")]


def _without_account(seen: DomainsSeen, rows: RowsSeen) -> Iterator[Finding]:
    """Whose a domain is has to be known, or no account's domains may be unknown."""
    unsure = any(domains is None for domains in seen.of_accounts.values())
    tenants = {tenant.lower() for tenant in seen.tenants.values()}
    for domain, count in list(strange(rows, seen.of_accounts).items()):
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
        if domains and domains.isdisjoint(rows.domains):
            values = {"account": account, "domains": ", ".join(sorted(domains))}
            yield found("account_without_rows", f"accounts.{account}", account, **values)
