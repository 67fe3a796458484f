"""An account that a person has signed in to: they are its canary, unless the settings name another."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sync_agent.progress import Silent
from sync_agent.service import open_service
from sync_agent.settings import load
from sync_agent.simulator.faults import Truly
from sync_agent.simulator.wire import Call, Reply
from sync_agent.simulator.world import SimUser, Tenant
from tests.lab import Lab, Ran, lab


@dataclass(frozen=True, slots=True)
class Office:
    """The first account is a person's, who is in no row of the list."""

    lab: Lab
    account: str
    tenant: Tenant
    person: SimUser
    hidden: set[str] = field(default_factory=set)

    def answer(self, call: Call, truly: Truly) -> Reply:
        """The tenant's, without whom it hides."""
        reply = truly(call)
        if not self.hidden or reply.status != 200:
            return reply
        return Reply(200, json.dumps(self._visible(json.loads(reply.body))).encode(), dict(reply.headers))

    def _visible(self, told: Any) -> Any:
        if isinstance(told, dict):
            return {name: self._visible(value) for name, value in told.items()}
        if isinstance(told, list):
            shown = (each for each in told if not (isinstance(each, dict) and each.get("id") in self.hidden))
            return [self._visible(each) for each in shown]
        return told

    def sync(self) -> Ran:
        return self.lab.run("sync", "--json")

    def hide(self, user: SimUser) -> None:
        """The app may not read them any more, as where its permissions are cut down to an administrative unit."""
        self.hidden.add(user.id)

    def lose_an_agent(self) -> int:
        """A user who is shown as right leaves the tenant."""
        for row_id in self.lab.agents.items:
            user = self.tenant.users.get(self.lab.shown(row_id, "EntraObjectId") or "")
            if user is not None and self.lab.shown(row_id, "SyncStatus") == "OK":
                self.tenant.remove(user)
                return row_id
        raise AssertionError

    def add(self, upn: str) -> int:
        return self.lab.agents.add({"Title": "New", "UPN": upn})

    def shown(self, *row_ids: int) -> list[Any]:
        return [self.lab.shown(row_id, "SyncStatus") for row_id in row_ids]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with lab(tmp_path, rows=40) as made:
        made.world.moving = False
        account, tenant, _ = made.world.accounts[0]
        person = tenant.add(SimUser("99999999-0000-4000-8000-000000000001", f"sync.svc@{tenant.domains[0]}", "Service"))
        secret = f"    auth: client_secret\n    client_secret: ${{file:secrets/{account}}}\n"
        made.replace(secret, "    auth: device_code\n")
        made.world.devices.interval = 1
        signed_in(made, account, person)
        opened = Office(made.provisioned(), account, tenant, person)
        made.world.faults.add(r"/v1.0/(users|directoryObjects)", instead=opened.answer)
        made.world.faults.add(r"/v1.0/\$batch", holding=b"userPrincipalName", instead=opened.answer)
        yield opened


def signed_in(made: Lab, account: str, person: SimUser) -> None:
    def enter() -> None:
        deadline = time.monotonic() + 20
        while not made.world.devices.codes and time.monotonic() < deadline:
            time.sleep(0.02)
        (code,) = made.world.devices.codes.values()
        made.world.devices.enter(made.world, code.user_code, person.upn)

    thread = threading.Thread(target=enter)
    thread.start()
    ran = made.run("login", account)
    thread.join()
    assert ran.code == 0, ran.err


def said_anywhere(office: Office, *more: str) -> str:
    """What a person or a program can read of the service, tokens apart."""
    office.lab.run("report", "--html", "report.html", "--csv", "report.csv")
    parts = ("reports/*", "report.*", "state/sync-agent.db*")
    files = [path for part in parts for path in office.lab.folder.glob(part)]
    assert files
    return "".join([*more, *(path.read_bytes().decode(errors="replace") for path in files)])


def test_who_is_there_vouches_from_the_first_pass_on(office: Office) -> None:
    ran = office.sync()
    assert ran.code == 0, ran.err
    assert office.shown(*office.lab.agents.items) == [truth.status for truth in office.lab.world.truth.values()]
    gone, typed = office.lose_an_agent(), office.add(f"nobody.at.all@{office.tenant.domains[0]}")
    assert office.sync().code == 0
    assert office.shown(gone, typed) == ["Error", "Error"]


def test_who_is_not_found_lets_nobody_be_called_missing_and_is_named_nowhere(office: Office) -> None:
    assert office.sync().code == 0
    gone, typed = office.lose_an_agent(), office.add(f"nobody.at.all@{office.tenant.domains[0]}")
    office.hide(office.person)
    ran = office.sync()
    assert ran.code == 1
    state = ran.json()["accounts"][office.account]["state"]
    assert f"the person who has signed in to account {office.account} is not found in its tenant" in state
    assert office.shown(gone, typed) == ["OK", "Unknown"]
    told = said_anywhere(office, ran.out, ran.err, office.lab.run("sync").err)
    assert office.person.upn not in told and office.person.id not in told

    office.hidden.clear()
    assert office.sync().code == 0
    assert office.shown(gone, typed) == ["Error", "Error"]


@pytest.mark.anyio
@pytest.mark.parametrize("refused", [False, True])
async def test_who_is_renamed_after_the_sign_in_goes_on_vouching_where_that_can_be_asked(
    office: Office, refused: bool
) -> None:
    """The sign-in of a service that runs says the old name until its token is renewed."""
    async with open_service(load(office.lab.settings), progress=Silent()) as service:
        await service.sync()
        gone = office.lose_an_agent()
        office.tenant.rename(office.person, f"renamed.svc@{office.tenant.domains[0]}")
        if refused:
            office.lab.world.faults.clear()
            office.lab.world.faults.add(r"getByIds", status=403)
        outcome = await service.sync()
        assert (outcome.accounts[office.account].state == "ok") is not refused
        assert office.shown(gone) == ["OK" if refused else "Error"]


def test_a_canary_of_the_settings_counts_alone(office: Office) -> None:
    canary = office.tenant.add(
        SimUser("99999999-0000-4000-8000-000000000002", f"canary@{office.tenant.domains[0]}", "Canary")
    )
    office.lab.replace(f"- id: {office.account}\n", f"- id: {office.account}\n    canary: {canary.upn}\n")
    assert office.sync().code == 0
    first = office.lose_an_agent()
    office.hide(office.person)
    assert office.sync().code == 0
    assert office.shown(first) == ["Error"]
    second = office.lose_an_agent()
    office.hidden.clear()
    office.hide(canary)
    assert office.sync().code == 1
    assert office.shown(second) == ["OK"]
