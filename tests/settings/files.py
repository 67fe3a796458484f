"""Settings files for tests: one that is right, and what is said of one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_agent.settings import Problem, Settings, SettingsError, load

SMALLEST = """\
sharepoint:
  site_url: https://contoso.sharepoint.com/sites/ucc
  agent_list: Agents
accounts:
  - id: contoso
    tenant_id: 11111111-2222-3333-4444-555555555555
    client_id: 66666666-7777-8888-9999-000000000000
    auth: client_secret
    client_secret: ${env:CONTOSO_SECRET}
"""
NEXT_LINE = SMALLEST.count("\n") + 1

SECOND_ACCOUNT = """\
  - id: fabrikam
    tenant_id: fabrikam.onmicrosoft.com
    client_id: aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee
    auth: device_code
"""


def changed(old: str, new: str, text: str = SMALLEST) -> str:
    assert old in text
    return text.replace(old, new)


def written(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str = SMALLEST) -> Settings:
    return load(written(folder, text))


def refused(folder: Path, text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(written(folder, text))
    return caught.value


def said(folder: Path, text: str) -> list[str]:
    """A line for each problem, without the file's name, which each of them must begin with."""
    error = refused(folder, text)
    lines = str(error).split("\n")
    beginning = str(folder / "settings.yaml") + ":"
    assert len(lines) == len(error.problems)
    assert all(line.startswith(beginning) for line in lines), lines
    return [line.removeprefix(beginning).strip() for line in lines]


def only(folder: Path, text: str) -> Problem:
    problems = refused(folder, text).problems
    assert len(problems) == 1, problems
    return problems[0]
