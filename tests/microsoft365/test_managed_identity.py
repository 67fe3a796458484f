"""The Azure machine that the service runs on signs in: by App Service's identity service and by a virtual machine's."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from sync_agent.microsoft365.errors import SignInFailed, Unreachable
from sync_agent.simulator.world import AppRegistration, Machine
from tests.microsoft365.signing_in import (
    CLIENT,
    OTHER_TENANT,
    SHAREPOINT,
    TENANT,
    Entra,
    fresh_entra,
    opened,
    refusal,
    settings_for,
)

HEADER = "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a"
ASSIGNED = "88888888-0000-4000-8000-000000000008"
VARIABLES = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT",
             "MSI_SECRET", "AZURE_POD_IDENTITY_AUTHORITY_HOST")  # fmt: skip


@pytest.fixture
def entra(monkeypatch: pytest.MonkeyPatch) -> Entra:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    running = fresh_entra()
    tenant = running.world.tenants[TENANT]
    running.world.machine = Machine(tenant, HEADER, AppRegistration(CLIENT), {ASSIGNED: AppRegistration(ASSIGNED)})
    return running


@pytest.fixture(params=["App Service", "virtual machine"])
def place(request: pytest.FixtureRequest, entra: Entra, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where Azure runs the service. A machine asks 169.254.169.254, unless this variable of msal's says otherwise."""
    if request.param == "App Service":
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{entra.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    else:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", entra.url)
    return str(request.param)


def machine_of(entra: Entra) -> Machine:
    assert entra.world.machine is not None
    return entra.world.machine


def as_machine(**more: Any) -> dict[str, Any]:
    return {"id": "contoso", "auth": "managed_identity", "client_id": None, **more}


@pytest.mark.anyio
@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(("client_id", "app"), [(None, CLIENT), (ASSIGNED, ASSIGNED)])
async def test_signs_in_to_graph_and_sharepoint(entra: Entra, tmp_path: Path, client_id: str | None, app: str) -> None:
    async with opened(settings_for(tmp_path, entra, as_machine(client_id=client_id)), entra) as service:
        for resource in (entra.url, SHAREPOINT):
            token = await service.contoso.tokens(resource).token()
            principal = entra.world.mint.check(entra.world, token, [resource])
            assert (principal.app_id, principal.tenant.id, principal.by_certificate) == (app, TENANT, True)
        assert service.contoso.trouble is None
    assert not (tmp_path / "state").exists()


@pytest.mark.anyio
@pytest.mark.usefixtures("place")
async def test_a_token_is_renewed_before_its_end_and_after_a_401(entra: Entra, tmp_path: Path) -> None:
    entra.tokens_live(250)
    async with opened(settings_for(tmp_path, entra, as_machine()), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        entra.clock.now += 130
        second = await tokens.token()
        await tokens.renew(second)
        assert len({first, second, await tokens.token()}) == 3
        assert service.requests == 3


@pytest.mark.anyio
@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("client_id", [None, "99999999-0000-4000-8000-000000000009"])
async def test_an_identity_that_is_not_there(entra: Entra, tmp_path: Path, client_id: str | None) -> None:
    entra.world.machine = Machine(entra.world.tenants[TENANT], HEADER)
    async with opened(settings_for(tmp_path, entra, as_machine(client_id=client_id)), entra) as service:
        told = (await refusal(service.contoso)).reason
        assert told.startswith("account contoso cannot sign in: ")
        assert "dentity " in told
        assert told.endswith(
            "; check client_id, and assign that identity to the machine"
            if client_id
            else "; switch on the machine's system-assigned identity, or name a user-assigned one by client_id"
        )
        entra.world.machine.own = AppRegistration(CLIENT)
        entra.world.machine.assigned[client_id or ""] = AppRegistration(CLIENT)
        entra.clock.now += 61
        await service.contoso.sign_in()


@pytest.mark.anyio
@pytest.mark.usefixtures("place")
async def test_a_machine_of_another_tenant_is_refused(entra: Entra, tmp_path: Path) -> None:
    """Its directory knows nobody of the list; everybody in it would seem to be gone."""
    machine_of(entra).tenant = entra.world.tenants[OTHER_TENANT]
    async with opened(settings_for(tmp_path, entra, as_machine()), entra) as service:
        assert (await refusal(service.contoso)).reason == (
            f"account contoso is for tenant {TENANT}, but this machine's managed identity is of tenant {OTHER_TENANT}; "
            "run the service on a machine of the account's own tenant, or sign in another way"
        )


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["opaque", "a.b.c", f"a.{base64.urlsafe_b64encode(b'[1]').decode()}.c"])
async def test_a_token_that_cannot_be_read_is_used_as_it_is(
    entra: Entra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", entra.url)
    answer = {"access_token": value, "expires_in": "3600", "resource": entra.url, "token_type": "Bearer"}
    entra.spoil("/metadata/", json.dumps(answer).encode(), headers={"content-type": "application/json"})
    async with opened(settings_for(tmp_path, entra, as_machine()), entra) as service:
        assert await service.contoso.tokens(entra.url).token() == value


@pytest.mark.anyio
async def test_what_entra_says_by_the_machine_is_explained(
    entra: Entra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", entra.url)
    async with opened(settings_for(tmp_path, entra, as_machine()), entra) as service:
        failure = await refusal(service.contoso, "https://fabrikam.sharepoint.example")
    assert failure.aadsts == 500011
    assert "site_url" in failure.reason


@pytest.mark.anyio
async def test_no_machine_of_azures(entra: Entra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    async with opened(settings_for(tmp_path, entra, as_machine()), entra) as service:
        with pytest.raises(Unreachable) as caught:
            await service.contoso.sign_in()
    assert caught.value.reason.endswith(
        "; auth: managed_identity works on a machine of Azure's only, with an identity assigned"
    )


@pytest.mark.anyio
async def test_a_wrong_header_is_a_sign_in_that_fails(
    entra: Entra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{entra.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "another")
    async with opened(settings_for(tmp_path, entra, as_machine()), entra) as service:
        with pytest.raises(SignInFailed, match="X-IDENTITY-HEADER") as caught:
            await service.contoso.sign_in()
    assert "another" not in caught.value.reason


@pytest.mark.anyio
async def test_service_fabric_is_told_not_to_be_possible(
    entra: Entra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT"):
        monkeypatch.setenv(name, f"{entra.url}/msi/token")
    async with opened(settings_for(tmp_path, entra, as_machine()), entra) as service:
        assert "this machine gives no managed identity" in (await refusal(service.contoso)).reason
