"""The simulator as a server: HTTPS of its own, started and stopped in process."""

from __future__ import annotations

import ssl
import threading
import time
from pathlib import Path

import httpx
import pytest

from sync_agent.simulator.lab import write_settings
from sync_agent.simulator.messy import build
from sync_agent.simulator.server import Simulator
from sync_agent.simulator.world import World
from tests.simulator.office import trusting


def config_of(simulator: Simulator, timeout: float = 5) -> httpx.Response:
    tenant = next(iter(simulator.world.tenants), "none")
    url = f"{simulator.url}/{tenant}/v2.0/.well-known/openid-configuration"
    return httpx.get(url, verify=trusting(simulator), timeout=timeout)


def port_of(simulator: Simulator) -> int:
    return int(simulator.url.rpartition(":")[2])


def test_it_is_trusted_by_its_own_authority_alone() -> None:
    with Simulator(build(0, 1)) as simulator:
        assert config_of(simulator).status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(simulator.url)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(simulator.url.replace("https", "http"))


def test_a_taken_port_is_an_oserror_and_leaves_the_other_alone() -> None:
    with Simulator(build(0, 1)) as first:
        second = Simulator(World(), port_of(first))
        with pytest.raises(OSError, match="in use"):
            second.start()
        second.stop()
        assert config_of(first).status_code == 200


def test_two_at_once_are_two_worlds() -> None:
    with Simulator(build(0, 1, seed=1)) as one, Simulator(build(0, 1, seed=2)) as two:
        issuers = {config_of(each).json()["issuer"] for each in (one, two)}
    assert len(issuers) == 2


def test_it_starts_again_on_its_port() -> None:
    simulator = Simulator(build(0, 1))
    ports = []
    for _ in range(2):
        with simulator:
            assert config_of(simulator).status_code == 200
            ports.append(port_of(simulator))
    assert ports[0] == ports[1]
    with pytest.raises(httpx.ConnectError):
        httpx.get(simulator.url)
    with Simulator(build(0, 1), ports[0]) as another:
        assert config_of(another).status_code == 200


def test_it_stops_while_requests_are_under_way() -> None:
    """A request that would take a minute does not keep it, and its client does not wait for one that never comes."""
    world = build(0, 1)
    world.latency = 60
    ended: list[int] = []

    def ask(simulator: Simulator) -> None:
        try:
            ended.append(config_of(simulator, timeout=50).status_code)
        except httpx.TransportError:
            ended.append(0)

    with Simulator(world) as simulator:
        asking = threading.Thread(target=ask, args=(simulator,))
        heard = threading.Event()
        world.faults.strike = lambda call, **_: heard.set()  # type: ignore[method-assign]
        asking.start()
        assert heard.wait(10)
        began = time.monotonic()
    assert time.monotonic() - began < 8
    asking.join(10)
    assert ended in ([500], [0])


def test_the_private_key_is_its_owners_and_temporary_files_go(tmp_path: Path) -> None:
    with Simulator(World(), folder=tmp_path / "lab") as simulator:
        assert simulator.ca_bundle == tmp_path / "lab" / "ca.pem"
        assert (tmp_path / "lab" / "server.pem").stat().st_mode & 0o077 == 0
    with Simulator(World()) as simulator:
        folder = simulator.ca_bundle.parent
    assert not folder.exists()


def test_stopping_what_never_started_is_fine() -> None:
    Simulator(World()).stop()


@pytest.mark.parametrize("api", ["graph", "rest"])
def test_settings_lead_to_it_by_site_url_and_clouds_alone(tmp_path: Path, api: str) -> None:
    world = build(5, 7)
    with Simulator(world, folder=tmp_path):
        text = write_settings(world, tmp_path, "rest" if api == "rest" else "graph").read_text()
    told = [line for line in text.splitlines() if world.origin in line]
    assert [line.split(":")[0].strip() for line in told] == ["site_url", "lab"]
    assert text.count("  - id: ") == 7
    for secret in [*(tmp_path / "secrets").iterdir(), *(tmp_path / "certificates").glob("*")]:
        assert secret.stat().st_mode & 0o077 == 0


def test_who_trusts_it_goes_on_doing_so_after_a_restart(tmp_path: Path) -> None:
    bundles = []
    for _ in range(2):
        with Simulator(World(), folder=tmp_path) as simulator:
            bundles.append(simulator.ca_bundle.read_bytes())
            context = ssl.create_default_context(cafile=simulator.ca_bundle)
            assert httpx.get(f"{simulator.url}/v1.0/users", verify=context, trust_env=False).status_code == 401
    assert bundles[0] == bundles[1]
    assert (tmp_path / "ca-key.pem").stat().st_mode & 0o077 == 0
