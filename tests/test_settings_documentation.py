"""docs/settings.md says of every setting what it means, and of nothing that is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_agent.settings import SettingsError, load
from sync_agent.settings.effect import _NOT_YET
from sync_agent.settings.sealing import new_key, sealed
from tests.settings.catalogue import default_as_written, every_setting

TEXT = (Path(__file__).parents[1] / "docs" / "settings.md").read_text(encoding="utf-8")
_COLUMNS = "| setting | meaning | type | default | example |"
_TOP = "At the top"


@dataclass(frozen=True, slots=True)
class Documented:
    meaning: str
    type: str
    default: str
    example: str


def _documented() -> dict[str, Documented]:
    """The rows of all tables of settings, each by the heading that it stands under."""
    found = {}
    for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        if _COLUMNS not in body:
            continue
        group = "" if heading == _TOP else heading.strip("`") + "."
        for line in body.partition(_COLUMNS)[2].strip().splitlines()[1:]:
            if not line.startswith("|"):
                break
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            assert f"{group}{name.strip('`')}" not in found, line
            found[f"{group}{name.strip('`')}"] = Documented(*cells)
    return found


DOCUMENTED = _documented()

_SMALLEST = TEXT.partition("```yaml\n")[2].partition("```")[0]
_CERTIFICATE = {"path": "x.pem"}
_CLOUD = {"authority": "https://127.0.0.1", "graph": "https://127.0.0.1"}


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert sorted(DOCUMENTED) == sorted(every_setting())


@pytest.mark.parametrize("name", sorted(every_setting()))
def test_its_default_is_the_models(name: str) -> None:
    setting, documented = every_setting()[name], DOCUMENTED[name].default
    default = default_as_written(setting)
    if default is not None:
        assert documented == f"`{default}`"
    elif name == "sharepoint.account":  # where there is only one account, reading the file fills it in
        assert documented == "the only account"
    elif setting.is_required():
        assert documented == "required"
    else:
        assert documented != "required"
        assert not re.fullmatch("`[^`]*`", documented), "this reads as a default that could be written"


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_its_example_is_taken(name: str, tmp_path: Path) -> None:
    """In a file with everything else that the example needs."""
    example = DOCUMENTED[name].example
    assert re.fullmatch("`[^`]+`", example), example
    whole = yaml.load(_SMALLEST, Loader=yaml.BaseLoader)
    whole["accounts"][0]["certificate"] = dict(_CERTIFICATE)
    whole["clouds"] = {"lab": dict(_CLOUD)}
    if name.startswith("presence.push."):
        whole["accounts"][0]["auth"] = "device_code"
        whole["presence"] = {"push": {"notification_url": "https://agents.contoso.com"}}
    _group(whole, name)[name.rpartition(".")[2]] = yaml.load(example.strip("`"), Loader=yaml.BaseLoader)
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    assert load(path).sharepoint.account == "contoso.com"


def _group(whole: dict[str, Any], name: str) -> dict[str, Any]:
    group: Any = whole
    for part in name.split(".")[:-1]:
        group = group.setdefault(part, {})
        group = group[0] if part == "accounts" else group["lab"] if part == "clouds" else group
    assert isinstance(group, dict)
    return group


def test_an_example_differs_from_the_default() -> None:
    assert [name for name, each in DOCUMENTED.items() if each.example == each.default] == []


def test_what_has_no_effect_yet_is_marked() -> None:
    marked = [name for name, each in DOCUMENTED.items() if each.meaning.endswith("Accepted, no effect yet.")]
    assert sorted(marked) == sorted(_NOT_YET)


def test_choices_are_the_models() -> None:
    choices = {name: re.findall(r"Literal\[(.*?)\]", str(each.annotation)) for name, each in every_setting().items()}
    listed = {name: re.findall(r"'([^']*)'", found[0]) for name, found in choices.items() if found}
    assert sorted(listed) == ["accounts.auth", "log.format", "log.level", "notify.severity", "sharepoint.api"]
    for name, values in listed.items():
        assert DOCUMENTED[name].type == ", ".join(f"`{value}`" for value in values)


def test_the_mistakes_shown_are_told_like_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("settings.yaml")
    path.write_text(_SMALLEST.replace("client_id", "clinet_id") + "schedule: {read_list: 60}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert f"```\n{caught.value}\n```" in TEXT


def test_the_smallest_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(_SMALLEST, encoding="utf-8")
    assert load(path).accounts[0].id == "contoso.com"


@pytest.mark.parametrize("form", ["${env:NAME}", "${file:path}", "${credential:name}", "${keyring:service/name}"])
def test_each_way_to_refer_to_a_secret_is_documented_and_taken(form: str, tmp_path: Path) -> None:
    assert f"| `{form}` |" in TEXT
    path = tmp_path / "settings.yaml"
    path.write_text(_SMALLEST.replace("${env:CONTOSO_SECRET}", form), encoding="utf-8")
    (secret,) = load(path).sign_in_secrets()
    assert not secret.is_plain


def test_an_encrypted_secret_is_documented_and_taken(tmp_path: Path) -> None:
    assert "| `enc:…` |" in TEXT
    path = tmp_path / "settings.yaml"
    path.write_text(_SMALLEST.replace("${env:CONTOSO_SECRET}", sealed("x", new_key())), encoding="utf-8")
    (secret,) = load(path).sign_in_secrets()
    assert not secret.is_plain
