"""Apps that sign in by themselves: tokens, when they are asked for again, and what is said when there is none."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync_agent.microsoft365.errors import SignInFailed, Unreachable
from tests.microsoft365.signing_in import (
    CLIENT,
    DISCOVERY,
    OLD_SECRET,
    SECRET,
    SHAREPOINT,
    TENANT,
    TOKEN,
    Entra,
    by_secret,
    fresh_entra,
    opened,
    refusal,
    settings_for,
)


@pytest.fixture
def entra() -> Entra:
    return fresh_entra()


@pytest.mark.anyio
async def test_one_sign_in_serves_graph_and_sharepoint(entra: Entra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        await service.contoso.sign_in()
        graph = await service.contoso.tokens(entra.url).token()
        sharepoint = await service.contoso.tokens(SHAREPOINT).token()
        assert service.requests == 3
        assert service.contoso.trouble is None
    assert entra.world.mint.check(entra.world, graph, [entra.url]).app_id == CLIENT
    assert entra.world.mint.check(entra.world, sharepoint, [SHAREPOINT]).tenant.id == TENANT


@pytest.mark.anyio
async def test_ten_at_once_make_one_request(entra: Entra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        assert len(set(await asyncio.gather(*(tokens.token() for _ in range(10))))) == 1
        assert service.requests == 2


@pytest.mark.anyio
async def test_a_held_token_costs_next_to_nothing(entra: Entra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        await tokens.token()
        began = time.process_time()
        for _ in range(10_000):
            await tokens.token()
        assert (time.process_time() - began) / 10_000 < 5e-6  # measured: 0.2 µs


@pytest.mark.anyio
async def test_a_token_is_renewed_before_its_end(entra: Entra, tmp_path: Path) -> None:
    entra.tokens_live(250)
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        entra.clock.now += 120
        assert await tokens.token() == first
        entra.clock.now += 10
        assert await tokens.token() != first


@pytest.mark.anyio
async def test_a_token_that_is_still_good_outlives_an_outage(entra: Entra, tmp_path: Path) -> None:
    entra.tokens_live(250)
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        entra.spoil(TOKEN, status=500)
        entra.clock.now += 130
        assert await tokens.token() == first
        assert service.contoso.trouble == "account contoso cannot sign in: Entra is failing at the moment"
        entra.clock.now += 100
        with pytest.raises(Unreachable):
            await tokens.token()


@pytest.mark.anyio
async def test_entra_may_ask_for_an_earlier_renewal(entra: Entra, tmp_path: Path) -> None:
    answer = b'{"access_token": "early", "expires_in": 3600, "refresh_in": -1}'
    entra.spoil(TOKEN, answer, times=2)
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        assert await tokens.token() == "early"
        entra.clock.now += 59
        assert await tokens.token() == "early"
        entra.clock.now += 2
        assert await tokens.token() == "early"  # renewed, not yet to be renewed again
        assert service.requests == 3
        entra.clock.now += 61
        assert await tokens.token() != "early"


@pytest.mark.anyio
async def test_a_rejected_token_is_not_given_again(entra: Entra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        await asyncio.gather(tokens.renew(first), tokens.renew(first))
        second = await tokens.token()
        assert second != first
        await tokens.renew(first)  # late: the token is another by now
        assert await tokens.token() == second


@pytest.mark.anyio
async def test_tokens_of_apps_are_on_no_disk(entra: Entra, tmp_path: Path) -> None:
    """They are asked for anew after a restart, with the credential that is then in the settings."""
    settings, tokens = settings_for(tmp_path, entra, by_secret()), []
    for _ in range(2):
        async with opened(settings, entra) as service:
            tokens.append(await service.contoso.tokens(entra.url).token())
    assert tokens[0] != tokens[1]
    assert not (tmp_path / "state").exists()


@pytest.mark.anyio
async def test_accounts_of_one_tenant_keep_their_tokens_apart(entra: Entra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_secret(), by_secret("contoso-2")), entra) as service:
        first, second = [await account.tokens(entra.url).token() for account in service.accounts.values()]
    assert first != second


@pytest.mark.anyio
async def test_a_wrong_secret_is_told_and_not_repeated_for_a_minute(entra: Entra, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong-one")
    settings = settings_for(tmp_path, entra, by_secret(client_secret=f"${{file:{secret}}}"))
    async with opened(settings, entra) as service:
        for _ in range(5):
            failure = await refusal(service.contoso)
        assert failure.aadsts == 7000215
        assert failure.reason == (
            "account contoso cannot sign in: the client secret is wrong (AADSTS7000215); "
            "paste the secret's value, not its id"
        )
        assert service.contoso.trouble == failure.reason
        assert service.requests == 2
        secret.write_text(SECRET)  # mended without a restart
        entra.clock.now += 61
        await service.contoso.sign_in()
        assert service.contoso.trouble is None


@pytest.mark.anyio
async def test_what_one_service_refuses_does_not_stop_the_other(entra: Entra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        failure = await refusal(service.contoso, "https://fabrikam.sharepoint.example")
        await service.contoso.sign_in()
        assert failure.aadsts == 500011
        assert "site_url" in failure.reason
        assert service.contoso.trouble == failure.reason


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"client_secret": OLD_SECRET}, 7000222, "make a new secret"),
    ({"client_id": "44444444-0000-4000-8000-000000000004"}, 700016, "check client_id and tenant_id"),
    ({"tenant_id": "55555555-0000-4000-8000-000000000005"}, 90002, "check tenant_id: it and client_id may be swapped"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("wrong", "number", "remedy"), WRONG)
async def test_wrong_settings(entra: Entra, tmp_path: Path, wrong: dict[str, Any], number: int, remedy: str) -> None:
    async with opened(settings_for(tmp_path, entra, by_secret(**wrong)), entra) as service:
        failure = await refusal(service.contoso)
    assert failure.aadsts == number
    assert f"(AADSTS{number}); " in failure.reason
    assert remedy in failure.reason


@pytest.mark.anyio
async def test_a_disabled_app(entra: Entra, tmp_path: Path) -> None:
    entra.app.enabled = False
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        assert "enable it under Enterprise applications" in (await refusal(service.contoso)).reason


@pytest.mark.anyio
async def test_missing_consent(entra: Entra, tmp_path: Path) -> None:
    entra.refuse(TOKEN, "invalid_grant", 65001)
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        assert "grant admin consent" in (await refusal(service.contoso)).reason


@pytest.mark.anyio
async def test_a_tenant_may_be_named_by_its_domain(entra: Entra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_secret(tenant_id="contoso.com")), entra) as service:
        await service.contoso.sign_in()


@pytest.mark.anyio
async def test_an_unknown_number_is_told_in_entras_words(entra: Entra, tmp_path: Path) -> None:
    entra.refuse(TOKEN, "odd", 999123, "The moon is in the way.")
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        assert (await refusal(service.contoso)).reason == (
            "account contoso cannot sign in: AADSTS999123: The moon is in the way; "
            "see https://login.microsoftonline.com/error?code=999123"
        )


@pytest.mark.anyio
async def test_a_passing_fault_is_no_fault_of_the_settings(entra: Entra, tmp_path: Path) -> None:
    entra.refuse(TOKEN, "temporarily_unavailable", 90033)
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        with pytest.raises(Unreachable, match="AADSTS90033"):
            await service.contoso.sign_in()


NO_ANSWERS: dict[str, dict[str, Any]] = {
    "a page instead of the discovery": {"pattern": DISCOVERY, "body": b"<html>Sign in", "status": 200},
    "a page instead of a token": {"pattern": TOKEN, "body": b"<html>Sign in", "status": 200},
    "a token cut off": {"pattern": TOKEN, "body": b'{"access_token": "eyJ-secret', "status": 200},
    "an answer cut off": {"pattern": TOKEN, "cut": True},
    "a connection lost": {"pattern": TOKEN, "reset": True},
    "other JSON": {"pattern": DISCOVERY, "body": b'{"hello": 1}', "status": 200},
    "a list": {"pattern": TOKEN, "body": b"[]", "status": 200},
    "no number": {"pattern": TOKEN, "body": b'{"access_token": "eyJ-secret", "expires_in": "soon"}', "status": 200},
    "a failing discovery": {"pattern": DISCOVERY, "status": 500},
    "a failing sign-in": {"pattern": TOKEN, "status": 502},
    "throttling": {"pattern": TOKEN, "status": 429},
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", NO_ANSWERS)
async def test_what_is_no_answer_of_entras(
    entra: Entra, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    how = dict(NO_ANSWERS[name])
    entra.world.faults.add(how.pop("pattern"), **how)
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        with pytest.raises(Unreachable, match="account contoso cannot sign in") as caught:
            await service.contoso.sign_in()
    assert "\n" not in caught.value.reason
    assert "eyJ-secret" not in caplog.text + caught.value.reason


@pytest.mark.anyio
async def test_an_authority_that_is_none(entra: Entra, tmp_path: Path) -> None:
    entra.spoil(DISCOVERY, status=404)
    async with opened(settings_for(tmp_path, entra, by_secret()), entra) as service:
        with pytest.raises(SignInFailed, match="is no authority; check tenant_id, and authority: under clouds:"):
            await service.contoso.sign_in()


@pytest.mark.anyio
async def test_a_network_that_is_down(entra: Entra, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_secret(), authority="https://127.0.0.1:9")
    async with opened(settings, entra) as service:
        with pytest.raises(Unreachable, match=r"account contoso cannot sign in: 127.0.0.1:9 could not be reached"):
            await service.contoso.sign_in()
        assert service.contoso.trouble is not None


@pytest.mark.anyio
async def test_a_secret_that_cannot_be_had_is_a_sign_in_that_fails(
    entra: Entra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONTOSO_SECRET", raising=False)
    settings = settings_for(tmp_path, entra, by_secret(client_secret="${env:CONTOSO_SECRET}"))
    async with opened(settings, entra) as service:  # opening asks nobody and reveals nothing
        with pytest.raises(SignInFailed, match="CONTOSO_SECRET"):
            await service.contoso.sign_in()


@pytest.mark.anyio
async def test_nothing_secret_is_ever_said(entra: Entra, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    settings = settings_for(tmp_path, entra, by_secret(), by_secret("wrong", client_secret="an0ther-s3cret"))
    with capture_logs() as events:
        async with opened(settings, entra) as service:
            token = await service.contoso.tokens(entra.url).token()
            failure = await refusal(service.accounts["wrong"])
            held = repr((service, vars(service.contoso), service.contoso.tokens(entra.url)))
    said = f"{events} {caplog.text} {failure!r} {held} {settings!r}"
    for secret in (SECRET, "an0ther-s3cret", token):
        assert secret not in said


@pytest.mark.anyio
async def test_the_budgets_are_the_accounts_own(entra: Entra, tmp_path: Path) -> None:
    another = by_secret("contoso-2", client_id="77777777-0000-4000-8000-000000000007")
    async with opened(settings_for(tmp_path, entra, by_secret(), another), entra) as service:
        budgets = [(account.presence_budget, account.directory_budget) for account in service.accounts.values()]
    assert [(presence.name, presence.limit, presence.window) for presence, _ in budgets] == [
        ("presence of contoso", 1_200, 30),
        ("presence of contoso-2", 1_200, 30),
    ]
    assert [(directory.limit, directory.window) for _, directory in budgets] == [(2_800, 10)] * 2


@pytest.mark.anyio
async def test_one_app_has_one_budget_however_many_accounts_name_it(entra: Entra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_secret(), by_secret("again")), entra) as service:
        first, again = service.accounts.values()
        assert first.presence_budget is again.presence_budget
        assert first.directory_budget is again.directory_budget
