from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_agent.check.needed import LIST_ALONE, PERSON, TABLE, Service
from tests.deploy import az

SCRIPT = Path(__file__).parent.parent.parent / "deploy" / "register-app.sh"
OFFERED = {
    az.GRAPH: [LIST_ALONE, "Mail.Send", *(each.permission for each in TABLE if each.service is Service.GRAPH)],
    az.SHAREPOINT: [LIST_ALONE, *(each.permission for each in TABLE if each.service is Service.SHAREPOINT)],
}
assert PERSON.permission in OFFERED[az.GRAPH]


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder in which register-app.sh is run, and the tenant that its Azure CLI is signed in to."""

    folder: Path

    @property
    def tenant(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "tenant.json").read_text())
        return found

    def set(self, **values: object) -> None:
        (self.folder / "tenant.json").write_text(json.dumps(self.tenant | values))

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "AZ_STATE": str(self.folder / "tenant.json"),
        }
        command = ["bash", str(SCRIPT), "--wait", "0", *options]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def said(self, *methods: str) -> list[str]:
        return [each for each in self.tenant["said"] if each.split()[0] in methods]

    def granted(self) -> list[tuple[str, str]]:
        """Service and permission of all that the apps of the tenant were given with consent, as roles."""
        names = {
            (service["id"], role["id"]): (service["appId"], role["value"])
            for service in self.tenant["services"]
            for role in service["appRoles"]
        }
        return sorted(names[each["resourceId"], each["appRoleId"]] for each in self.tenant["role_assignments"])

    def asked_for(self, kind: str) -> list[tuple[str, str]]:
        """Service and permission of what the first registration asks for; ``kind``: Role or Scope."""
        field = {"Role": "appRoles", "Scope": "oauth2PermissionScopes"}[kind]
        names = {each["id"]: each["value"] for service in self.tenant["services"] for each in service[field]}
        return sorted(
            (each["resourceAppId"], names[access["id"]])
            for each in self.tenant["applications"][0]["requiredResourceAccess"]
            for access in each["resourceAccess"]
            if access["type"] == kind
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    missing = [each for each in ("jq", "openssl") if shutil.which(each) is None]
    if missing and "CI" not in os.environ:
        pytest.skip(f"not installed: {', '.join(missing)}")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "az"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{az.__file__}" "$@"\n')
    program.chmod(0o755)
    (tmp_path / "tenant.json").write_text(json.dumps(az.new_tenant(OFFERED)))
    return Shell(tmp_path)
