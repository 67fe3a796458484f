"""A person's sign-in from the first code to the next: told wherever people look, and nobody else is held up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_agent.cli.run import announce
from sync_agent.progress import Silent
from sync_agent.scheduler import run
from sync_agent.service import Service, open_service
from sync_agent.settings import load
from sync_agent.simulator.world import Tenant
from tests.lab import Lab, lab
from tests.notify.receivers import Hook, hook
from tests.test_scheduler import until
from tests.web.asking import asked
from tests.web.test_service_pages import free_port

FAST = "schedule: {read_list: 1s, resolve_users: 1s, presence: 200ms, write_back: 200ms}\n"


@pytest.fixture
def there() -> Iterator[Hook]:
    with hook() as made:
        yield made


@pytest.fixture
def served(tmp_path: Path, there: Hook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The second account signs in a person; the first is an app."""
    monkeypatch.setattr("sync_agent.scheduler.jobs.LOOKS_EVERY", 0.2)
    with lab(tmp_path, rows=45) as made:
        account = made.world.accounts[1][0]
        secret = f"    auth: client_secret\n    client_secret: ${{file:secrets/{account}}}\n"
        made.replace(secret, "    auth: device_code\n")
        made.world.devices.interval = 1
        made.world.moving = False
        with made.settings.open("a") as settings:
            settings.write(f"{FAST}notify: {{urls: ['{there.url}']}}\n")
        yield made.provisioned()


def person(tenant: Tenant) -> str:
    return next(user.upn for user in tenant.users.values() if user.enabled and not user.guest)


def right_row(served: Lab, tenant: Tenant) -> int:
    return next(id_ for id_, truth in served.world.truth.items() if truth.tenant_id == tenant.id and not truth.codes)


@pytest.mark.anyio
@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0"])
async def test_from_the_first_code_to_the_next(served: Lab, there: Hook, listen: str) -> None:
    world, port = served.world, free_port()
    with served.settings.open("a") as more:
        more.write(f"web: {{listen: '{listen}:{port}'}}\n")
    (app, app_tenant, _), (account, tenant, _) = world.accounts
    ours, others = right_row(served, tenant), right_row(served, app_tenant)
    world.token_lifetime = (12, 12)

    async def page() -> tuple[int, str]:
        return (await asyncio.to_thread(asked, port, "/sign-in"))[:2]

    async def signs_in(service: Service, times: int) -> None:
        """Somebody enters the code that is told everywhere."""
        await until(lambda: service.accounts[account].prompt is not None)
        prompt = service.accounts[account].prompt
        assert prompt is not None
        assert prompt.code in [entry["code"] for entry in logs if entry["event"] == "sign_in_needed"]
        await until(lambda: len(asking(there)) == times)
        assert prompt.code in asking(there)[-1]
        assert f"sign in with a user of tenant {tenant.id}" in asking(there)[-1]
        shown = await page()
        assert shown[0] == (200 if listen == "127.0.0.1" else 404)
        assert (prompt.code in shown[1]) is (listen == "127.0.0.1")
        assert world.devices.enter(world, prompt.code, person(tenant)).startswith("You have signed in.")
        await until(lambda: service.accounts[account].trouble is None)

    with capture_logs() as logs:
        async with open_service(load(served.settings), progress=Silent(), announce=announce) as service:
            stop = asyncio.Event()
            running = asyncio.create_task(run(service, stop))
            await until(lambda: served.shown(others, "SyncStatus") == "OK")
            assert served.shown(ours, "SyncStatus") != "OK"
            await signs_in(service, 1)
            await until(lambda: bool(served.shown(ours, "Presence")))
            if listen == "127.0.0.1":
                assert await page() == (200, "Nobody has to sign in.\n")
            tenant.revoked_before = time.time() + 1
            await until(lambda: service.accounts[account].prompt is not None)
            assert served.shown(ours, "SyncStatus") == "OK"
            assert service.account_states()[app] == "ok"
            await signs_in(service, 2)
            await until(lambda: service.account_states()[account] == "ok")
            assert served.shown(ours, "SyncStatus") == served.shown(others, "SyncStatus") == "OK"
            assert service.account_states()[app] == "ok"
            stop.set()
            await asyncio.wait_for(running, 15)
    assert not [entry for entry in logs if entry["log_level"] == "error"]


def asking(there: Hook) -> list[str]:
    return [str(taken["message"]) for taken in there.taken if "needs a person to sign in: open" in taken["message"]]
