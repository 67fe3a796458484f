"""What `sync-agent check` looks at on this machine: what is kept, where the service listens, how people are told."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path

from sync_agent.check.observed import NOTIFY, DatabaseSeen, FolderSeen, NotifySeen, PortSeen, SettingsSeen
from sync_agent.notify.target import NotDelivered, Target, usable
from sync_agent.settings import Secret, SecretUnavailable, Settings, without_effect
from sync_agent.settings.sealing import is_sealed, misfit
from sync_agent.state.database import database_file
from sync_agent.state.examining import cannot_write, examine, there

_OURS = b"sync_agent_info"
_ACCOUNT = re.compile(rb'^sync_agent_account_ok\{account="([^"]*)"\}', re.MULTILINE)
_PATIENCE = 2.0
"""Seconds, for a page of this machine."""
_MOST_BYTES = 2**20


def see_settings(path: Path, settings: Settings) -> SettingsSeen:
    """With the secrets that cannot be had; those of ``notify`` are looked at with it."""
    plain = settings.plain_secrets()
    unavailable: list[tuple[str, str, str]] = []
    next_unavailable: list[tuple[str, str, str]] = []
    for account in settings.accounts:
        for secret in account.sign_in_secrets():
            try:
                secret.reveal()
            except SecretUnavailable as failure:
                missing = next_unavailable if secret is account.client_secret_next else unavailable
                missing.append((secret.where, account.id, failure.problems[0].hint))
    unused, in_need = without_effect(settings), _in_need_of_key(settings)
    no_key = _no_key(settings) if in_need else ""
    return SettingsSeen(
        path.name, len(settings.accounts), plain, unused, unavailable, no_key, in_need, next_unavailable
    )


def _in_need_of_key(settings: Settings) -> list[str]:
    """Whose secrets are encrypted in the settings, or whose tokens on disk."""
    chosen = settings.secrets.chosen_key() is not None
    accounts = [
        account.id
        for account in settings.accounts
        if (account.auth == "device_code" and chosen)
        or any(is_sealed(secret.written) for secret in account.sign_in_secrets())
    ]
    return accounts + [NOTIFY] * any(is_sealed(url.written) for url in settings.notify.urls)


def _no_key(settings: Settings) -> str:
    if settings.secrets.key is None:
        return "secrets.key is empty"
    try:
        key = settings.secrets.key.reveal()
    except SecretUnavailable as failure:
        return failure.problems[0].hint
    secrets = [*settings.notify.urls, *(each for account in settings.accounts for each in account.sign_in_secrets())]
    return misfit(key, [secret.written for secret in secrets])


def see_folder(path: Path) -> FolderSeen:
    why = cannot_write(path)
    mode = path.stat().st_mode & 0o777 if not why and path.is_dir() else None
    return FolderSeen(str(path), why, mode, parent=str(path.parent))


def see_database(url: str) -> DatabaseSeen:
    """Blocks."""
    file = database_file(url)
    found = examine(url)
    free = None if file is None or found.state == "unwritable" else _free(file.parent)
    parent = "" if file is None else str(file.parent)
    return DatabaseSeen(found.state, found.why, str(file or "the database"), found.found, found.known, free, parent)


def _free(folder: Path) -> int:
    """Bytes for this user, on the disk that holds the folder or is to hold it."""
    return shutil.disk_usage(there(folder)).free


async def see_ports(settings: Settings) -> list[PortSeen]:
    """Where the running service has its pages, it has the other port too."""
    accounts = frozenset(account.id for account in settings.accounts)
    pages = await see_port("web.listen", settings.web.listen, accounts)
    push = settings.presence.push
    if push is None or pages.state in ("ours", "unwell"):
        return [pages]
    return [pages, await see_port("presence.push.listen", push.listen, accounts)]


async def see_port(setting: str, listen: str, accounts: frozenset[str]) -> PortSeen:
    """``accounts``: by which the service of these settings is told from another one's."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        why = await asyncio.to_thread(_cannot_listen, host, int(port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return PortSeen(setting, listen, "elsewhere", os.strerror(error.errno) if error.errno else str(error))
        return await _who_listens(PortSeen(setting, listen, "taken"), host, int(port), accounts)
    return PortSeen(setting, listen, "elsewhere", why) if why else PortSeen(setting, listen, "free")


def _cannot_listen(host: str, port: int) -> str:
    """Try it, and stop at once. Raises OSError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror:
        return "its name cannot be resolved"
    with socket.socket(found[0], found[1], found[2]) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind(found[4])
        tried.listen(1)
    return ""


async def _who_listens(taken: PortSeen, host: str, port: int, accounts: frozenset[str]) -> PortSeen:
    """The service itself, perhaps: its pages tell, and whose accounts it has."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- what the settings may say
    try:
        async with asyncio.timeout(_PATIENCE):
            figures = await _page(local, port, "/metrics")
            known = {name.decode(errors="replace") for name in _ACCOUNT.findall(figures)}
            if _OURS not in figures or (known and known.isdisjoint(accounts)):
                return taken
            head, _, body = (await _page(local, port, "/healthz")).partition(b"\r\n\r\n")
    except (OSError, TimeoutError):
        return taken
    if b" 503" in head.partition(b"\r\n")[0]:
        return replace(taken, state="unwell", why="; ".join(body.decode(errors="replace").split("\n")).strip("; ."))
    return replace(taken, state="ours")


async def _page(host: str, port: int, path: str) -> bytes:
    """Its beginning."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while len(answer) < _MOST_BYTES and (piece := await reader.read(65_536)):
            answer += piece
        return answer
    finally:
        writer.close()


async def see_notify(url: Secret, proxy: str | None, seconds: float) -> NotifySeen:
    try:
        why = await usable(Target(url.where, url.where, url, proxy), seconds=seconds)
    except SecretUnavailable as failure:
        return NotifySeen(url.where, "notify_secret_unavailable", failure.problems[0].hint)
    except NotDelivered as failure:
        return NotifySeen(url.where, "notify_url_unusable", str(failure))
    return NotifySeen(url.where, "notify_url_unusable" if why else "", why)
