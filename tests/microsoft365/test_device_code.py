"""Signing in a person by device code: the codes, the people, and what comes after."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync_agent.microsoft365.accounts import Account
from sync_agent.microsoft365.errors import SignInFailed, SignInPending
from tests.microsoft365.signing_in import (
    BOB,
    DEVICE_CODE,
    JANE,
    OTHER_TENANT,
    SHAREPOINT,
    STRANGER,
    TENANT,
    TOKEN,
    Announced,
    Clock,
    Entra,
    by_device_code,
    by_secret,
    fresh_entra,
    kept_in,
    opened,
    refusal,
    settings_for,
)


@pytest.fixture
def entra() -> Entra:
    return fresh_entra()


@pytest.fixture
def announced() -> Announced:
    return Announced()


async def pending(account: Account, resource: str | None = None) -> str:
    failure = await refusal(account, resource)
    assert isinstance(failure, SignInPending)
    return failure.reason


async def sign_in(account: Account, entra: Entra, announced: Announced, person: str = JANE) -> None:
    """What a person does with the code that is out."""
    await entra.clock.asleep()
    entra.enter(announced.codes[-1], person)
    await entra.clock.advance(5)
    await account.wait_signed_in()


@pytest.mark.anyio
async def test_from_the_code_to_tokens_for_every_service(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        account = service.contoso
        assert "waits for a person to sign in" in await pending(account)
        for _ in range(2):
            await entra.clock.advance(5)
        await entra.clock.asleep()
        assert await pending(account) == (
            f"account contoso waits for a person to sign in: open {entra.url}/devicelogin and enter CODE1, "
            "or run `sync-agent login contoso`"
        )
        assert account.trouble == await pending(account)
        (prompt,) = announced.prompts
        assert (prompt.account, prompt.tenant, prompt.code) == ("contoso", TENANT, "CODE1")
        assert account.prompt == prompt
        await sign_in(account, entra, announced)
        assert await account.tokens(entra.url).token() == "access-token-1"
        assert await account.tokens(SHAREPOINT).token() == "access-token-2"
        assert (account.trouble, account.prompt) == (None, None)
    assert entra.kinds == ["discovery", "code", "poll", "poll", "poll", "refresh"]
    scopes = next(form for form in entra.forms if "device_code" not in form and form)["scope"].split()
    assert {f"{entra.url}/.default", "offline_access"} <= set(scopes)


@pytest.mark.anyio
async def test_who_waits_for_a_person_holds_up_nobody(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    app = {**contoso(id="app"), "auth": "client_secret", "client_secret": SECRET}
    settings = settings_for(tmp_path, entra.url, [contoso(), app])
    announced = Announced()
    async with opened(settings, entra.service.ca_bundle, announced, Clock()) as accounts:
        graph, sharepoint = (service.contoso.tokens(resource) for resource in (entra.url, SHAREPOINT))
        asked = [graph.token(), sharepoint.token(), graph.token(), accounts["app"].tokens(entra.url).token()]
        *waiting, token = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answer, SignInPending) for answer in waiting)
        assert token == "access-token-1"  # noqa: S105
    assert entra.kinds.count("code") <= 1


@pytest.mark.anyio
async def test_without_anybody_to_tell_no_code_is_asked_for(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle) as accounts:
        assert (await pending(service.contoso)).endswith("run `sync-agent login contoso`")
        await service.contoso.wait_signed_in()
    assert "code" not in entra.kinds


@pytest.mark.anyio
async def test_slow_down_is_obeyed(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        entra.set_state("CODE1", "slow_down")
        await entra.clock.advance(5)
        await entra.clock.advance(5)  # too early now: the interval is 10 s
        entra.enter("CODE1", JANE)
        assert entra.kinds.count("poll") == 1
        await entra.clock.advance(5)
        await service.contoso.wait_signed_in()
        await service.contoso.sign_in()


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["expired_token", "bad_verification_code", "time"])
async def test_a_lapsed_code_is_replaced(entra: Entra, announced: Announced, tmp_path: Path, end: str) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        if end == "time":
            await entra.clock.advance(901)
        else:
            entra.set_state("CODE1", end)
            await entra.clock.advance(5)
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
    assert announced.codes == ["CODE1", "CODE2"]


@pytest.mark.anyio
async def test_an_outage_while_a_code_is_out_costs_nobody_the_code(
    entra: Entra, announced: Announced, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        entra.spoil = lambda kind, form: Response("<html>maintenance")
        await entra.clock.advance(5)
        await entra.clock.asleep()
        entra.spoil = lambda kind, form: None
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
    assert announced.codes == ["CODE1"]


@pytest.mark.anyio
async def test_a_person_of_another_tenant_is_refused(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        account = service.contoso
        await pending(account)
        await entra.clock.asleep()
        with capture_logs() as events:
            entra.enter("CODE1", STRANGER)
            await entra.clock.advance(5)
            await entra.clock.asleep()
        await pending(account)
        assert announced.codes == ["CODE1", "CODE2"]
        await sign_in(account, entra, announced)
        assert await account.tokens(entra.url).token() == "access-token-2"
    (told,) = [event for event in events if event["event"] == "sign_in_refused"]
    assert told["reason"] == (
        f"account contoso is for tenant {TENANT}, but jane@fabrikam.com of tenant {OTHER_TENANT} signed in; "
        "sign in with a user of the account's own tenant"
    )
    kept = next((tmp_path / "state" / "tokens").iterdir()).read_text()
    assert "fabrikam" not in kept
    assert "refresh-token-1" not in kept


@pytest.mark.anyio
@pytest.mark.parametrize(
    "spoilt", [said({"error": "authorization_declined"}, 400), entra_error(400, "invalid_grant", 50020)]
)
async def test_who_declines_gets_another_code(
    entra: Entra, announced: Announced, tmp_path: Path, spoilt: Response
) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        entra.spoil = lambda kind, form: spoilt if kind == "poll" else None
        await entra.clock.advance(5)
        await entra.clock.asleep()
        entra.spoil = lambda kind, form: None
        await sign_in(service.contoso, entra, announced)
    assert announced.codes == ["CODE1", "CODE2"]


@pytest.mark.anyio
async def test_public_client_flows_not_allowed(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    entra.spoil = lambda kind, form: entra_error(401, "invalid_client", 7000218) if kind == "poll" else None
    async with opened(settings, entra, announced) as service:
        account = service.contoso
        await pending(account)
        await entra.clock.advance(5)
        await entra.clock.asleep()
        failure = await refusal(account)
        assert not isinstance(failure, SignInPending)
        assert "set “Allow public client flows” to Yes" in failure.reason
        entra.spoil = lambda kind, form: None
        await entra.clock.advance(60)
        await sign_in(account, entra, announced)
        await account.sign_in()


@pytest.mark.anyio
async def test_an_app_that_is_unknown_gives_no_code(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    entra.spoil = lambda kind, form: entra_error(400, "unauthorized_client", 700016) if kind == "code" else None
    async with opened(settings, entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        assert (await refusal(service.contoso)).aadsts == 700016
        with pytest.raises(SignInFailed, match="AADSTS700016"):
            await service.contoso.sign_in_person(announced)
    assert announced.codes == []


@pytest.mark.anyio
async def test_a_sign_in_survives_a_restart(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
    async with opened(settings, entra, announced) as service:
        assert await service.contoso.tokens(entra.url).token() == "access-token-1"
        assert await service.contoso.tokens(SHAREPOINT).token() == "access-token-2"
    assert announced.codes == ["CODE1"]


@pytest.mark.anyio
async def test_a_short_token_is_refreshed_without_anybody(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    entra.lifetime = 200
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        entra.clock.now += 101
        assert await tokens.token() != first
        await tokens.renew(await tokens.token())
        assert await tokens.token() == f"access-token-{entra.issued}"
    assert announced.codes == ["CODE1"]


@pytest.mark.anyio
async def test_a_rejected_token_is_refreshed_though_msal_would_keep_it(
    entra: Entra, announced: Announced, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
        tokens = service.contoso.tokens(entra.url)
        await tokens.renew(await tokens.token())
        assert await tokens.token() == "access-token-2"
        assert await tokens.token() == "access-token-2"


@pytest.mark.anyio
async def test_a_revoked_sign_in_asks_again_by_itself(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    entra.lifetime = 200
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        account = service.contoso
        await pending(account)
        await sign_in(account, entra, announced)
        first = await account.tokens(entra.url).token()
        entra.revoke_all()
        entra.clock.now += 101
        assert await account.tokens(entra.url).token() == first  # still good for a while, and a code is out already
        await entra.clock.asleep()
        assert announced.codes == ["CODE1", "CODE2"]
        entra.clock.now += 80
        assert "(the sign-in was revoked, as a change of password does (AADSTS50173))" in await pending(account)
        await sign_in(account, entra, announced, BOB)
        assert await account.tokens(entra.url).token() != first
    kept = next((tmp_path / "state" / "tokens").iterdir()).read_text()
    assert BOB.upn in kept
    assert JANE.upn not in kept


@pytest.mark.anyio
async def test_a_missing_consent_is_not_put_to_a_person(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        account = service.contoso
        await pending(account)
        await sign_in(account, entra, announced)
        entra.spoil = lambda kind, form: entra_error(400, "invalid_grant", 65001) if kind == "refresh" else None
        failure = await refusal(account, SHAREPOINT)
        assert not isinstance(failure, SignInPending)
        assert "grant admin consent" in failure.reason
        await account.sign_in()
    assert announced.codes == ["CODE1"]


@pytest.mark.anyio
async def test_what_entra_wants_proven_is_handed_on(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    wanted = '{"access_token":{"capolids":{"essential":true}}}'
    async with opened(settings, entra, announced) as service:
        account = service.contoso
        await pending(account)
        await sign_in(account, entra, announced)
        mfa = entra_error(400, "interaction_required", 50076, claims=wanted)
        entra.spoil = lambda kind, form: mfa if kind == "refresh" else None
        assert "another factor" in await pending(account, SHAREPOINT)
        await account.sign_in()
        entra.spoil = lambda kind, form: None
        await sign_in(account, entra, announced)
        await account.tokens(SHAREPOINT).token()
    asked = [form for kind, form in zip(entra.kinds, entra.forms, strict=True) if kind == "code"]
    assert asked[1]["claims"] == wanted
    assert f"{SHAREPOINT}/.default" in asked[1]["scope"]


@pytest.mark.anyio
async def test_login_ahead_of_the_service(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra.service.ca_bundle, None, clock) as accounts:
        login = asyncio.create_task(service.contoso.sign_in_person(announced))
        await entra.clock.asleep()
        entra.enter("CODE1", STRANGER)
        await entra.clock.advance(5)
        await entra.clock.asleep()
        entra.enter("CODE2", JANE)
        await entra.clock.advance(5)
        await login
        await service.contoso.sign_in_person(announced)  # nothing to do the second time
    assert announced.codes == ["CODE1", "CODE2"]


@pytest.mark.anyio
async def test_login_in_another_terminal_ends_the_waiting(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    service, terminal, asked, shown = Clock(), Clock(), Announced(), Announced()
    async with (
        opened(settings, entra.service.ca_bundle, asked, service) as accounts,
        opened(settings, entra.service.ca_bundle, None, terminal) as others,
    ):
        await pending(service.contoso)
        await service.asleep()
        login = asyncio.create_task(others["contoso"].sign_in_person(shown))
        await terminal.asleep()
        entra.enter(shown.codes[0], JANE)
        await terminal.advance(5)
        await login
        await service.advance(5)
        await service.contoso.wait_signed_in()
        assert await service.contoso.tokens(entra.url).token() == await others["contoso"].tokens(entra.url).token()


@pytest.mark.anyio
async def test_closing_does_not_wait_for_the_person(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    announced = Announced()
    async with asyncio.timeout(5):
        async with opened(
            settings_for(tmp_path, entra.url, [contoso()]), entra.service.ca_bundle, announced, Clock()
        ) as accounts:
            await pending(service.contoso)


@pytest.mark.anyio
async def test_nothing_secret_is_ever_said(
    entra: Entra, announced: Announced, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    settings = settings_for(tmp_path, entra, by_device_code())
    with capture_logs() as events:
        async with opened(settings, entra, announced) as service:
            reason = await pending(service.contoso)
            await sign_in(service.contoso, entra, announced)
            token = await service.contoso.tokens(entra.url).token()
    said_ = f"{events} {caplog.text} {reason} {announced}"
    for secret in (token, "refresh-token-1", *entra.codes):
        assert secret not in said_
