"""From what was observed to what is told: every part judged for itself, and mere consequences left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sync_agent.check import agent_list, domains, hosts, limits, machine, permissions, sign_in
from sync_agent.check.faults import TABLE, found
from sync_agent.check.finding import Area, Finding, Level
from sync_agent.check.observed import Seen, SettingsSeen


def judge(seen: Seen) -> list[Finding]:
    """Everything that is to be told, in the order of the areas; within one, what is worst comes first."""
    told = without_consequences(_unique(list(_all(seen))))
    areas, levels = list(Area), [Level.ERROR, Level.WARNING, Level.OK]
    return sorted(told, key=lambda each: (areas.index(each.area), levels.index(each.level)))


def without_consequences(findings: Sequence[Finding]) -> list[Finding]:
    """Those that do not follow from another one of them which concerns the same account or host."""
    return [each for each in findings if not any(_follows(each, other) for other in findings)]


def _follows(finding: Finding, cause: Finding) -> bool:
    return cause.id in TABLE[finding.id].follows and _overlap(finding.about, cause.about)


def _overlap(one: Collection[str], other: Collection[str]) -> bool:
    """What concerns nobody in particular concerns all."""
    return not one or not other or not set(one).isdisjoint(other)


def _unique(findings: Sequence[Finding]) -> list[Finding]:
    """One cause is told once, though several ran into it: of a host, however differently its answers put it."""
    told: dict[tuple[str, str, str], Finding] = {}
    for each in findings:
        of_host = each.area is Area.NETWORK
        first = told.setdefault((each.id, each.subject, "" if of_host else each.message), each)
        told[each.id, each.subject, "" if of_host else each.message] = replace(first, about=first.about | each.about)
    return list(told.values())


def _all(seen: Seen) -> Iterator[Finding]:
    yield from _settings(seen.settings)
    if seen.no_proxy:
        yield found("proxy_unusable", "HTTPS_PROXY")
    yield from hosts.judge(seen.bundles, seen.hosts)
    site = [] if seen.site_sign_in is None else [seen.site_sign_in]
    yield from sign_in.judge([*seen.sign_ins, *site], seen.now)
    yield from permissions.judge(seen)
    yield from agent_list.judge(seen.agent_list, seen.own_lists)
    yield from domains.judge(seen.domains, seen.agent_list)
    yield from limits.judge(seen.limits)
    yield from machine.judge(seen)
    for slow in seen.slow:
        yield found("too_slow", slow.what, *slow.about, what=slow.what, seconds=f"{slow.seconds:g}")


def _settings(seen: SettingsSeen) -> Iterator[Finding]:
    accounts = f"{seen.accounts} account{'' if seen.accounts == 1 else 's'}"
    yield found("settings_right", seen.file, file=seen.file, accounts=accounts)
    if seen.no_key:
        yield found("key_unavailable", "secrets.key", *seen.in_need_of_key, why=seen.no_key)
    for setting, account, why in seen.unavailable:
        yield found("secret_unavailable", setting, account, why=why)
    for setting, account, why in seen.next_unavailable:
        yield found("next_secret_unavailable", setting, account, why=why)
    for setting in seen.plain:
        yield found("secret_in_plain", setting)
    for setting in seen.unused:
        yield found("setting_without_effect", setting)
