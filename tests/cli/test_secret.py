"""`sync-agent secret`: from a new key to a settings file that can be committed."""

from __future__ import annotations

import io
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sync_agent.settings import load
from sync_agent.settings.sealing import new_key, opened, sealed
from tests.lab import Lab, Ran, command
from tests.settings.files import SMALLEST, changed, written

HIDDEN = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNC_AGENT_KEY", raising=False)


def encrypt(monkeypatch: pytest.MonkeyPatch, settings: Path, typed: str = f"{HIDDEN}\n") -> Ran:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return command("--settings", str(settings), "secret", "encrypt")


def test_a_key_for_a_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    ran = command("secret", "new-key", "--file", str(path))
    assert (ran.code, ran.out) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert opened(sealed("x", path.read_text().strip()), path.read_text().strip()) == "x"
    assert path.read_text().strip() not in ran.err
    again = command("secret", "new-key", "--file", str(path))
    assert again.code == 2
    assert "exists already" in again.err


def test_a_key_on_stdout() -> None:
    keys = {command("secret", "new-key").out for _ in range(2)}
    assert len(keys) == 2
    assert all(opened(sealed("x", key.strip()), key.strip()) == "x" for key in keys)


def test_what_is_piped_in_opens_in_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, f"{SMALLEST}secrets: {{key: '${{file:key}}'}}\n")
    (tmp_path / "key").write_text(new_key())
    ran = encrypt(monkeypatch, path)
    assert (ran.code, ran.err) == (0, "")
    assert HIDDEN not in ran.out
    path.write_text(changed("${env:CONTOSO_SECRET}", ran.out.strip(), path.read_text()))
    (secret,) = load(path).sign_in_secrets()
    assert secret.reveal() == HIDDEN


def test_before_there_are_settings_the_key_is_the_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with settings that are not finished: a secret may be what they lack."""
    monkeypatch.setenv("SYNC_AGENT_KEY", key := new_key())
    for settings in (tmp_path / "none.yaml", written(tmp_path, "accounts: []\n")):
        assert opened(encrypt(monkeypatch, settings).out.strip(), key) == HIDDEN


@pytest.mark.parametrize(
    ("key", "typed", "told"),
    [
        (None, HIDDEN, "SYNC_AGENT_KEY is not set. Make one by `sync-agent secret new-key`, and put it"),
        (HIDDEN, HIDDEN, "secrets.key: the key cannot be used: it is none that `sync-agent secret new-key` made."),
        ("A" * 43 + "=", "\n", "Nothing came in; pipe the secret in, or type it at a terminal."),
    ],
)
def test_what_cannot_be_done_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None, typed: str, told: str
) -> None:
    if key is not None:
        monkeypatch.setenv("SYNC_AGENT_KEY", key)
    ran = encrypt(monkeypatch, tmp_path / "none.yaml", typed)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert HIDDEN not in ran.err


def test_at_a_terminal_nothing_is_echoed(tmp_path: Path) -> None:
    key, (ours, theirs) = new_key(), pty.openpty()
    arguments = [sys.executable, "-m", "sync_agent", "--settings", str(tmp_path / "none.yaml"), "secret", "encrypt"]
    environment = {**os.environ, "SYNC_AGENT_KEY": key}
    process = subprocess.Popen(
        arguments, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    seen = b""
    while b"not shown" not in seen:
        seen += os.read(ours, 100)
    os.write(ours, f"{HIDDEN}\n".encode())
    out, _ = process.communicate(timeout=30)
    seen += os.read(ours, 1_000)
    os.close(ours)
    assert opened(out.decode().strip(), key) == HIDDEN
    assert HIDDEN.encode() not in seen


def test_a_whole_pass_with_an_encrypted_secret(ready: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    account, _, app = ready.world.accounts[0]
    monkeypatch.setenv("SYNC_AGENT_KEY", key := new_key())
    ready.replace(f"${{file:secrets/{account}}}", sealed(next(iter(app.secrets)), key))
    assert ready.run("sync").code == 0
    monkeypatch.setenv("SYNC_AGENT_KEY", new_key())
    ran = ready.run("sync")
    assert ran.code == 2
    assert f"accounts.{account}.client_secret: it is encrypted, and cannot be opened: the key is another" in ran.err


def test_a_secret_as_it_is_works_with_a_warning(ready: Lab) -> None:
    account, _, app = ready.world.accounts[0]
    assert "secret_in_settings" not in ready.run("sync", "--json").err
    ready.replace(f"${{file:secrets/{account}}}", secret := next(iter(app.secrets)))
    ran = ready.run("sync", "--json")
    assert ran.code == 0
    assert ran.err.count("secret_in_settings") == 1
    assert f"settings=accounts.{account}.client_secret" in ran.err.replace('"', "")
    assert secret not in ran.err


def test_a_next_secret_that_is_not_there_yet_keeps_nothing_from_working(ready: Lab) -> None:
    account = ready.world.accounts[0][0]
    ready.replace(f"secrets/{account}}}", f"secrets/{account}}}\n    client_secret_next: ${{file:secrets/next}}")
    ran = ready.run("sync", "--json")
    assert (ran.code, ran.json()["accounts"][account]["state"]) == (0, "ok")
    (ready.folder / "secrets" / account).unlink()
    assert ready.run("sync", "--json").code == 2


def test_the_next_secret_in_use_is_told_by_every_pass(ready: Lab) -> None:
    account, _, app = ready.world.accounts[0]
    good = next(iter(app.secrets))
    (ready.folder / "secrets" / "next").write_text(good)
    (ready.folder / "secrets" / account).write_text("refused")
    ready.replace(f"secrets/{account}}}", f"secrets/{account}}}\n    client_secret_next: ${{file:secrets/next}}")
    ran = ready.run("sync", "--json")
    told = ran.json()["accounts"][account]
    assert (ran.code, told["state"]) == (0, "ok")
    assert told["notice"].startswith(
        f"account {account} signs in by client_secret_next, since the client secret is wrong"
    )
    assert "client_secret_next_used" in ran.err
    assert "signs in by client_secret_next" in " ".join(ready.run("sync").out.split())
    (ready.folder / "secrets" / account).write_text(good)
    assert ready.run("sync", "--json").json()["accounts"][account]["notice"] is None
