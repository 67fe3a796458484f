"""A message through Apprise to real receivers: it arrives, or why it did not is told without the address."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from sync_agent.notify.message import Message
from sync_agent.notify.target import NotDelivered, Target, deliver, environment
from sync_agent.settings import Secret
from tests.notify.receivers import hook, mail_server, silent_server

pytestmark = pytest.mark.anyio

SAID = Message("Agents: 1 new", "Row 7, Jörg *Doe* [x](https://y): user_not_found\n\n<b>Check</b> the spelling.")


def target(url: str, proxy: str | None = None) -> Target:
    return Target("notify.urls.1", "1", Secret(url).named("notify.urls.1"), proxy)


async def why(url: str, **settings: float) -> str:
    with pytest.raises(NotDelivered) as caught:
        await deliver(target(url), SAID, **settings)
    return str(caught.value)


@pytest.fixture
def own_authority(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """For a server on this machine, and the authority that its clients would have to trust."""
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context, bundle


async def test_a_hook_gets_title_and_text_as_they_are() -> None:
    with hook() as there:
        await deliver(target(there.url), SAID)
    [taken] = there.taken
    assert (taken["title"], taken["message"]) == (SAID.title, SAID.body)


async def test_a_mailbox_gets_one_mail_in_which_cells_are_text() -> None:
    with mail_server() as box:
        await deliver(target(f"mailto://127.0.0.1:{box.port}?from=agents@contoso.com&to=leads@contoso.com"), SAID)
    [mail] = box.mails
    assert (mail["Subject"], mail["To"]) == (SAID.title, "leads@contoso.com")
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().split() == SAID.body.split()


async def test_what_a_hook_answers_is_told_by_its_number_alone() -> None:
    with hook() as there:
        there.status = 404
        assert await why(there.url) == "it answered 404"


async def test_a_mailbox_that_refuses() -> None:
    with mail_server() as box:
        box.refuses = True
        said = await why(f"mailto://127.0.0.1:{box.port}?from=agents@contoso.com&to=leads@contoso.com")
    assert said == "it was not taken"
    assert box.mails == []


async def test_nobody_there() -> None:
    with hook() as there:
        gone = there.url
    assert await why(gone) == "it could not be reached"


async def test_an_address_that_apprise_cannot_use() -> None:
    for url in ("nothing://secret-path", "mailto://", "not an address: secret-path"):
        assert await why(url) == "it is no address that Apprise can use"


async def test_a_secret_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    assert await why("${env:HOOK}") == "notify.urls.1: the environment variable HOOK is not set"


async def test_who_does_not_answer_is_waited_for_no_longer_than_was_said() -> None:
    with silent_server() as there:
        assert await why(f"json://127.0.0.1:{there.port}", seconds=0.5) == "it took longer than 0.5 seconds"
        assert there.left.wait(5)


async def test_a_stop_ends_the_process_that_sends() -> None:
    with silent_server() as there:
        sending = asyncio.create_task(deliver(target(f"json://127.0.0.1:{there.port}"), SAID))
        assert await asyncio.to_thread(there.connected.wait, 20)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert there.left.wait(5)


async def test_the_proxy_of_the_settings_is_used_but_for_this_machine() -> None:
    with hook() as proxy, hook() as there:
        through = f"http://127.0.0.1:{proxy.port}"
        await deliver(target("json://hooks.contoso.example/agents", through), SAID)
        await deliver(target(there.url, through), SAID)
    assert proxy.lines == ["POST http://hooks.contoso.example/agents HTTP/1.1"]
    assert there.lines == ["POST /secret-path HTTP/1.1"]


def test_without_a_proxy_in_the_settings_that_of_the_environment_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://elsewhere:1")
    monkeypatch.setenv("NO_PROXY", "intranet")
    assert environment(None)["HTTPS_PROXY"] == "http://elsewhere:1"
    assert environment(None)["NO_PROXY"] == "intranet"
    own = environment("http://ours:2")
    assert (own["https_proxy"], own.get("HTTPS_PROXY")) == ("http://ours:2", None)


async def test_a_hook_with_an_authority_of_its_own_is_trusted_by_the_environment_only(
    own_authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, bundle = own_authority
    with hook(context) as there:
        url = there.url.replace("json://", "jsons://")
        assert await why(url) == "it could not be reached"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        await deliver(target(url), SAID)
    assert len(there.taken) == 1


async def test_teams_gets_one_card_in_which_cells_are_text_and_that_loads_nothing(
    own_authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, bundle = own_authority
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    long = Message(SAID.title, "\n\n".join([SAID.body] * 40))
    with hook(context) as there:
        await deliver(target(f"workflows://127.0.0.1:{there.port}/workflow-id/signature"), long)
    [taken] = there.taken
    blocks = taken["attachments"][0]["content"]["body"]
    assert [block["type"] for block in blocks] == ["TextBlock", "TextBlock"]
    assert blocks[1]["text"].count(r"\[x\]\(https://y\): user\_not\_found") == 40
    assert "github" not in str(taken)


async def test_neither_a_file_in_the_current_folder_nor_strict_warnings_get_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    (tmp_path / "apprise.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    with hook() as there:
        await deliver(target(there.url), SAID)
    assert len(there.taken) == 1
