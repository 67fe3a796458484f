"""The Agent list: whether it is there, has the columns that are needed, and can be written without harm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sync_agent.check.faults import found
from sync_agent.check.finding import Finding, Level
from sync_agent.check.hosts import by_itself
from sync_agent.check.observed import ColumnSeen, ListSeen, OwnListSeen, WriteSeen

THRESHOLD = 5_000
"""Rows from which SharePoint refuses what is looked up without an index (list view threshold)."""
_REFUSED = frozenset({401, 403})


def judge(seen: ListSeen | None, own: Sequence[OwnListSeen]) -> Iterator[Finding]:
    if seen is not None:
        yield from _not_there(seen) if seen.trouble is not None else _there(seen)
    for each in own:
        yield from _own_list(each)


def _not_there(seen: ListSeen) -> Iterator[Finding]:
    assert seen.trouble is not None
    trouble, about = seen.trouble, (seen.account, seen.host)
    yield from by_itself(seen.host, trouble)
    if trouble.status == 401 and seen.by_secret and seen.api == "rest":
        yield found("rest_needs_certificate", "sharepoint.api", *about, account=seen.account)
    elif trouble.status in _REFUSED:
        values = {"account": seen.account, "site": seen.site, "why": trouble.words}
        yield found("site_not_granted", "sharepoint.site_url", *about, **values)
    elif trouble.kind == "absent" and seen.stage == "site":
        yield found("site_not_found", "sharepoint.site_url", *about, site=seen.site, account=seen.account)
    elif trouble.kind == "absent":
        yield found("list_not_found", "sharepoint.agent_list", *about, list=seen.wanted, near=seen.near)
    else:
        yield found("list_not_answered", "sharepoint.agent_list", *about, list=seen.wanted, why=trouble.words)


def _there(seen: ListSeen) -> Iterator[Finding]:
    columns = list(_columns(seen))
    yield from columns
    if not any(each.level is Level.ERROR for each in columns):
        yield found("list_ready", "sharepoint.agent_list", seen.account, list=seen.title)
    if seen.unfinished:
        what = ", ".join(seen.unfinished)
        yield found("provision_unfinished", "sharepoint.agent_list", seen.account, list=seen.title, what=what)
    if seen.validated:
        yield found("list_validated", "sharepoint.agent_list", seen.account, list=seen.title)
    if seen.approves:
        yield found("content_approval", "sharepoint.agent_list", seen.account, list=seen.title)
    keeps = seen.keeps_versions or (seen.rows is not None and seen.rows.versions)
    if keeps and seen.api == "graph" and not seen.has_presence_list:
        yield found("presence_makes_versions", "sharepoint.api", seen.account, list=seen.title)
    yield from _rows(seen)
    if seen.write is not None:
        yield from _write(seen, seen.write)


def _columns(seen: ListSeen) -> Iterator[Finding]:
    missing = [column.wanted for column in seen.columns if column.ours and column.state == "missing"]
    if missing:
        yield found("columns_missing", "sharepoint.columns", list=seen.title, columns=", ".join(missing))
    for column in seen.columns:
        subject = f"sharepoint.columns.{column.role}"
        if column.state == "ambiguous":
            yield found("column_ambiguous", subject, list=seen.title, column=column.wanted, near=column.near)
        elif column.state == "missing":
            if not column.ours:
                yield _missing(column, seen.title, subject)
        elif column.ours:
            yield from _our_column(column, subject)
        elif not column.fits:
            yield _unreadable(column, subject)
    yield from _shared(seen.columns)


def _missing(column: ColumnSeen, title: str, subject: str) -> Finding:
    if column.role == "team":
        return found("team_column_unreadable", subject, why=f'the list has no column "{column.wanted}"')
    return found(f"{column.role}_column_missing", subject, list=title, column=column.wanted, near=column.near)


def _unreadable(column: ColumnSeen, subject: str) -> Finding:
    if column.role == "team":
        why = f'the column "{column.display}" is of type {column.kind}, which gives no text'
        return found("team_column_unreadable", subject, why=why)
    return found(f"{column.role}_column_wrong_type", subject, column=column.display, kind=column.kind)


def _our_column(column: ColumnSeen, subject: str) -> Iterator[Finding]:
    if column.lacking:
        yield found("choices_missing", subject, column=column.display, choices=", ".join(column.lacking))
    elif not column.fits:
        values = {"column": column.display, "kind": column.kind, "needed": column.needed}
        yield found("column_wrong_type", subject, **values)
    for id_, is_so in (
        ("column_read_only", column.read_only),
        ("column_required", column.required),
        ("column_unique", column.unique),
        ("column_validated", column.validated),
    ):
        if is_so:
            yield found(id_, subject, column=column.display)


def _shared(columns: Sequence[ColumnSeen]) -> Iterator[Finding]:
    """UPN and name may be one column; what the service writes has to stand by itself."""
    roles: defaultdict[str, list[ColumnSeen]] = defaultdict(list)
    for column in columns:
        if column.state == "found" and column.role != "team":
            roles[column.internal].append(column)
    for several in roles.values():
        if len(several) > 1 and any(column.ours for column in several):
            values = {"column": several[0].display, "roles": " and ".join(column.role for column in several)}
            yield found("column_shared", "sharepoint.columns", **values)


def _rows(seen: ListSeen) -> Iterator[Finding]:
    if seen.rows is None:
        return
    upn = next((column for column in seen.columns if column.role == "upn" and column.state == "found"), None)
    if seen.rows.count == 0:
        yield found("list_empty", "sharepoint.agent_list", list=seen.title, account=seen.account)
    if upn is not None and not seen.rows.domains:
        yield found("upn_column_blank", "sharepoint.columns.upn", list=seen.title, column=upn.display)
    if upn is not None and not upn.indexed and seen.rows.count > THRESHOLD:
        yield found("upn_not_indexed", "sharepoint.columns.upn", list=seen.title, column=upn.display)
    if seen.rows.lacking:
        columns = ", ".join(seen.rows.lacking)
        yield found("required_elsewhere", "sharepoint.agent_list", list=seen.title, columns=columns)


def _write(seen: ListSeen, write: WriteSeen) -> Iterator[Finding]:
    subject, about = "sharepoint.agent_list", (seen.account, seen.host)
    match write.outcome:
        case "proven":
            yield found("write_proven", subject, *about)
        case "not_granted":
            values = {"account": seen.account, "list": seen.title, "why": write.why}
            yield found("write_not_granted", subject, *about, **values)
        case "refused":
            yield found("write_refused", subject, *about, row=write.row, list=seen.title, why=write.why)
        case _:
            yield from by_itself(seen.host, write.trouble)
            yield found("list_not_answered", subject, *about, list=seen.title, why=write.why)


def _own_list(seen: OwnListSeen) -> Iterator[Finding]:
    yield from by_itself(seen.host, seen.trouble)
    if seen.trouble is not None:
        values = {"list": seen.setting, "why": seen.trouble.words}
        yield found("list_not_answered", seen.setting, seen.account, seen.host, **values)
    elif seen.unfit:
        yield found("own_list_unfit", seen.setting, seen.account, why=seen.unfit, setting=seen.setting)
    elif seen.lacking:
        values = {"setting": seen.setting, "lacking": ", ".join(seen.lacking)}
        yield found("own_list_missing", seen.setting, seen.account, **values)
    elif seen.unfinished:
        what = ", ".join(seen.unfinished)
        yield found("provision_unfinished", seen.setting, seen.account, list=seen.setting, what=what)
