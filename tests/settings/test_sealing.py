"""Secrets that stand in settings.yaml encrypted: what opens them, and what is told where nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_agent.settings import Secret, SecretUnavailable
from sync_agent.settings.sealing import Unsealable, is_sealed, new_key, opened, sealed
from tests.settings.files import SMALLEST, changed, loaded, only

HIDDEN = "hunter2-hunter2"
KEY, OTHER = new_key(), new_key()
SEALED = sealed(HIDDEN, KEY)
texts = st.text(st.characters(codec="utf-8"))


@given(texts)
def test_what_was_sealed_opens_with_its_key_alone(text: str) -> None:
    value = sealed(text, KEY)
    assert is_sealed(value)
    assert opened(value, KEY) == text
    with pytest.raises(Unsealable, match="the key is another"):
        opened(value, OTHER)


@given(st.integers(13), st.sampled_from("Aa0_"), st.text(max_size=10))
def test_a_damaged_value_is_told_as_damaged(at: int, instead: str, more: str) -> None:
    """Past the key's mark, and before the last four characters, of which some bits stand for nothing."""
    at = 13 + at % (len(SEALED) - 17)
    for damaged in (SEALED[:at] + instead + SEALED[at + 1 :], SEALED[:at], SEALED + more):
        if damaged == SEALED:
            continue
        with pytest.raises(Unsealable, match="the value is damaged") as caught:
            opened(damaged, KEY)
        assert HIDDEN not in str(caught.value)
        assert caught.value.__context__ is None


@given(st.text(max_size=60))
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(Unsealable, match="the key cannot be used") as caught:
        sealed("x", text)
    assert caught.value.__context__ is None
    assert not text or len(text) < 8 or text not in str(caught.value)


def test_two_times_two_values() -> None:
    assert sealed(HIDDEN, KEY) != sealed(HIDDEN, KEY)
    assert HIDDEN not in sealed(HIDDEN, KEY)


def with_value(value: str, more: str = "") -> str:
    return changed("${env:CONTOSO_SECRET}", value) + more


def secret_in(folder: Path, text: str) -> Secret:
    (secret,) = loaded(folder, text).sign_in_secrets()
    return secret


def unavailable(secret: Secret) -> str:
    with pytest.raises(SecretUnavailable) as caught:
        secret.reveal()
    return str(caught.value).removeprefix("accounts.contoso.client_secret: ")


def test_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_in(tmp_path, with_value(sealed(HIDDEN, KEY)))
    monkeypatch.delenv("SYNC_AGENT_KEY", raising=False)
    assert unavailable(secret) == (
        "it is encrypted, and its key cannot be had: secrets.key: the environment variable SYNC_AGENT_KEY is not set"
    )
    monkeypatch.setenv("SYNC_AGENT_KEY", KEY)
    assert secret.reveal() == HIDDEN
    assert not secret.is_plain
    monkeypatch.setenv("SYNC_AGENT_KEY", OTHER)
    assert unavailable(secret).startswith("it is encrypted, and cannot be opened: the key is another: the value was ")
    monkeypatch.setenv("SYNC_AGENT_KEY", HIDDEN)
    assert unavailable(secret) == (
        "it is encrypted, and cannot be opened: the key cannot be used: "
        "it is none that `sync-agent secret new-key` made"
    )


@pytest.mark.parametrize("name", ["key", "secrets/key"])
def test_by_a_file_beside_the_settings(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(f"{KEY}\n")
    value = sealed(HIDDEN, KEY)
    text = with_value(value, f"secrets: {{key: '${{file:{name}}}'}}\nnotify: {{urls: ['{value}']}}\n")
    settings = loaded(tmp_path, text)
    assert [secret.reveal() for secret in (*settings.sign_in_secrets(), *settings.notify.urls)] == [HIDDEN] * 2


def test_a_password_of_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_AGENT_KEY", KEY)
    certificate = f"auth: certificate\n    certificate: {{path: x.pfx, password: '{sealed(HIDDEN, KEY)}'}}"
    assert secret_in(tmp_path, changed("auth: client_secret", certificate)).reveal() == HIDDEN


@pytest.mark.parametrize("value", ["enc:", "enc:0123abcd", "enc:0123abcd:", "enc:0123abcd:gAAAA ", "enc:x:gAAAA"])
def test_what_looks_encrypted_and_is_not(tmp_path: Path, value: str) -> None:
    problem = only(tmp_path, with_value(f"'{value}'"))
    assert problem.found == "a value that is not shown here"
    assert problem.hint == "what begins with enc: must be what `sync-agent secret encrypt` printed, all of it"


def test_only_secrets_can_be_encrypted(tmp_path: Path) -> None:
    problem = only(tmp_path, changed("agent_list: Agents", f"agent_list: {sealed('Agents', KEY)}"))
    assert problem.where == "sharepoint.agent_list"
    assert problem.hint == "only secrets, passwords and notify.urls can be looked up elsewhere"


def test_a_key_cannot_open_itself(tmp_path: Path) -> None:
    problem = only(tmp_path, f"{SMALLEST}secrets: {{key: '{sealed(KEY, KEY)}'}}\n")
    assert (problem.where, problem.hint) == ("secrets.key", "a key cannot open itself")


def test_an_encrypted_secret_shows_a_mark_that_tells_it_from_others(tmp_path: Path) -> None:
    values = [sealed(HIDDEN, KEY) for _ in range(2)]
    urls = loaded(tmp_path, f"{SMALLEST}notify: {{urls: {values}}}\n").notify.urls
    shown = [repr(url) for url in urls]
    assert len(set(shown)) == 2
    assert all(text.startswith("Secret(enc:") and len(text) == 20 for text in shown)


def test_plain_secrets_are_named(tmp_path: Path) -> None:
    assert loaded(tmp_path).plain_secrets() == []
    text = with_value(HIDDEN, f"secrets: {{key: {KEY}}}\nnotify: {{urls: ['${{env:X}}', 'json://x']}}\n")
    assert loaded(tmp_path, text).plain_secrets() == ["accounts.contoso.client_secret", "notify.urls.2", "secrets.key"]


def test_whether_a_key_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNC_AGENT_KEY", raising=False)
    assert loaded(tmp_path).secrets.chosen_key() is None
    assert loaded(tmp_path, f"{SMALLEST}secrets: {{key:}}\n").secrets.chosen_key() is None
    monkeypatch.setenv("SYNC_AGENT_KEY", KEY)
    found = loaded(tmp_path).secrets.chosen_key()
    named = loaded(tmp_path, f"{SMALLEST}secrets: {{key: '${{file:gone}}'}}\n").secrets.chosen_key()
    assert found is not None
    assert found.reveal() == KEY
    assert named is not None
    with pytest.raises(SecretUnavailable, match=r"secrets\.key: the file"):
        named.reveal()
