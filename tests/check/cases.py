"""How each fault of the table is brought about: the settings, the embedded Microsoft 365 or the machine are broken."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytest

from sync_agent.microsoft365.columns import SPECIFICATIONS, Columns
from sync_agent.microsoft365.list_views import View, wanted_views
from sync_agent.microsoft365.provisioning import Means, as_made
from sync_agent.model import OurColumn
from sync_agent.simulator.lab import Api
from sync_agent.simulator.lists import ListColumn
from tests.lab import Lab

Breaking = Callable[[Lab, pytest.MonkeyPatch], Iterator[None] | None]

_TYPES = {"choice": "Choice", "multiple lines of text": "Note", "date and time": "DateTime"}


@dataclass(frozen=True, slots=True)
class Case:
    """``break_it`` breaks one thing in a world where all is right; as a generator, for as long as the check runs."""

    break_it: Breaking
    api: Api = "graph"
    tenants: int = 2
    rows: int = 45

    def broken(self, lab: Lab, patch: pytest.MonkeyPatch) -> AbstractContextManager[None]:
        found = self.break_it(lab, patch)
        return nullcontext() if found is None else contextmanager(lambda: found)()


class Cases(dict[str, Case]):
    """By id of the fault."""

    def case(self, id_: str, **how: Any) -> Callable[[Breaking], Breaking]:
        def kept(break_it: Breaking) -> Breaking:
            assert id_ not in self
            self[id_] = Case(break_it, **how)
            return break_it

        return kept


def made_ready(lab: Lab) -> None:
    """With our columns, as provision makes them, and a port that nobody has."""
    for specification in SPECIFICATIONS.values():
        kind = _TYPES.get(specification.kind, "Text")
        lab.agents.columns[specification.column] = ListColumn(
            specification.column,
            specification.column,
            kind,
            specification.choices,
            indexed=specification.indexed,
            description=specification.description,
            formatter=specification.formatting,
        )
    for view in _views():
        lab.agents.views[view.title] = {
            "Title": view.title,
            "ViewFields": list(view.fields),
            "ViewQuery": view.query,
        }
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    add(lab, f"web: {{listen: 127.0.0.1:{port}}}")


def _views() -> list[View]:
    means = Means(formatting=True)
    ours = {our: as_made(specification, our.value, means) for our, specification in SPECIFICATIONS.items()}
    upn, name = (as_made(SPECIFICATIONS[OurColumn.ACCOUNT], title, means) for title in ("UPN", "Title"))
    return wanted_views(Columns(upn, name, ours))


def add(lab: Lab, *lines: str) -> None:
    """To the end of the settings."""
    lab.settings.write_text("\n".join([lab.settings.read_text().rstrip("\n"), *lines, ""]))


def set_(lab: Lab, pattern: str, new: str) -> None:
    """Replace what ``pattern`` finds in the settings, once."""
    text, count = re.subn(pattern, new, lab.settings.read_text(), count=1, flags=re.MULTILINE)
    assert count == 1, pattern
    lab.settings.write_text(text)


def elsewhere(lab: Lab, authority: str) -> None:
    """The second account's sign-in is at another address, in a cloud of its own."""
    name = lab.world.accounts[1][0]
    set_(lab, rf"(- id: {re.escape(name)}\n(?:    .*\n)*?    cloud: )lab", r"\1lab2")
    set_(
        lab,
        r"^clouds:$",
        f"clouds:\n  lab2: {{authority: {authority}, graph: {lab.world.origin}, ca_bundle: ca.pem}}",
    )


def second_signs_in_by(lab: Lab, *lines: str) -> None:
    """The second account, with these lines instead of those of its secret."""
    signs_in_by(lab, 1, *lines)


def signs_in_by(lab: Lab, which: int, *lines: str) -> None:
    name = lab.world.accounts[which][0]
    new = "\n".join(f"    {line}" for line in lines)
    set_(lab, rf"(- id: {re.escape(name)}\n(?:    .*\n)*?)    auth: client_secret\n    client_secret: .*$", rf"\1{new}")


def entra_refuses(lab: Lab, number: int, error: str = "invalid_grant", *, which: int = 1) -> None:
    """The sign-ins of one account, with Entra's number and words."""
    tenant = lab.world.accounts[which][1]
    text = f"AADSTS{number}: Something is wrong. Trace ID: 1 Correlation ID: 2 Timestamp: 2026-01-01 00:00:00Z"
    body = json.dumps({"error": error, "error_description": text, "error_codes": [number]}).encode()
    headers = {"content-type": "application/json"}
    lab.world.faults.add(f"POST /{tenant.id}/oauth2/v2.0/token", status=400, headers=headers, body=body)


def refused(status: int, code: str = "accessDenied", message: str = "No.") -> dict[str, Any]:
    """A refusal as a fault of the embedded Microsoft 365."""
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return {"status": status, "headers": {"content-type": "application/json"}, "body": body}
