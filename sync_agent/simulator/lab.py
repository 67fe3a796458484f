"""A folder with the settings that lead to a served world, and the secrets and certificates they refer to."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sync_agent.simulator.certificates import SelfSigned
from sync_agent.simulator.messy import LIST_TITLE, SITE_PATH
from sync_agent.simulator.world import AppRegistration, World

Api = Literal["graph", "rest"]


def write_settings(world: World, folder: Path, api: Api = "graph") -> Path:
    """Write settings.yaml for a world that is served with its ca.pem in the same folder.

    With ``api`` rest, the list's account signs in by a certificate: SharePoint takes no app-only token got with a
    secret.
    """
    accounts = []
    for index, (account_id, tenant, app) in enumerate(world.accounts):
        by_certificate = api == "rest" and index == 0
        credential = _certificate(folder, account_id, app) if by_certificate else _secret(folder, account_id, app)
        accounts += [
            f"  - id: {account_id}",
            f"    tenant_id: {tenant.id}",
            f"    client_id: {app.client_id}",
            *credential,
            "    cloud: lab",
        ]
    path = folder / "settings.yaml"
    path.write_text("\n".join([*_head(world, api), "accounts:", *accounts, *_tail(world)]), encoding="utf-8")
    return path


def _head(world: World, api: Api) -> list[str]:
    return [
        "# Leads to an embedded Microsoft 365, by clouds: below. For a real tenant leave out cloud: and clouds:.",
        "sharepoint:",
        f"  site_url: {world.origin}{SITE_PATH}",
        f"  agent_list: {LIST_TITLE}",
        f"  account: {world.accounts[0][0]}",
        f"  api: {api}",
        "  columns: {upn: UPN, name: Title}",
    ]


def _tail(world: World) -> list[str]:
    units = world.accounts[0][1].sharepoint_units
    return [
        "clouds:",
        f"  lab: {{authority: {world.origin}, graph: {world.origin}, ca_bundle: ca.pem}}",
        f"pacing: {{sharepoint_units_per_minute: {units}, share: 80%}}",
        "",
    ]


def _secret(folder: Path, account_id: str, app: AppRegistration) -> list[str]:
    name = f"secrets/{account_id}"
    _keep(folder / name, next(iter(app.secrets)).encode())
    return ["    auth: client_secret", f"    client_secret: ${{file:{name}}}"]


def _certificate(folder: Path, account_id: str, app: AppRegistration) -> list[str]:
    name = f"certificates/{account_id}.pem"
    made = SelfSigned(account_id)
    app.certificates.append(made.certificate)
    _keep(folder / name, made.pem())
    return ["    auth: certificate", f"    certificate: {{path: {name}}}"]


def _keep(path: Path, data: bytes) -> None:
    """Readable by its owner only, from the first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)
