"""When credentials end: by the app registration where it may be read, by the certificate's file, by the settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync_agent.expiry import CredentialEnd
from sync_agent.microsoft365.credential_ends import credential_ends
from sync_agent.microsoft365.graph import Graph
from tests.microsoft365.signing_in import SECRET, Entra, by_device_code, by_secret, fresh_entra, opened, settings_for
from tests.microsoft365.test_certificate import account, certificate_of, pem_of, rsa_key, text_of

pytestmark = pytest.mark.anyio

APPLICATIONS = r"/applications"
SOON = datetime(2027, 1, 31, 12, 30, tzinfo=UTC)


@pytest.fixture
def entra() -> Entra:
    running = fresh_entra()
    running.app.permissions.add("Application.Read.All")
    running.app.secrets = {SECRET: SOON.timestamp(), "another": 1e9, "later": 4e9}
    return running


async def found(entra: Entra, folder: Path, configured: dict[str, Any]) -> tuple[CredentialEnd, ...]:
    async with opened(settings_for(folder, entra, configured), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        graph = Graph(service.transport, tokens, entra.url, service.contoso.directory_budget, "directory")
        return await credential_ends(service.contoso, graph)


async def test_a_secret_by_the_registration(entra: Entra, tmp_path: Path) -> None:
    """Which knows it by its beginning; and better than the settings."""
    ends = await found(entra, tmp_path, by_secret(client_secret_expires="2030-01-01"))
    assert ends == (CredentialEnd("contoso", "client_secret", SOON, "the app registration"),)


async def test_of_secrets_that_begin_alike_the_first_to_end(entra: Entra, tmp_path: Path) -> None:
    earlier = SOON - timedelta(days=9)
    entra.app.secrets[f"{SECRET[:3]} another"] = earlier.timestamp()
    (end,) = await found(entra, tmp_path, by_secret())
    assert end.ends == earlier


async def test_a_registration_without_hints(entra: Entra, tmp_path: Path) -> None:
    body = b'{"passwordCredentials": [{"endDateTime": "2027-02-01T00:00:00Z", "hint": null}, {"hint": null}]}'
    entra.spoil(APPLICATIONS, body, headers={"content-type": "application/json"})
    (end,) = await found(entra, tmp_path, by_secret())
    assert end.ends == datetime(2027, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("expires", [None, "2027-03-01"])
async def test_without_the_permission_nothing_is_asked_and_the_settings_tell(
    entra: Entra, tmp_path: Path, expires: str | None
) -> None:
    entra.app.permissions.remove("Application.Read.All")
    before = entra.world.requests["all"]
    ends = await found(entra, tmp_path, by_secret(client_secret_expires=expires))
    assert entra.world.requests["all"] - before == 2  # discovery and token
    known = CredentialEnd("contoso", "client_secret", datetime(2027, 3, 1, tzinfo=UTC), "client_secret_expires")
    assert ends == ((known,) if expires else ())


@pytest.mark.parametrize(
    "how",
    [
        {"status": 500},
        {"status": 403, "body": b"{}"},
        {"status": 200, "body": b"<html>"},
        {"status": 200, "body": b"[]"},
        {"cut": True},
    ],
)
async def test_a_registration_that_cannot_be_read_is_no_failure(
    entra: Entra, tmp_path: Path, how: dict[str, Any]
) -> None:
    entra.world.faults.add(APPLICATIONS, **how)
    (end,) = await found(entra, tmp_path, by_secret(client_secret_expires="2027-03-01"))
    assert end.known_from == "client_secret_expires"


async def test_a_sign_in_that_fails_is_told_elsewhere(entra: Entra, tmp_path: Path) -> None:
    assert await found(entra, tmp_path, by_secret(client_secret="wrong")) == ()


@pytest.mark.parametrize("days", [400, -1])
async def test_a_certificate_by_its_file(entra: Entra, tmp_path: Path, days: int) -> None:
    """One that has ended too: no sign-in tells that it did."""
    now = datetime.now(UTC).replace(microsecond=0)
    ends = now + timedelta(days=days)
    path = tmp_path / "app.pem"
    path.write_bytes(text_of(certificate_of(rsa_key(), now - timedelta(days=9), ends)) + pem_of(rsa_key()))
    assert await found(entra, tmp_path, account(path)) == (CredentialEnd("contoso", "certificate", ends, "its file"),)
    path.unlink()
    assert await found(entra, tmp_path, account(path)) == ()


async def test_a_person_has_no_credential_of_ours(entra: Entra, tmp_path: Path) -> None:
    assert await found(entra, tmp_path, by_device_code()) == ()
