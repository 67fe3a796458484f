"""An embedded Microsoft 365 with the settings that lead to it, in a folder: what `demo` and `simulate` start from."""

from __future__ import annotations

from pathlib import Path

from sync_agent.simulator.messy import settings_yaml
from sync_agent.simulator.world import World


def write_settings(world: World, folder: Path) -> Path:
    """Write settings.yaml and the secrets it refers to, for a world that is served already."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(account_id: str, secret: str) -> str:
        path = secrets / account_id
        path.touch(mode=0o600)
        path.write_text(secret, encoding="utf-8")
        return f"${{file:secrets/{account_id}}}"

    path = folder / "settings.yaml"
    path.write_text(settings_yaml(world, "ca.pem", secret_of=keep), encoding="utf-8")
    return path
