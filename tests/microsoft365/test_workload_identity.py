"""Workload identity federation: the platform's token, as Kubernetes mounts and renews it, is the app's proof."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sync_agent.simulator.world import FederatedCredential
from tests.microsoft365.signing_in import (
    CLIENT,
    SHAREPOINT,
    TOKEN,
    Entra,
    fresh_entra,
    opened,
    refusal,
    settings_for,
)

ISSUER = "https://oidc.cluster.example/"
SUBJECT = "system:serviceaccount:ucc:sync-agent"
AUDIENCE = "api://AzureADTokenExchange"


@cache
def cluster_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@pytest.fixture
def entra() -> Entra:
    running = fresh_entra()
    running.app.federated = [FederatedCredential(ISSUER, SUBJECT)]
    running.world.issuers = {ISSUER: cluster_key().public_key()}
    return running


def assertion(entra: Entra, *, key: rsa.RSAPrivateKey | None = None, lives: float = 3_600, **claims: Any) -> str:
    """As Kubernetes projects it: the audience is a list of one."""
    now = entra.world.clock()
    usual = {"iss": ISSUER, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now, "nbf": now, "exp": now + lives}
    return jwt.encode({**usual, **claims}, key or cluster_key(), algorithm="RS256", headers={"kid": "cluster"})


def mounted(folder: Path, token: str) -> Path:
    path = folder / "azure-identity-token"
    path.write_text(token)
    return path


def by_workload(path: Path | None) -> dict[str, Any]:
    token_file = {} if path is None else {"token_file": str(path)}
    return {"id": "contoso", "auth": "workload_identity", **token_file}


@pytest.mark.anyio
@pytest.mark.parametrize("by_variable", [True, False])
async def test_signs_in_to_graph_and_sharepoint(
    entra: Entra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    path = mounted(tmp_path, assertion(entra))
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(path if by_variable else tmp_path / "another"))
    settings = settings_for(tmp_path, entra, by_workload(None if by_variable else path))
    async with opened(settings, entra) as service:
        for resource in (entra.url, SHAREPOINT):
            token = await service.contoso.tokens(resource).token()
            assert entra.world.mint.check(entra.world, token, [resource]).app_id == CLIENT
    assert not (tmp_path / "state").exists()


@pytest.mark.anyio
async def test_the_file_is_read_at_each_renewal(entra: Entra, tmp_path: Path) -> None:
    """The platform replaces it within the hour: a token that was read at the start would have ended long ago."""
    entra.tokens_live(250)
    path = mounted(tmp_path, assertion(entra, lives=100))
    async with opened(settings_for(tmp_path, entra, by_workload(path)), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        entra.clock.now += 150
        mounted(tmp_path, assertion(entra, lives=100))
        assert await tokens.token() != first
        assert service.contoso.trouble is None


@pytest.mark.anyio
async def test_a_token_of_the_platforms_that_has_ended(entra: Entra, tmp_path: Path) -> None:
    path = mounted(tmp_path, assertion(entra, lives=100))
    entra.clock.now += 150
    async with opened(settings_for(tmp_path, entra, by_workload(path)), entra) as service:
        failure = await refusal(service.contoso)
        assert failure.aadsts == 700024
        assert "set this machine's clock" in failure.reason
        mounted(tmp_path, assertion(entra))
        entra.clock.now += 61
        await service.contoso.sign_in()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("claims", "number", "remedy"),
    [
        ({"iss": "https://oidc.cluster.example"}, 700211, "issuer"),  # to the letter: a slash is missing
        ({"aud": ["api://another"]}, 700212, "api://AzureADTokenExchange"),
        ({"sub": "system:serviceaccount:default:sync-agent"}, 700213, "subject"),
        ({"key": rsa.generate_private_key(public_exponent=65_537, key_size=2_048)}, 50027, "public keys"),
    ],
)
async def test_what_the_federated_credential_does_not_take(
    entra: Entra, tmp_path: Path, claims: dict[str, Any], number: int, remedy: str
) -> None:
    path = mounted(tmp_path, assertion(entra, **claims))
    async with opened(settings_for(tmp_path, entra, by_workload(path)), entra) as service:
        failure = await refusal(service.contoso)
    assert failure.aadsts == number
    assert f"(AADSTS{number}); " in failure.reason
    assert remedy in failure.reason.partition("; ")[2]


@pytest.mark.anyio
async def test_an_app_without_a_federated_credential(entra: Entra, tmp_path: Path) -> None:
    entra.app.federated = []
    path = mounted(tmp_path, assertion(entra))
    async with opened(settings_for(tmp_path, entra, by_workload(path)), entra) as service:
        failure = await refusal(service.contoso)
    assert failure.aadsts == 70025
    assert "add a federated credential" in failure.reason


@pytest.mark.anyio
@pytest.mark.parametrize("content", ["", "no token", "hunter2.hunter2", "héader.x.y"])
async def test_a_file_that_holds_no_token(entra: Entra, tmp_path: Path, content: str) -> None:
    path = mounted(tmp_path, content)
    async with opened(settings_for(tmp_path, entra, by_workload(path)), entra) as service:
        assert (await refusal(service.contoso)).reason == (
            f"account contoso cannot sign in: the token file {path} holds no token; "
            "it must be the file that the platform keeps"
        )


@pytest.mark.anyio
async def test_a_file_that_is_not_there(entra: Entra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE", raising=False)
    gone = tmp_path / "gone"
    for token_file, told in ((gone, f"the token file {gone} cannot be read: No such file"), (None, "label the pod")):
        async with opened(settings_for(tmp_path, entra, by_workload(token_file)), entra) as service:
            failure = await refusal(service.contoso)
            assert told in failure.reason
            assert service.transport.requests["sign-in"] <= 1  # discovery; no assertion went out


@pytest.mark.anyio
async def test_nothing_of_the_platforms_token_is_said(
    entra: Entra, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token = assertion(entra)
    entra.refuse(TOKEN, "invalid_client", 700213, f"No matching … subject {SUBJECT}.")
    async with opened(settings_for(tmp_path, entra, by_workload(mounted(tmp_path, token))), entra) as service:
        told = (await refusal(service.contoso)).reason
    assert token not in caplog.text + told
