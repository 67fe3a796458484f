"""What was written for nothing is told, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sync_agent
from sync_agent.settings import without_effect
from sync_agent.settings.effect import _NOT_YET
from tests.settings.files import SMALLEST, changed, loaded


def test_nothing_is_told_of_what_was_not_written(tmp_path: Path) -> None:
    assert without_effect(loaded(tmp_path)) == []


@pytest.mark.parametrize(
    ("addition", "names"),
    [
        ("presence: {stale_after: 1h, flap_damping: 5s}\n", []),
        ("web: {listen: 127.0.0.1:8090}\n", []),
        ("notify: {severity: error, report_link: x}\n", ["notify.report_link", "notify.severity"]),
        ("notify: {severity: error, urls: ['${env:X}']}\n", []),
        ("presence: {worst_age: 30s}\n", ["presence.worst_age"]),
        ("presence: {worst_age: 30s}\nschedule: {presence: auto}\n", []),
        ("presence: {}\nweb:\nnotify: {}\n", []),
        ("schedule: {presence: 2s}\nlog: {level: info}\n", []),
    ],
)
def test_what_this_version_does_not_look_at(tmp_path: Path, addition: str, names: list[str]) -> None:
    assert without_effect(loaded(tmp_path, SMALLEST + addition)) == names


@pytest.mark.parametrize(
    ("auth", "names"),
    [
        ("client_secret", ["accounts.contoso.certificate"]),
        ("certificate", ["accounts.contoso.client_secret"]),
        ("device_code", ["accounts.contoso.client_secret", "accounts.contoso.certificate"]),
        ("managed_identity", ["accounts.contoso.client_secret", "accounts.contoso.certificate"]),
        ("workload_identity", ["accounts.contoso.client_secret", "accounts.contoso.certificate"]),
    ],
)
def test_a_credential_that_the_account_does_not_sign_in_with(tmp_path: Path, auth: str, names: list[str]) -> None:
    both = f"auth: {auth}\n    certificate: {{path: x.pem}}"
    assert without_effect(loaded(tmp_path, changed("auth: client_secret", both))) == names


@pytest.mark.parametrize("name", _NOT_YET)
def test_no_part_of_the_product_looks_at_them(name: str) -> None:
    """Fails as soon as one does: then it has an effect, and neither list nor documentation may deny it."""
    looked_at = re.compile(r"\b" + r"\.".join(("settings." + name).split(".")[-2:]) + r"\b")
    package = Path(sync_agent.__file__).parent
    sources = [path for path in package.rglob("*.py") if path.parent.name != "settings"]
    assert len(sources) > 50
    assert [path for path in sources if looked_at.search(path.read_text(encoding="utf-8"))] == []
