"""What the project depends on has a reason, is locked, and is really imported."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def names(requirements: list[str]) -> set[str]:
    return {match[0].lower().replace("_", "-") for requirement in requirements if (match := _NAME.match(requirement))}


def test_every_dependency_has_its_reason_and_a_lower_bound() -> None:
    reasons = (ROOT / "docs" / "dependencies.md").read_text().lower()
    requirements = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    without = {name for name in names(requirements) if name not in reasons and not name.startswith("types-")}
    assert without == set()
    assert [one for one in PROJECT["dependencies"] if ">=" not in one] == []


def test_every_dependency_is_locked() -> None:
    locked = names((ROOT / "requirements-dev.lock").read_text().splitlines())
    assert names([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]) <= locked


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    imported = {
        match[1]
        for path in (ROOT / "sync_agent").rglob("*.py")
        for match in re.finditer(r"^ *(?:from|import) (\w+)", path.read_text(), re.MULTILINE)
    }
    distributions = packages_distributions()
    used = {name.lower() for module in imported for name in distributions.get(module, ())} - {"sync-agent"}
    declared = names(PROJECT["dependencies"])
    by_name_only = {"httptools"}  # uvicorn loads it by its name
    optional = {"keyring"}
    assert used - declared - optional - {"pydantic-core", "pydantic_core"} == set()
    assert declared - used == by_name_only
