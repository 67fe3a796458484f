"""Secrets: looked up when they are needed, and never shown."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_agent.settings import Secret, SecretUnavailable, Settings, SettingsError
from tests.settings.files import SECOND_ACCOUNT, SMALLEST, changed, loaded, only

HIDDEN = "hunter2-hunter2"
_WAYS = "${env:NAME}, ${file:/path}, ${credential:name}, ${keyring:service/name} or enc:…"


def with_secret(reference: str) -> str:
    return changed("${env:CONTOSO_SECRET}", reference)


def secret_of(settings: Settings) -> Secret:
    secret = settings.accounts[0].client_secret
    assert secret is not None
    return secret


def unavailable(secret: Secret) -> str:
    with pytest.raises(SecretUnavailable) as caught:
        secret.reveal()
    (problem,) = caught.value.problems
    assert problem.where == "accounts.contoso.client_secret"
    assert str(caught.value) == str(problem)
    return str(caught.value).removeprefix("accounts.contoso.client_secret: ")


@pytest.mark.parametrize("plain", ["hunter2", "a b", "$x{y}", "'no'", '"12:30:00"', "012"])
def test_a_secret_may_stand_in_the_file(tmp_path: Path, plain: str) -> None:
    secret = secret_of(loaded(tmp_path, with_secret(plain)))
    assert secret.is_plain
    assert secret.reveal() == plain.strip("'\"")


def test_a_variable_is_read_when_the_secret_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONTOSO_SECRET", raising=False)
    secret = secret_of(loaded(tmp_path))
    assert not secret.is_plain
    assert unavailable(secret) == "the environment variable CONTOSO_SECRET is not set"
    for value in ("first", "renewed"):
        monkeypatch.setenv("CONTOSO_SECRET", value)
        assert secret.reveal() == value
    monkeypatch.setenv("CONTOSO_SECRET", "")
    assert unavailable(secret) == "${env:CONTOSO_SECRET} is empty"


def test_a_file_is_read_when_the_secret_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, elsewhere = tmp_path / "etc", tmp_path / "elsewhere"
    place.mkdir()
    elsewhere.mkdir()
    secret = secret_of(loaded(place, with_secret("${file:secrets/contoso}")))
    monkeypatch.chdir(elsewhere)
    file = place / "secrets" / "contoso"
    assert unavailable(secret) == f"the file {file} cannot be read: No such file or directory"
    file.parent.mkdir()
    for written, meant in ((b"first\n", "first"), (b"\xef\xbb\xbfrenewed\r\n", "renewed"), (b" blanks count ", None)):
        file.write_bytes(written)
        assert secret.reveal() == (meant or written.decode())
    file.write_text("\n")
    assert unavailable(secret) == "${file:secrets/contoso} is empty"
    file.write_bytes(b"hunter2\xff")
    assert unavailable(secret) == f"the file {file} cannot be read: it is not text"


def test_a_file_by_its_absolute_path(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from afar")
    place = tmp_path / "etc"
    place.mkdir()
    assert secret_of(loaded(place, with_secret(f"${{file:{tmp_path}/secret}}"))).reveal() == "from afar"


def test_a_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(loaded(tmp_path, with_secret("${credential:contoso}")))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert unavailable(secret) == (
        "systemd gave no credentials; add LoadCredential=contoso:/path/of/it to the unit, and start the unit"
    )
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    missing = f"the file {tmp_path / 'contoso'} cannot be read: No such file or directory"
    assert unavailable(secret) == missing
    (tmp_path / "contoso").write_text("given\n")
    assert secret.reveal() == "given"


_KEYRING = """
class errors:
    class KeyringError(Exception):
        pass

kept = {("sync-agent", "contoso/app"): "from the keyring"}
locked = False

def get_password(service, user):
    if locked:
        raise errors.KeyringError("hunter2")
    return kept.get((service, user))
"""


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A keyring is no part of a test machine: a package with the same face stands in for it."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "keyring.py").write_text(_KEYRING)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    yield
    sys.modules.pop("keyring", None)


@pytest.mark.usefixtures("keyring")
def test_a_password_of_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secret_of(loaded(tmp_path, with_secret("${keyring:sync-agent/contoso/app}")))
    assert secret.reveal() == "from the keyring"
    monkeypatch.setattr("keyring.kept", {})
    assert unavailable(secret) == "the keyring has no password of contoso/app for sync-agent"
    monkeypatch.setattr("keyring.locked", True)
    assert unavailable(secret) == "the keyring cannot be opened (KeyringError)"


def test_the_keyring_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    secret = secret_of(loaded(tmp_path, with_secret("${keyring:sync-agent/contoso}")))
    assert unavailable(secret) == (
        "${keyring:sync-agent/contoso} needs the package keyring; install it: pip install keyring"
    )


@pytest.mark.parametrize(
    "reference",
    [
        "${env:}",
        "${env:A=B}",
        "${environment:A}",
        "${A}",
        "${file:}",
        "${credential:a/b}",
        "${keyring:service}",
        "${keyring:/name}",
        "before ${env:A}",
        "${env:A}${env:B}",
        "'${env:A'",
    ],
)
def test_a_reference_of_no_known_form(tmp_path: Path, reference: str) -> None:
    problem = only(tmp_path, with_secret(reference))
    assert (problem.where, problem.line, problem.column) == ("accounts.contoso.client_secret", 9, 5)
    assert (problem.found, problem.expected) == ("a value that is not shown here", _WAYS)
    assert problem.hint == "a reference has one of these forms, and stands alone"


@pytest.mark.parametrize(
    ("value", "found"),
    [("[hunter2]", "a list"), ("{hunter2: x}", "settings below it"), ("''", "a value that is not shown here")],
)
def test_what_is_no_secret(tmp_path: Path, value: str, found: str) -> None:
    problem = only(tmp_path, with_secret(value))
    assert (problem.found, problem.expected, problem.hint) == (found, _WAYS, "")


def test_a_password_of_a_certificate_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PFX", raising=False)
    certificate = "auth: certificate\n    certificate: {path: x.pfx, password: '${env:PFX}'}"
    settings = loaded(tmp_path, changed("auth: client_secret", certificate))
    (secret,) = settings.sign_in_secrets()
    with pytest.raises(SecretUnavailable) as caught:
        secret.reveal()
    where = "accounts.contoso.certificate.password"
    assert str(caught.value) == f"{where}: the environment variable PFX is not set"


def test_only_secrets_that_are_used_are_asked_for(tmp_path: Path) -> None:
    text = changed("  agent_list: Agents", "  agent_list: Agents\n  account: contoso") + SECOND_ACCOUNT
    unused = f"{text}    client_secret: unused\n    certificate: {{path: x, password: unused}}\n"
    assert [repr(secret) for secret in loaded(tmp_path, unused).sign_in_secrets()] == ["Secret(${env:CONTOSO_SECRET})"]


def test_a_secret_is_in_nothing_that_is_shown(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        changed("${env:CONTOSO_SECRET}", HIDDEN)
        + f"    certificate: {{path: x.pem, password: {HIDDEN}}}\n"
        + f"state: {{database: 'sqlite:///x.db?password={HIDDEN}'}}\n"
        + f"proxy: http://me:{HIDDEN}@proxy:8080\n"
        + f'notify: {{urls: ["json://example.com/{HIDDEN}"]}}\n',
    )
    account = settings.accounts[0]
    secret = secret_of(settings)
    assert secret.reveal() == HIDDEN
    shown = [
        *(f"{thing!s}{thing!r}{thing}" for thing in (settings, account, account.certificate, secret, [secret])),
        f"{secret:>40}",
        str(settings.model_dump()),
        str(settings.model_dump(mode="json")),
        settings.model_dump_json(),
        json.dumps(settings.model_dump(), default=str),
        str(dict(account)),
    ]
    assert [text for text in shown if HIDDEN in text] == []
    assert "Secret(plain text)" in shown[0]
    assert '"proxy":"http://proxy:8080"' in settings.model_dump_json()


def test_a_password_in_the_address_of_a_database_is_not_dumped(tmp_path: Path) -> None:
    database = f"sqlite:////d.db?password={HIDDEN}"
    settings = loaded(tmp_path, f"{SMALLEST}state: {{database: '{database}'}}\n")
    assert settings.state.database == database
    assert HIDDEN not in f"{settings!r} {settings.model_dump()}"


def test_a_secret_is_not_written_down(tmp_path: Path) -> None:
    settings = loaded(tmp_path, with_secret(HIDDEN))
    for thing in (settings, settings.accounts[0], secret_of(settings)):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="not pickled"):
                pickle.dumps(thing, protocol)


def test_a_copy_is_as_good(tmp_path: Path) -> None:
    settings = copy.deepcopy(loaded(tmp_path, with_secret(HIDDEN)))
    assert copy.copy(secret_of(settings)).reveal() == HIDDEN


def test_a_secret_is_in_no_stack_trace(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(HIDDEN.encode() + b"\xff")
    secret = secret_of(loaded(tmp_path, with_secret("${file:secret}")))
    try:
        secret.reveal()
    except SettingsError as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        assert HIDDEN not in "".join(lines)
    else:
        pytest.fail("a file that is no text was taken")
