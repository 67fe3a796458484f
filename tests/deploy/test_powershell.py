"""deploy/Register-App.ps1 is PowerShell, and says to Graph what register-app.sh says, which is run.

It is not run here itself: there is no PowerShell to run it by. Its grammar is tree-sitter's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from sync_agent.check.needed import LIST_ALONE, TABLE
from tests.deploy.conftest import SCRIPT

SHELL = SCRIPT.read_text()
POWERSHELL = SCRIPT.with_name("Register-App.ps1").read_text()
_PERMISSION = re.compile(r"\b[A-Z]\w+(?:\.\w+)*\.(?:All|Selected)\b|\boffline_access\b")
_SIGN_IN = {
    *("Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All"),
    "Sites.FullControl.All",
}
"""What the administrator who runs the script signs in for."""
_REQUEST = re.compile(r"\b(get|post|patch|delete) (?:\\\n\s*)?[\"']?(?=/|\$place)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{\w+\}|\$\w+")


def faults(text: str) -> list[str]:
    def below(node: Node) -> Iterator[Node]:
        yield node
        for child in node.children:
            yield from below(child)

    tree = Parser(Language(tree_sitter_powershell.language())).parse(text.encode())
    wrong = [each for each in below(tree.root_node) if each.is_error or each.is_missing]
    return [f"line {each.start_point.row + 1}: {each.type}" for each in wrong]


def requests(text: str) -> set[str]:
    """Methods with their paths; what varies is {}."""
    return {f"{match[1].lower()} {_path(text, match.end())}" for match in _REQUEST.finditer(text)}


def _path(text: str, at: int) -> str:
    path = ""
    while text[at] not in " ?\"'\n`)":
        if text.startswith("$(", at):
            at, path = _after(text, at + 1), path + "{}"
        elif variable := _VARIABLE.match(text, at):
            at, path = variable.end(), path + "{}"
        else:
            at, path = at + 1, path + text[at]
    return path


def _after(text: str, at: int) -> int:
    """Where the bracket that opens at ``at`` is closed again."""
    depth = 0
    for position in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position + 1
    raise AssertionError("not closed")


def test_it_is_powershell() -> None:
    assert faults(POWERSHELL) == []


@pytest.mark.parametrize("part", ["{ continue }", "if ($SiteUrl) {", "function Find-Registration {", "param(", "= @{"])
def test_a_slip_would_be_seen(part: str) -> None:
    assert part in POWERSHELL
    assert faults(POWERSHELL.replace(part, part[:-1], 1)) != []


def test_both_name_the_permissions_of_the_table_and_no_other() -> None:
    table = {each.permission for each in TABLE} | {LIST_ALONE}
    code = re.sub(r"<#.*?#>", "", POWERSHELL, flags=re.DOTALL)
    assert set(_PERMISSION.findall(code)) == table | _SIGN_IN
    assert set(_PERMISSION.findall(SHELL)) - {"Sites.FullControl.All"} == table


def test_both_make_the_same_requests() -> None:
    assert requests(SHELL) == requests(POWERSHELL)
    assert len(requests(SHELL)) == 19


def test_both_print_the_same_settings() -> None:
    def keys(text: str) -> set[str]:
        printed = text[text.index("--- What belongs") :]
        return set(re.findall(r"(?:\\n|['\"])(?:  - |  |    )?(\w+):(?= |\\n|')", printed))

    assert keys(SHELL) == keys(POWERSHELL)
    assert {"sharepoint", "site_url", "tenant_id", "certificate", "cloud"} <= keys(SHELL)


def test_both_take_the_same_options() -> None:
    shell = set(re.findall(r"^    --([a-z-]+)\)", SHELL, re.MULTILINE))
    head = POWERSHELL[POWERSHELL.index("param(") : POWERSHELL.index("Set-StrictMode")]
    powershell = {re.sub(r"(?<!^)(?=[A-Z])", "-", each).lower() for each in re.findall(r"\] \$(\w+)", head)}
    assert powershell == shell
    documented = re.findall(r"^\.PARAMETER (\w+)$", POWERSHELL, re.MULTILINE)
    assert {each.lower() for each in documented} == {each.replace("-", "") for each in powershell}
