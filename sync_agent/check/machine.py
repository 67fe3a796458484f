"""What is kept on this machine, where the service listens, and how people are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync_agent.check.faults import found
from sync_agent.check.finding import Finding
from sync_agent.check.observed import NOTIFY, DatabaseSeen, FolderSeen, NotifySeen, PortSeen, Seen

ROOM = 100_000_000
"""Bytes."""
_OTHERS_MAY = 0o077
_LOST = {
    "web.listen": "the service would have no /metrics and /healthz",
    "presence.push.listen": "Graph's notifications of presence would not arrive",
}


def judge(seen: Seen) -> Iterator[Finding]:
    told = [
        *_database(seen.database),
        *_tokens(None if _is_of_database(seen.tokens, seen.database) else seen.tokens),
        *_reports(None if _is_of_database(seen.reports, seen.database) else seen.reports),
        *_disk(seen),
        *(each for port in seen.ports for each in _port(port)),
        *(each for notify in seen.notify for each in _notify(notify)),
    ]
    yield from told
    if not told and seen.database is not None:
        yield found("machine_ready", "state", what=_ready(seen.ports))


def _ready(ports: Sequence[PortSeen]) -> str:
    runs = any(port.state == "ours" for port in ports)
    return "State and tokens can be kept, and " + ("the service runs" if runs else "the port of the service is free")


def _database(seen: DatabaseSeen | None) -> Iterator[Finding]:
    subject = "state.database"
    match seen:
        case DatabaseSeen(state="newer"):
            yield found("database_newer", subject, found=seen.found, known=seen.known)
        case DatabaseSeen(state="damaged"):
            yield found("database_damaged", subject, file=seen.file, why=seen.why)
        case DatabaseSeen(state="unwritable" | "unavailable"):
            yield found(f"database_{seen.state}", subject, why=seen.why)


def _is_of_database(folder: FolderSeen | None, database: DatabaseSeen | None) -> bool:
    """Nothing can be kept in either for one reason, of the folder that both are in."""
    if folder is None or database is None or database.state != "unwritable" or not folder.why:
        return False
    return folder.parent == database.parent and database.why.endswith(f": {folder.why}")


def _tokens(seen: FolderSeen | None) -> Iterator[Finding]:
    if seen is None:
        return
    if seen.why:
        yield found("tokens_unkept", "state.tokens", file=seen.path, why=seen.why)
    elif seen.mode is not None and seen.mode & _OTHERS_MAY:
        yield found("tokens_open", "state.tokens", file=seen.path, mode=f"{seen.mode:o}")


def _reports(seen: FolderSeen | None) -> Iterator[Finding]:
    if seen is not None and seen.why:
        yield found("reports_unkept", "state.reports", file=seen.path, why=seen.why)


def _disk(seen: Seen) -> Iterator[Finding]:
    database = seen.database
    if database is not None and database.free is not None and database.free < ROOM:
        free = f"{database.free / 1e6:.0f}"
        yield found("disk_nearly_full", "state.database", file=database.file, free=free)


def _port(seen: PortSeen) -> Iterator[Finding]:
    values = {"listen": seen.listen, "setting": seen.setting, "lost": _LOST[seen.setting]}
    match seen.state:
        case "taken":
            yield found("port_in_use", seen.setting, **values)
        case "elsewhere":
            yield found("address_not_here", seen.setting, why=seen.why, **values)
        case "unwell":
            yield found("service_unwell", seen.setting, why=seen.why)


def _notify(seen: NotifySeen) -> Iterator[Finding]:
    if seen.fault:
        yield found(seen.fault, seen.setting, NOTIFY, why=seen.why)
