"""settings.yaml in the repository: it loads, leads to the embedded Microsoft 365, and shows every setting."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_agent.cli.simulate import simulate
from sync_agent.settings import load, without_effect
from sync_agent.settings.effect import _NOT_YET
from sync_agent.simulator.lab import write_settings
from sync_agent.simulator.messy import LIST_TITLE, SITE_PATH, build
from sync_agent.simulator.world import World
from tests.settings.catalogue import default_as_written, every_setting

EXAMPLE = Path(__file__).parents[2] / "settings.yaml"
_NO_DEFAULTS = {
    "sharepoint.api",
    "accounts.certificate.path",
    "accounts.certificate.password",
    "accounts.token_file",
    "accounts.client_secret_next",
    "accounts.client_secret_expires",
    "accounts.domains",
    "notify.urls",
    "presence.push.notification_url",
    "presence.push.accounts",
    "proxy",
}
"""Shown commented out by an example, since what they do when left out cannot be written."""


@pytest.fixture(scope="module")
def options() -> dict[str, Any]:
    """What `sync-agent simulate` does when it is told nothing."""
    return {str(option.name): option.default for option in simulate.params}


@pytest.fixture(scope="module")
def world(options: dict[str, Any]) -> World:
    made = build(options["rows"], options["tenants"], options["seed"])
    made.origin = f"https://127.0.0.1:{options['port']}"
    return made


def test_it_leads_to_the_world_that_simulate_serves(world: World) -> None:
    settings = load(EXAMPLE)
    assert settings.sharepoint.site_url == f"{world.origin}{SITE_PATH}"
    assert settings.sharepoint.agent_list == LIST_TITLE
    assert settings.sharepoint.account == world.accounts[0][0]
    assert [(account.id, account.tenant_id, account.client_id) for account in settings.accounts] == [
        (id_, tenant.id, app.client_id) for id_, tenant, app in world.accounts
    ]
    for account in settings.accounts:
        assert settings.endpoints(account).authority == settings.endpoints(account).graph == world.origin


def test_it_is_what_simulate_writes_but_for_the_folder(world: World, options: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / options["folder"]
    folder.mkdir()
    (tmp_path / "settings.yaml").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    settings, made = load(tmp_path / "settings.yaml"), load(write_settings(world, folder, options["api"]))
    assert [secret.reveal() for secret in settings.sign_in_secrets()] == [
        secret.reveal() for secret in made.sign_in_secrets()
    ]
    assert settings.list_api() == made.list_api()
    assert settings.clouds == made.clouds
    assert settings.clouds["lab"].ca_bundle == folder / "ca.pem"
    assert settings.sharepoint.columns == made.sharepoint.columns
    for group in ("schedule", "presence", "safety", "pacing", "log", "web", "notify", "proxy"):
        assert getattr(settings, group) == getattr(made, group)


def test_nothing_is_written_in_it_for_nothing() -> None:
    assert without_effect(load(EXAMPLE)) == []


def uncommented() -> str:
    """With every commented setting in force, and a person's account for those that need one."""
    text = re.sub(r"^(\s*)# (\w+: )", r"\1\2", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return text.replace("auth: client_secret", "auth: device_code", 1)


def values(written: Any, path: str = "") -> dict[str, str]:
    if isinstance(written, list):
        return {key: value for entry in written for key, value in values(entry, path).items()}
    if isinstance(written, dict) and written:
        inner = {key: values(value, f"{path}.{key}".lstrip(".")) for key, value in written.items()}
        return {key: value for each in inner.values() for key, value in each.items()}
    return {path.replace("clouds.lab.", "clouds."): str(written)}


def test_every_setting_is_in_it_and_is_right_when_uncommented(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(uncommented(), encoding="utf-8")
    settings = load(tmp_path / "settings.yaml")
    shown = values(yaml.load(uncommented(), Loader=yaml.BaseLoader))
    shown = {
        re.sub(r"^(accounts\.domains|presence\.push\.accounts).*", r"\1", name): value for name, value in shown.items()
    }
    assert shown.keys() == every_setting().keys()
    assert {name for name in without_effect(settings) if not name.startswith("accounts.")} <= set(_NOT_YET)


def test_what_is_commented_out_shows_its_default() -> None:
    in_force = values(yaml.load(EXAMPLE.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
    shown = values(yaml.load(uncommented(), Loader=yaml.BaseLoader))
    defaults = {name: default_as_written(setting) or "null" for name, setting in every_setting().items()}
    commented = {name for name in shown if name not in in_force and name not in _NO_DEFAULTS}
    assert len(commented) > 20
    assert {name: shown[name] for name in commented} == {name: defaults[name] for name in commented}


def test_what_has_no_effect_yet_says_so() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    marked = [re.search(r"# (\w+): ", line) for line in lines if line.endswith("no effect yet")]
    assert [match[1] for match in marked if match] == [name.rpartition(".")[2] for name in _NOT_YET]
