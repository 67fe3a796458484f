"""A second client secret takes over by itself when the first is refused, and hands back when that works again."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sync_agent.microsoft365.credential_ends import credential_ends
from sync_agent.microsoft365.graph import Graph
from sync_agent.settings import Settings
from tests.microsoft365.signing_in import (
    OLD_SECRET,
    SECRET,
    SHAREPOINT,
    TOKEN,
    Entra,
    by_secret,
    fresh_entra,
    opened,
    refusal,
    settings_for,
)

pytestmark = pytest.mark.anyio
EVENTS = ("client_secret_next_used", "client_secret_used_again", "sign_in_failed")


@pytest.fixture
def entra() -> Entra:
    running = fresh_entra()
    running.tokens_live(250)
    return running


def two_secrets(folder: Path, entra: Entra, first: str, following: str = SECRET) -> Settings:
    (folder / "first").write_text(first)
    secrets = {"client_secret": f"${{file:{folder}/first}}", "client_secret_next": following}
    return settings_for(folder, entra, by_secret(**secrets))


def events_of(logs: list[MutableMapping[str, Any]]) -> list[str]:
    return [entry["event"] for entry in logs if entry["event"] in EVENTS]


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (OLD_SECRET, "the client secret has expired (AADSTS7000222)"),
        ("wrong", "the client secret is wrong (AADSTS7000215)"),
    ],
)
async def test_the_next_one_takes_over_until_the_first_works(
    entra: Entra, tmp_path: Path, first: str, why: str
) -> None:
    with capture_logs() as logs:
        async with opened(two_secrets(tmp_path, entra, first), entra) as service:
            account, tokens = service.contoso, service.contoso.tokens(entra.url)
            before = await tokens.token()
            await account.tokens(SHAREPOINT).token()
            assert account.trouble is None
            assert account.notice == (
                f"account contoso signs in by client_secret_next, since {why}; "
                "move that secret to client_secret, and make a new next one"
            )
            entra.clock.now += 130
            assert await tokens.token() != before
            assert events_of(logs) == ["client_secret_next_used"]
            (tmp_path / "first").write_text(SECRET)
            entra.clock.now += 130
            await tokens.token()
            assert account.notice == ""
    assert events_of(logs) == ["client_secret_next_used", "client_secret_used_again"]


async def test_a_secret_that_expires_under_way_costs_nobody_a_token(entra: Entra, tmp_path: Path) -> None:
    entra.app.secrets["ending"] = entra.world.clock() + 60
    async with opened(two_secrets(tmp_path, entra, "ending"), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        assert service.contoso.notice == ""
        entra.clock.now += 130
        assert await tokens.token() != first
        assert "(AADSTS7000222)" in service.contoso.notice


async def test_a_token_that_a_service_rejected_is_not_given_again(entra: Entra, tmp_path: Path) -> None:
    async with opened(two_secrets(tmp_path, entra, OLD_SECRET), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        await tokens.renew(first)
        assert await tokens.token() != first


async def test_a_next_one_that_is_not_there_yet_is_not_needed_to_forget_a_rejected_token(
    entra: Entra, tmp_path: Path
) -> None:
    async with opened(two_secrets(tmp_path, entra, SECRET, "${env:NOT_THERE_YET}"), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        first = await tokens.token()
        await tokens.renew(first)
        assert await tokens.token() != first


async def test_a_token_that_the_next_one_got_says_nothing_of_the_first(entra: Entra, tmp_path: Path) -> None:
    """msal gives a token again that is still good, and asks nobody."""
    entra.tokens_live(3_600)
    async with opened(two_secrets(tmp_path, entra, OLD_SECRET), entra) as service:
        tokens = service.contoso.tokens(entra.url)
        await tokens.token()
        entra.clock.now += 3_301
        await tokens.token()
        assert "client_secret_next" in service.contoso.notice


async def test_two_bad_secrets_are_one_sentence(entra: Entra, tmp_path: Path) -> None:
    async with opened(two_secrets(tmp_path, entra, OLD_SECRET, "wrong"), entra) as service:
        failure = await refusal(service.contoso)
    assert failure.aadsts == 7000222
    assert failure.reason == (
        "account contoso cannot sign in: the client secret has expired (AADSTS7000222); make a new secret in the app "
        "registration; client_secret_next is of no use either: the client secret is wrong (AADSTS7000215)"
    )


async def test_a_next_one_that_is_not_there_hides_not_why_the_first_is_refused(entra: Entra, tmp_path: Path) -> None:
    async with opened(two_secrets(tmp_path, entra, OLD_SECRET, "${env:NOT_THERE_YET}"), entra) as service:
        failure = await refusal(service.contoso)
    assert failure.aadsts == 7000222
    assert "the client secret has expired (AADSTS7000222)" in failure.reason
    assert "client_secret_next is of no use either: " in failure.reason
    assert "NOT_THERE_YET" in failure.reason


async def test_what_another_secret_does_not_mend_is_not_tried_with_it(entra: Entra, tmp_path: Path) -> None:
    entra.refuse(TOKEN, "unauthorized_client", 700016)
    async with opened(two_secrets(tmp_path, entra, OLD_SECRET), entra) as service:
        assert (await refusal(service.contoso)).aadsts == 700016
        assert service.requests == 2


async def test_both_ends_are_foreseen(entra: Entra, tmp_path: Path) -> None:
    entra.app.permissions.add("Application.Read.All")
    entra.app.secrets = {SECRET: 3e9, OLD_SECRET: 2e9}
    async with opened(two_secrets(tmp_path, entra, OLD_SECRET), entra) as service:
        account = service.contoso
        graph = Graph(service.transport, account.tokens(entra.url), entra.url, account.directory_budget, "directory")
        found = {end.setting: end.ends.timestamp() for end in await credential_ends(account, graph)}
    assert found == {"client_secret": 2e9, "client_secret_next": 3e9}
