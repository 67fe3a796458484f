"""Where tokens are kept: apart, unreadable for others, and never a reason to fail."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.token_cache import TokenCache, file_name
from tests.microsoft365.signing_in import (
    JANE,
    Announced,
    Entra,
    Opened,
    by_device_code,
    fresh_entra,
    opened,
    settings_for,
)


@pytest.fixture
def entra() -> Entra:
    return fresh_entra()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def tokens_folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tokens"


@asynccontextmanager
async def signed_in(entra: Entra, folder: Path, *ids: str) -> AsyncIterator[Opened]:
    """Jane has signed in to each of the accounts, by device code."""
    settings = settings_for(folder, entra, *(by_device_code(id_) for id_ in ids or ("contoso",)))
    async with opened(settings, entra) as service:
        for account in service.accounts.values():
            announced = Announced()
            login = asyncio.create_task(account.sign_in_person(announced))
            await entra.clock.asleep()
            entra.enter(announced.codes[-1], JANE)
            await entra.clock.advance(5)
            await login
        yield service


async def renewed(account: Account) -> str:
    """A token that had to be asked for and kept."""
    tokens = account.tokens(account.endpoints.graph)
    await tokens.renew(await tokens.token())
    return await tokens.token()


@pytest.mark.anyio
async def test_only_the_owner_can_read_it(entra: Entra, tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        async with signed_in(entra, tmp_path):
            pass
    finally:
        os.umask(previous)
    (file,) = tokens_folder(tmp_path).iterdir()
    assert file.name == file_name("contoso")
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    assert JANE in file.read_text()


@pytest.mark.anyio
async def test_a_file_that_others_could_read_is_closed_to_them(entra: Entra, tmp_path: Path) -> None:
    file = tokens_folder(tmp_path) / file_name("contoso")
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    file.chmod(0o644)
    async with signed_in(entra, tmp_path):
        pass
    assert mode(file) == 0o600


@pytest.mark.anyio
async def test_how_tokens_are_kept_is_said_once(entra: Entra, tmp_path: Path) -> None:
    with capture_logs() as events:
        async with signed_in(entra, tmp_path, "contoso", "contoso-2"):
            pass
    (said,) = [event for event in events if event["event"] == "tokens_kept"]
    assert (said["log_level"], said["how"]) == ("info", "in files of mode 0600")


BROKEN = [b"{", b"\xff\xfe\x00", b"[]", b'{"AccessToken": []}', b'{"RefreshToken": {"x": 1}}', b"null"]


@pytest.mark.anyio
@pytest.mark.parametrize("content", BROKEN)
async def test_a_broken_file_is_set_aside(entra: Entra, tmp_path: Path, content: bytes) -> None:
    file = tokens_folder(tmp_path) / file_name("contoso")
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with capture_logs() as events:
        async with signed_in(entra, tmp_path):
            pass
    assert file.with_suffix(".broken").read_bytes() == content
    (said,) = [event for event in events if event["event"] == "token_cache_broken"]
    assert (said["log_level"], said["account"]) == ("warning", "contoso")


@pytest.mark.anyio
async def test_a_folder_that_cannot_be_used_is_told_once(entra: Entra, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with capture_logs() as events:
        async with signed_in(entra, tmp_path) as service:
            await renewed(service.contoso)
    (said,) = [event for event in events if event["event"] == "tokens_not_kept"]
    assert (said["log_level"], said["account"]) == ("warning", "contoso")
    assert "memory" in said["effect"]


@pytest.mark.anyio
async def test_a_folder_that_goes_away_under_way(entra: Entra, tmp_path: Path) -> None:
    with capture_logs() as events:
        async with signed_in(entra, tmp_path) as service:
            first = await service.contoso.tokens(entra.url).token()
            shutil.rmtree(tmp_path / "state")
            (tmp_path / "state").write_text("a file where the folder was")
            assert await renewed(service.contoso) != first
    assert [event["event"] for event in events if event["log_level"] == "warning"] == ["tokens_not_kept"]


@pytest.mark.anyio
async def test_a_lock_left_behind_by_a_killed_process(entra: Entra, tmp_path: Path) -> None:
    lock = tokens_folder(tmp_path) / f"{file_name('contoso')}.lockfile"
    lock.parent.mkdir(parents=True)
    lock.write_text("4711 sync-agent")
    os.utime(lock, (1, 1))
    async with signed_in(entra, tmp_path):
        pass
    assert not lock.exists()
    assert (lock.parent / file_name("contoso")).exists()


def test_nothing_is_touched_before_a_token_is_asked_for(tmp_path: Path) -> None:
    TokenCache(tmp_path / "tokens", "contoso")
    assert not (tmp_path / "tokens").exists()


ids = st.text(min_size=1, max_size=255)


@given(ids, ids)
def test_file_names_are_safe_and_different(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)
    assert file_name(one).isascii()
    assert not set(file_name(one)) & set('/\\:*?"<>| \n\0')
    assert not file_name(one).startswith(".")
    assert len(file_name(one)) < 100


def test_a_file_name_can_be_read() -> None:
    assert file_name("contoso.com").startswith("contoso.com-")
