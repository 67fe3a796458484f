"""`login`: a person enters the code that it shows, while it waits."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.cli.run import announce
from sync_agent.microsoft365.accounts import Prompt
from sync_agent.simulator.world import SimUser
from tests.cli.commands import sentence
from tests.lab import Lab


@pytest.fixture
def by_code(bare: Lab) -> Lab:
    """The first account signs in a person, who may open the site."""
    account = bare.world.accounts[0][0]
    bare.replace(
        f"    auth: client_secret\n    client_secret: ${{file:secrets/{account}}}\n", "    auth: device_code\n"
    )
    bare.world.devices.interval = 1
    return bare


def person(lab: Lab) -> SimUser:
    tenant = lab.world.accounts[0][1]
    return next(user for user in tenant.users.values() if user.enabled and not user.guest)


def enters(lab: Lab, told: list[str]) -> threading.Thread:
    """Somebody who enters the code as soon as there is one."""

    def work() -> None:
        deadline = time.monotonic() + 20
        while not lab.world.devices.codes and time.monotonic() < deadline:
            time.sleep(0.02)
        (code,) = lab.world.devices.codes.values()
        told.extend((code.user_code, lab.world.devices.enter(lab.world, code.user_code, person(lab).upn)))

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_person_signs_in_and_the_service_has_no_need_to_ask_again(by_code: Lab) -> None:
    told: list[str] = []
    somebody = enters(by_code, told)
    ran = by_code.run("login", "contoso.com")
    somebody.join()
    assert "You have signed in" in told[1]
    assert ran.code == 0, ran.err
    assert ran.out == "Signed in to account contoso.com. The service uses it from now on.\n"
    assert ran.err == (
        f"Open {by_code.world.origin}/common/oauth2/deviceauth and enter {told[0]}; "
        f"sign in with a user of tenant {by_code.world.accounts[0][1].id}.\n"
    )
    by_code.world.devices.codes.clear()
    again = by_code.run("login", "contoso.com")
    assert (again.code, again.err) == (0, "")
    assert not by_code.world.devices.codes


def test_without_login_the_other_commands_say_which(by_code: Lab) -> None:
    ran = by_code.run("sync")
    assert ran.code == 1
    assert "sync-agent login contoso.com" in sentence(ran)


def test_an_unknown_account_is_answered_with_those_that_exist(bare: Lab) -> None:
    ran = bare.run("login", "contoso")
    assert (ran.code, ran.out) == (2, "")
    for word in ("no account contoso", "contoso.com, fabrikam.com", Path(bare.settings).name):
        assert word in sentence(ran)


def test_an_account_that_needs_no_login_says_so(bare: Lab) -> None:
    ran = bare.run("login", "fabrikam.com")
    assert (ran.code, ran.out) == (2, "")
    assert "client_secret" in sentence(ran)
    assert "needs no login" in sentence(ran)


def test_the_service_asks_for_a_sign_in_in_one_line_at_warning() -> None:
    prompt = Prompt("contoso", "tenant-id", "https://microsoft.com/devicelogin", "ABC-DEF", datetime.now(UTC))
    with capture_logs() as logs:
        announce(prompt)
    (line,) = logs
    assert (line["log_level"], line["event"]) == ("warning", "sign_in_needed")
    told = (line["account"], line["tenant"], line["address"], line["code"])
    assert told == ("contoso", "tenant-id", "https://microsoft.com/devicelogin", "ABC-DEF")
