"""The hosts that the service speaks to, and the clock by which it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync_agent.check.faults import NO_ANSWER, found
from sync_agent.check.finding import Finding
from sync_agent.check.observed import Bundle, HostSeen, Trouble

OFF, DRIFTS = 300.0, 60.0
"""Seconds. Entra takes no assertion that is five minutes off (certificate-credentials: nbf, exp)."""
OF_PROXY = frozenset({"proxy_unknown", "proxy_refused"})
"""One fault, however many hosts lie behind it."""
_OF_HOSTS = frozenset(NO_ANSWER) - {"ca_bundle_unusable", "names_unresolved"}


def judge(bundles: Sequence[Bundle], hosts: Sequence[HostSeen]) -> Iterator[Finding]:
    for bundle in bundles:
        yield found("ca_bundle_unusable", bundle.setting, *bundle.hosts, file=bundle.file, why=bundle.why)
    yield from _behind_proxy(hosts)
    without_names = _without_names(hosts)
    if without_names:
        names = {name for host in hosts for name in (host.host, *host.accounts)}
        yield found("names_unresolved", "network", *names, hosts=", ".join(host.host for host in hosts))
    for host in hosts:
        about = (host.host, *host.accounts)
        if host.trouble is None:
            yield found("hosts_reached", host.host, *about, host=host.host)
        elif host.trouble.kind not in OF_PROXY and not without_names:
            kind = host.trouble.kind if host.trouble.kind in _OF_HOSTS else "connection_broken"
            values = {"host": host.host, "setting": host.setting, "why": host.trouble.words}
            yield found(kind, host.host, *about, **values)
    yield from _clock(hosts)


def by_itself(host: str, trouble: Trouble | None) -> Iterator[Finding]:
    """What a host said of itself when something else was asked of it: nobody at this end can mend that."""
    if trouble is not None and trouble.kind in ("throttled", "service_failing"):
        yield found(trouble.kind, host, host, host=host, why=trouble.words)


def _without_names(hosts: Sequence[HostSeen]) -> bool:
    """Of several hosts not one name is known: that is no slip in one of the settings."""
    return len(hosts) > 1 and all(host.trouble is not None and host.trouble.kind == "host_unknown" for host in hosts)


def _behind_proxy(hosts: Sequence[HostSeen]) -> Iterator[Finding]:
    for kind in sorted(OF_PROXY):
        behind = [host for host in hosts if host.trouble is not None and host.trouble.kind == kind]
        if behind:
            about = {name for host in behind for name in (host.host, *host.accounts)}
            assert behind[0].trouble is not None
            yield found(kind, "proxy", *about, why=behind[0].trouble.words)


def _clock(hosts: Sequence[HostSeen]) -> Iterator[Finding]:
    """By the host that differs least: another one may have a wrong clock of its own."""
    told = [(abs(host.ahead), host.ahead, host.host) for host in hosts if host.ahead is not None]
    if not told:
        return
    off, ahead, host = min(told)
    way = "ahead of" if ahead > 0 else "behind"
    if off >= OFF:
        yield found("clock_off", "clock", host=host, way=way, minutes=f"{off / 60:.0f}")
    elif off >= DRIFTS:
        yield found("clock_drifts", "clock", host=host, way=way, seconds=f"{off:.0f}")
    else:
        yield found("clock_right", "clock", seconds=f"{max(1.0, off):.0f}")
