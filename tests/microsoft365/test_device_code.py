"""Signing in a person by device code: the codes, the people, and what comes after."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

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
    Entra,
    by_device_code,
    by_secret,
    fresh_entra,
    kept_in,
    opened,
    refusal,
    settings_for,
)
from tests.virtual_time import SleptBy


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
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        account = service.contoso
        assert "waits for a person to sign in" in await pending(account)
        for _ in range(2):
            await entra.clock.advance(5)
        await entra.clock.asleep()
        (prompt,) = announced.prompts
        assert (prompt.account, prompt.tenant) == ("contoso", TENANT)
        assert account.prompt == prompt
        assert await pending(account) == account.trouble
        assert account.trouble == (
            "account contoso waits for a person to sign in: enter the code in the service's log, "
            "or run `sync-agent login contoso`"
        )
        await sign_in(account, entra, announced)
        for resource in (entra.url, SHAREPOINT):
            token = await account.tokens(resource).token()
            user = entra.world.mint.check(entra.world, token, [resource]).user
            assert user is not None
            assert user.upn == JANE
        assert [account.trouble, account.prompt] == [None, None]


@pytest.mark.anyio
async def test_who_waits_for_a_person_holds_up_nobody(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code(), by_secret("app"))
    async with opened(settings, entra, announced) as service:
        graph, sharepoint = (service.contoso.tokens(resource) for resource in (entra.url, SHAREPOINT))
        asked = [graph.token(), sharepoint.token(), graph.token(), service.accounts["app"].tokens(entra.url).token()]
        *waiting, token = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answer, SignInPending) for answer in waiting)
        assert isinstance(token, str)
        await entra.clock.asleep()
    assert len(announced.codes) == 1


@pytest.mark.anyio
async def test_without_anybody_to_tell_no_code_is_asked_for(entra: Entra, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra) as service:
        assert (await pending(service.contoso)).endswith("run `sync-agent login contoso`")
        await service.contoso.wait_signed_in()
    assert not entra.world.devices.codes


@pytest.mark.anyio
async def test_slow_down_is_obeyed(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        entra.refuse(TOKEN, "slow_down", 70016, times=1)
        await entra.clock.advance(5)
        await entra.clock.asleep()
        polls = service.requests
        entra.enter(announced.codes[0], JANE)
        await entra.clock.advance(9)  # too early now: the interval is 10 s
        await entra.clock.asleep()
        assert service.requests == polls
        await entra.clock.advance(1)
        await service.contoso.wait_signed_in()
        await service.contoso.sign_in()


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["expired_token", "bad_verification_code", ""])
async def test_a_lapsed_code_is_replaced(entra: Entra, announced: Announced, tmp_path: Path, end: str) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        if end:
            entra.refuse(TOKEN, end, 70019, times=1)
        await entra.clock.advance(5 if end else 901)
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
    assert len(set(announced.codes)) == 2


@pytest.mark.anyio
async def test_an_outage_while_a_code_is_out_costs_nobody_the_code(
    entra: Entra, announced: Announced, tmp_path: Path
) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        entra.spoil(TOKEN, b"<html>maintenance")
        await entra.clock.advance(5)
        await entra.clock.asleep()
        entra.mend()
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
    assert len(announced.codes) == 1


@pytest.mark.anyio
async def test_a_person_of_another_tenant_is_refused(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    entra.world.lenient_device_login = True
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        with capture_logs() as events:
            entra.enter(announced.codes[0], STRANGER)
            await entra.clock.advance(5)
            await entra.clock.asleep()
        await pending(service.contoso)
        assert STRANGER not in kept_in(tmp_path)
        assert OTHER_TENANT not in kept_in(tmp_path)
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
    assert JANE in kept_in(tmp_path)
    assert len(announced.codes) == 2
    (told,) = [event for event in events if event["event"] == "sign_in_refused"]
    assert told["reason"] == (
        f"account contoso is for tenant {TENANT}, but jane@fabrikam.com of tenant {OTHER_TENANT} signed in; "
        "sign in with a user of the account's own tenant"
    )


@pytest.mark.anyio
@pytest.mark.parametrize("declined", [True, False])
async def test_who_is_turned_away_gets_another_code(
    entra: Entra, announced: Announced, tmp_path: Path, declined: bool
) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        if declined:
            entra.world.devices.decline(announced.codes[0])
        else:
            entra.refuse(TOKEN, "invalid_grant", 50020, times=1)
        await entra.clock.advance(5)
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
    assert len(announced.codes) == 2


@pytest.mark.anyio
async def test_public_client_flows_not_allowed(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    entra.app.public_client_flows = False
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.advance(5)
        await entra.clock.asleep()
        failure = await refusal(service.contoso)
        assert failure.aadsts == 7000218
        assert "set “Allow public client flows” to Yes" in failure.reason
        entra.app.public_client_flows = True
        await entra.clock.advance(60)
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()


@pytest.mark.anyio
async def test_an_app_that_is_unknown_gives_no_code(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    entra.refuse(DEVICE_CODE, "unauthorized_client", 700016)
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        assert (await refusal(service.contoso)).aadsts == 700016
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra) as service:
        with pytest.raises(SignInFailed, match="AADSTS700016"):
            await service.contoso.sign_in_person(announced)
    assert not announced.codes


@pytest.mark.anyio
async def test_a_sign_in_survives_a_restart(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, entra, by_device_code())
    async with opened(settings, entra, announced) as service:
        await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
    async with opened(settings, entra, announced) as service:
        await service.contoso.sign_in()
        await service.contoso.tokens(SHAREPOINT).token()
    assert len(announced.codes) == 1


@pytest.mark.anyio
async def test_a_token_is_refreshed_without_anybody(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    entra.tokens_live(200)
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        entra.clock.now += 101
        assert await tokens.token() != first
    assert len(announced.codes) == 1


@pytest.mark.anyio
async def test_a_rejected_token_is_not_given_again(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        await tokens.renew(first)
        second = await tokens.token()
        assert second != first
        assert await tokens.token() == second


@pytest.mark.anyio
async def test_a_revoked_sign_in_asks_again_by_itself(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    entra.tokens_live(200)
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        account = service.contoso
        await pending(account)
        await sign_in(account, entra, announced)
        first = await account.tokens(entra.url).token()
        entra.revoke_sign_ins()
        entra.clock.now += 101
        assert await account.tokens(entra.url).token() == first  # still good for a while, and a code is out already
        await entra.clock.asleep()
        assert len(announced.codes) == 2
        entra.clock.now += 80
        assert "(the sign-in was revoked, as a change of password does (AADSTS50173))" in await pending(account)
        await sign_in(account, entra, announced, BOB)
        assert await account.tokens(entra.url).token() != first
    assert BOB in kept_in(tmp_path)
    assert JANE not in kept_in(tmp_path)


@pytest.mark.anyio
async def test_a_disabled_person_is_replaced_by_another(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    entra.tokens_live(200)
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
        jane = entra.world.tenants[TENANT].by_upn(JANE)
        assert jane is not None
        jane.enabled = False
        assert "(the signed-in user is disabled (AADSTS50057))" in await pending(service.contoso)
        await sign_in(service.contoso, entra, announced, BOB)
        await service.contoso.sign_in()


@pytest.mark.anyio
async def test_a_missing_consent_is_not_put_to_a_person(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
        entra.refuse(TOKEN, "invalid_grant", 65001)
        failure = await refusal(service.contoso, SHAREPOINT)
        assert not isinstance(failure, SignInPending)
        assert "grant admin consent" in failure.reason
        await service.contoso.sign_in()
    assert len(announced.codes) == 1


@pytest.mark.anyio
async def test_another_factor_is_asked_for_where_it_is_missing(
    entra: Entra, announced: Announced, tmp_path: Path
) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        account = service.contoso
        await pending(account)
        await sign_in(account, entra, announced)
        await account.sign_in()
        entra.refuse(TOKEN, "interaction_required", 50076, claims='{"access_token":{"x":null}}', times=1)
        assert "another factor" in await pending(account, SHAREPOINT)
        await account.sign_in()
        await entra.clock.asleep()
        (asked,) = [code for code in entra.world.devices.codes.values() if code.user_code == announced.codes[1]]
        assert f"{SHAREPOINT}/.default" in asked.scope
        await sign_in(account, entra, announced)
        await account.tokens(SHAREPOINT).token()


@pytest.mark.anyio
async def test_login_ahead_of_the_service(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    entra.world.lenient_device_login = True
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra) as service:
        login = asyncio.create_task(service.contoso.sign_in_person(announced))
        for person in (STRANGER, JANE):
            await entra.clock.asleep()
            entra.enter(announced.codes[-1], person)
            await entra.clock.advance(5)
        await login
        await service.contoso.sign_in_person(announced)  # nothing to do the second time
    assert len(announced.codes) == 2


@pytest.mark.anyio
async def test_login_in_another_terminal_ends_the_waiting(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    settings, shown = settings_for(tmp_path, entra, by_device_code()), Announced()
    terminal = replace(entra, clock=SleptBy())
    async with opened(settings, entra, announced) as service, opened(settings, terminal) as other:
        await pending(service.contoso)
        await entra.clock.asleep()
        login = asyncio.create_task(other.contoso.sign_in_person(shown))
        await terminal.clock.asleep()
        entra.enter(shown.codes[0], JANE)
        await terminal.clock.advance(5)
        await login
        await entra.clock.advance(5)
        await service.contoso.wait_signed_in()
        await service.contoso.sign_in()
    assert len(announced.codes) == 1


@pytest.mark.anyio
async def test_closing_does_not_wait_for_the_person(entra: Entra, announced: Announced, tmp_path: Path) -> None:
    async with asyncio.timeout(5):
        async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
            await pending(service.contoso)
            await entra.clock.asleep()


@pytest.mark.anyio
async def test_nothing_secret_is_ever_said(
    entra: Entra, announced: Announced, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level("WARNING", "msal")  # as log.configure has it: at debug msal tells device codes
    with capture_logs() as events:
        async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
            reason = await pending(service.contoso)
            await entra.clock.asleep()
            (device_code,) = entra.world.devices.codes
            await sign_in(service.contoso, entra, announced)
            token = await service.contoso.tokens(entra.url).token()
    said = f"{events} {caplog.text} {reason} {announced}"
    for secret in (token, device_code):
        assert secret not in said


@pytest.mark.anyio
async def test_a_sign_in_that_was_not_used_for_90_days_asks_again(
    entra: Entra, announced: Announced, tmp_path: Path
) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
        entra.clock.now += 89 * 86_400
        await service.contoso.sign_in()  # used, so it lasts another 90 days
        entra.clock.now += 89 * 86_400
        await service.contoso.sign_in()
        entra.clock.now += 91 * 86_400
        assert "(the sign-in was not used for 90 days and has ended (AADSTS700082))" in await pending(service.contoso)
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
    assert len(announced.codes) == 2


@pytest.mark.anyio
async def test_conditional_access_that_forbids_a_sign_in_is_explained_and_codes_go_on(
    entra: Entra, announced: Announced, tmp_path: Path
) -> None:
    async with opened(settings_for(tmp_path, entra, by_device_code()), entra, announced) as service:
        await pending(service.contoso)
        await entra.clock.asleep()
        entra.refuse(TOKEN, "invalid_grant", 53003, times=1)
        await entra.clock.advance(5)
        await entra.clock.asleep()
        failure = await refusal(service.contoso)
        assert failure.aadsts == 53003
        assert failure.reason == (
            "account contoso cannot sign in: conditional access forbids the sign-in (AADSTS53003); "
            "ask for an exception for the app, or let the app sign in by itself (auth: certificate)"
        )
        await entra.clock.advance(60)  # the policy may have been changed
        await sign_in(service.contoso, entra, announced)
        await service.contoso.sign_in()
    assert len(announced.codes) == 2
