"""What each setting allows but all of them together do not.

Looked for in what is written, not in the model, so that it is told together with whatever else is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sync_agent.model import OurColumn
from sync_agent.settings.explain import nearest, shown
from sync_agent.settings.model import CLOUDS
from sync_agent.settings.problems import Problem
from sync_agent.settings.yaml_source import At, Document


def contradictions(document: Document) -> Iterator[Problem]:
    yield from _accounts(document)
    yield from _clouds(document)
    yield from _columns(document)


def _accounts(document: Document) -> Iterator[Problem]:
    ids: dict[str, str] = {}
    for index, account in enumerate(_entries(document.value.get("accounts"))):
        id_ = account.get("id") if isinstance(account, dict) else None
        if not isinstance(id_, str):
            continue
        if id_.casefold() in ids:
            yield document.problem(("accounts", index, "id"), f"“{id_}” a second time", "ids that differ, case aside")
        ids.setdefault(id_.casefold(), id_)
    at: At = ("sharepoint", "account")
    named = document.at(at)
    if isinstance(named, str) and ids and named not in ids.values():
        yield document.problem(at, shown(named, at), "the id of an account", nearest(named, ids.values()))


def _clouds(document: Document) -> Iterator[Problem]:
    own = [str(name) for name in _settings(document.value.get("clouds"))]
    for name in CLOUDS:
        if name in own:
            yield document.problem(("clouds", name), "the name of a cloud of Microsoft's", "another name")
    for index, account in enumerate(_entries(document.value.get("accounts"))):
        cloud = account.get("cloud") if isinstance(account, dict) else None
        if isinstance(cloud, str) and cloud not in (*CLOUDS, *own):
            at: At = ("accounts", index, "cloud")
            yield document.problem(at, shown(cloud, at), "a known cloud", nearest(cloud, [*CLOUDS, *own]))


def _columns(document: Document) -> Iterator[Problem]:
    """A column of ours that is somebody else's too would be written over."""
    written = _settings(document.at(("sharepoint", "columns")))
    names = {"upn": "UPN", "name": "Title"} | {column.value: column.value for column in OurColumn}
    names |= {key: text for key, text in written.items() if key in names and isinstance(text, str)}
    taken: dict[str, str] = {}
    for key, name in names.items():
        first = taken.setdefault(name.casefold(), key)
        if key != first and key not in ("upn", "name"):
            at: At = ("sharepoint", "columns", key if key in written else first)
            yield document.problem(at, f"“{name}” for both {first} and {key}", "a column of its own for each")


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _settings(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
