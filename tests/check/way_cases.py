"""Faults of the settings, of the way to Microsoft 365, and of the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from sync_agent.jobs import check as checking
from sync_agent.microsoft365.transport import Bounds
from sync_agent.settings.sealing import new_key, sealed
from tests.check.cases import Cases, add, elsewhere, refused, second_signs_in_by
from tests.check.servers import HTML, answering, said
from tests.lab import Lab

CASES = Cases()
Patch = pytest.MonkeyPatch


def authority(lab: Lab) -> trustme.CA:
    """The lab's own, which the settings trust."""
    key = lab.folder / "ca-key.pem"
    return trustme.CA.from_pem((lab.folder / "ca.pem").read_bytes(), key.read_bytes())


@CASES.case("settings_wrong")
def misspelt(lab: Lab, _: Patch) -> None:
    lab.replace("agent_list: Agents", "agent_lst: Agents")


@CASES.case("settings_unreadable")
def not_there(lab: Lab, _: Patch) -> None:
    lab.settings.unlink()


@CASES.case("next_secret_unavailable")
def no_next_secret(lab: Lab, _: Patch) -> None:
    name = lab.world.accounts[1][0]
    lab.replace(f"secrets/{name}}}", f"secrets/{name}}}\n    client_secret_next: ${{file:secrets/next}}")


@CASES.case("secret_unavailable")
def no_file(lab: Lab, _: Patch) -> None:
    (lab.folder / "secrets" / lab.world.accounts[1][0]).unlink()


@CASES.case("key_unavailable")
def no_key(lab: Lab, patch: Patch) -> None:
    """Of a secret, and of an address that people are told at."""
    patch.delenv("SYNC_AGENT_KEY", raising=False)
    key = new_key()
    secret = next(iter(lab.world.accounts[1][2].secrets))
    second_signs_in_by(lab, "auth: client_secret", f"client_secret: {sealed(secret, key)}")
    add(lab, f"notify: {{urls: ['{sealed('json://127.0.0.1', key)}']}}")


@CASES.case("secret_in_plain")
def plain(lab: Lab, _: Patch) -> None:
    secret = next(iter(lab.world.accounts[1][2].secrets))
    second_signs_in_by(lab, "auth: client_secret", f"client_secret: {secret}")


@CASES.case("setting_without_effect")
def unused(lab: Lab, _: Patch) -> None:
    add(lab, "notify: {severity: error}")


@CASES.case("names_unresolved", api="rest")
def no_name_servers(lab: Lab, _: Patch) -> None:
    """As every host of Microsoft's, with authority, Graph and the site apart, is without them."""
    address = lab.world.origin
    lab.replace(f"authority: {address}", "authority: https://login.contoso.invalid")
    lab.replace(f"graph: {address}", "graph: https://graph.contoso.invalid")
    lab.replace(f"site_url: {address}", "site_url: https://contoso.invalid")


@CASES.case("host_unknown")
def no_such_host(lab: Lab, _: Patch) -> None:
    elsewhere(lab, "https://login.contoso.invalid")


@CASES.case("connection_refused")
def nobody_there(lab: Lab, _: Patch) -> None:
    elsewhere(lab, "https://127.0.0.1:1")


@CASES.case("no_answer")
def silent(lab: Lab, patch: Patch) -> None:
    patch.setattr(checking, "_BOUNDS", Bounds(connect=0.5, read=0.5, whole=1.0))
    tenant = lab.world.accounts[0][1]
    lab.world.faults.add(f"GET /{tenant.id}/v2.0/.well-known", silent=True)


@CASES.case("connection_broken")
def hangs_up(lab: Lab, _: Patch) -> Iterator[None]:
    with answering(b"", authority(lab).issue_cert("127.0.0.1")) as port:
        elsewhere(lab, f"https://127.0.0.1:{port}")
        yield


@CASES.case("tls_untrusted")
def strange_authority(lab: Lab, _: Patch) -> Iterator[None]:
    with answering(HTML, trustme.CA().issue_cert("127.0.0.1")) as port:
        elsewhere(lab, f"https://127.0.0.1:{port}")
        yield


@CASES.case("tls_expired")
def expired(lab: Lab, _: Patch) -> Iterator[None]:
    ended = datetime.now(UTC) - timedelta(days=1)
    with answering(HTML, authority(lab).issue_cert("127.0.0.1", not_after=ended)) as port:
        elsewhere(lab, f"https://127.0.0.1:{port}")
        yield


@CASES.case("tls_wrong_host")
def another_hosts(lab: Lab, _: Patch) -> Iterator[None]:
    with answering(HTML, authority(lab).issue_cert("login.fabrikam.com")) as port:
        elsewhere(lab, f"https://127.0.0.1:{port}")
        yield


@CASES.case("tls_failed")
def no_tls(lab: Lab, _: Patch) -> Iterator[None]:
    with answering(HTML) as port:
        elsewhere(lab, f"https://127.0.0.1:{port}")
        yield


@CASES.case("ca_bundle_unusable")
def no_bundle(lab: Lab, _: Patch) -> None:
    lab.replace("ca_bundle: ca.pem", "ca_bundle: missing.pem")


@CASES.case("proxy_unknown")
def no_such_proxy(lab: Lab, _: Patch) -> None:
    add(lab, "proxy: http://proxy.contoso.invalid:8080")


@CASES.case("proxy_unusable")
def another_kind_of_proxy(_lab: Lab, patch: Patch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        patch.setenv(name, "socks5://127.0.0.1:1080")


@CASES.case("proxy_refused")
def no_proxy(lab: Lab, _: Patch) -> None:
    add(lab, "proxy: http://127.0.0.1:1")


@CASES.case("proxy_denied")
def not_let_through(lab: Lab, _: Patch) -> Iterator[None]:
    with answering(said("", "407 Proxy Authentication Required")) as port:
        add(lab, f"proxy: http://127.0.0.1:{port}")
        yield


@CASES.case("not_microsofts")
def sign_in_page(lab: Lab, _: Patch) -> Iterator[None]:
    with answering(HTML, authority(lab).issue_cert("127.0.0.1")) as port:
        elsewhere(lab, f"https://127.0.0.1:{port}")
        yield


@CASES.case("service_failing")
def failing(lab: Lab, _: Patch) -> None:
    lab.world.faults.add("GET /.*openid-configuration", **refused(500, "ServerError"))


@CASES.case("throttled")
def throttling(lab: Lab, _: Patch) -> None:
    how = refused(429, "TooManyRequests")
    how["headers"]["retry-after"] = "120"
    lab.world.faults.add("POST /v1.0/communications/getPresencesByUserId", **how)


@CASES.case("clock_off")
def clock_off(lab: Lab, _: Patch) -> None:
    lab.world.clock = lambda: time.time() + 1_200


@CASES.case("clock_drifts")
def clock_drifts(lab: Lab, _: Patch) -> None:
    lab.world.clock = lambda: time.time() - 120


@CASES.case("too_slow")
def slow(lab: Lab, patch: Patch) -> None:
    patch.setattr(checking, "WHOLE", 3.0)
    lab.world.faults.add("GET /v1.0/sites/.*/columns", silent=True)
