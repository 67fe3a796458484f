"""Where tokens are kept: apart, unreadable for others, and never a reason to fail."""

from __future__ import annotations

import asyncio
import json
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
from sync_agent.microsoft365.errors import SignInFailed, SignInPending
from sync_agent.microsoft365.token_cache import CopiedTokenCache, TokenCache, file_name
from sync_agent.settings import Settings
from sync_agent.settings.model import SecretsSettings
from sync_agent.settings.sealing import new_key
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


def settings_by_device(folder: Path, entra: Entra, *ids: str, key: bool = False) -> Settings:
    """With ``key``, that in the folder's file of this name."""
    settings = settings_for(folder, entra, *(by_device_code(id_) for id_ in ids or ("contoso",)))
    if not key:
        return settings
    return settings.model_copy(update={"secrets": SecretsSettings.model_validate({"key": f"${{file:{folder}/key}}"})})


async def sign_in_as_jane(account: Account, entra: Entra) -> None:
    announced = Announced()
    login = asyncio.create_task(account.sign_in_person(announced))
    waits = asyncio.create_task(entra.clock.asleep())
    await asyncio.wait([login, waits], return_when=asyncio.FIRST_COMPLETED)
    if not login.done():
        entra.enter(announced.codes[-1], JANE)
        await entra.clock.advance(5)
    waits.cancel()
    await login


@asynccontextmanager
async def signed_in(entra: Entra, folder: Path, *ids: str, key: bool = False) -> AsyncIterator[Opened]:
    """Jane has signed in to each of the accounts, by device code."""
    async with opened(settings_by_device(folder, entra, *ids, key=key), entra) as service:
        for account in service.accounts.values():
            await sign_in_as_jane(account, entra)
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


KEY = new_key()


def key_file(folder: Path, key: str = KEY) -> Path:
    path = folder / "key"
    path.write_text(key)
    return path


@pytest.mark.anyio
async def test_with_a_key_it_is_encrypted_and_survives_a_restart(entra: Entra, tmp_path: Path) -> None:
    key_file(tmp_path)
    with capture_logs() as events:
        async with signed_in(entra, tmp_path, key=True):
            pass
        async with opened(settings_by_device(tmp_path, entra, key=True), entra) as service:
            await service.contoso.sign_in()
    (file,) = tokens_folder(tmp_path).glob("*.bin")
    assert file.read_text().startswith("enc:")
    assert JANE not in file.read_text()
    assert mode(file) == 0o600
    assert [each["how"] for each in events if each["event"] == "tokens_kept"] == ["encrypted with secrets.key"]


@pytest.mark.anyio
async def test_one_from_before_there_was_a_key_is_encrypted_at_once(entra: Entra, tmp_path: Path) -> None:
    async with signed_in(entra, tmp_path):
        pass
    (file,) = tokens_folder(tmp_path).glob("*.bin")
    assert JANE in file.read_text()
    key = settings_by_device(tmp_path, entra, key=True).secrets.chosen_key()
    key_file(tmp_path)
    assert TokenCache(
        tokens_folder(tmp_path), "contoso", key
    ).opened.is_encrypted  # opened, and nothing asked of it yet
    assert file.read_text().startswith("enc:")
    async with opened(settings_by_device(tmp_path, entra, key=True), entra) as service:
        await service.contoso.sign_in()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("A" * 43 + "=", "it cannot be opened: the key is another"),
        (None, "it is encrypted, and there is no secrets.key"),
    ],
)
async def test_one_that_the_key_does_not_open_is_set_aside_until_the_right_one_is_back(
    entra: Entra, tmp_path: Path, key: str | None, reason: str
) -> None:
    path = key_file(tmp_path)
    async with signed_in(entra, tmp_path, key=True):
        pass
    path.write_text(key or "")
    with capture_logs() as events:
        async with opened(settings_by_device(tmp_path, entra, key=key is not None), entra) as service:
            with pytest.raises(SignInPending):
                await service.contoso.sign_in()
    (said,) = [event for event in events if event["event"] == "token_cache_broken"]
    assert said["reason"].startswith(reason)
    path.write_text(KEY)
    os.replace(said["set_aside"], tokens_folder(tmp_path) / file_name("contoso"))  # noqa: PTH105
    async with opened(settings_by_device(tmp_path, entra, key=True), entra) as service:
        await service.contoso.sign_in()


@pytest.mark.anyio
@pytest.mark.parametrize(("key", "told"), [(None, "cannot be read: No such file"), ("short", "cannot be used")])
async def test_a_key_that_cannot_be_had_is_a_sign_in_that_fails(
    entra: Entra, tmp_path: Path, key: str | None, told: str
) -> None:
    """Rather than tokens that lie open where they were to be encrypted."""
    if key is not None:
        key_file(tmp_path, key)
    settings = settings_by_device(tmp_path, entra, key=True)
    async with opened(settings, entra) as service:
        with pytest.raises(SignInFailed, match=told):
            await sign_in_as_jane(service.contoso, entra)
    assert not [file for file in tokens_folder(tmp_path).glob("*.bin") if "{" in file.read_text()]


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


def test_a_copy_has_the_sign_in_but_no_token_to_go_on_with_and_changes_nothing_on_disk(tmp_path: Path) -> None:
    kept = {
        "AccessToken": {"a": {"secret": "an access token", "credential_type": "AccessToken"}},
        "RefreshToken": {"r": {"secret": "a refresh token", "credential_type": "RefreshToken"}},
    }
    path = tmp_path / file_name("contoso.com")
    path.write_text(json.dumps(kept))
    before = path.stat()
    copy = CopiedTokenCache(tmp_path, "contoso.com").opened
    copy.add(
        {"scope": ["s"], "token_endpoint": "https://login/t/token", "client_id": "c", "response": {"access_token": "x"}}
    )
    told = json.loads(copy.serialize())
    assert told["RefreshToken"] == kept["RefreshToken"]
    assert "a" not in told["AccessToken"]
    assert (path.stat().st_mtime_ns, path.read_text()) == (before.st_mtime_ns, json.dumps(kept))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kept", ["", "{", "[]", "null"])
def test_a_copy_of_what_is_broken_is_empty(kept: str, tmp_path: Path) -> None:
    path = tmp_path / file_name("contoso.com")
    path.write_text(kept)
    assert CopiedTokenCache(tmp_path, "contoso.com").opened.serialize() == "{}"
    assert path.read_text() == kept
    assert CopiedTokenCache(tmp_path / "nowhere", "contoso.com").opened.serialize() == "{}"
    assert not (tmp_path / "nowhere").exists()
