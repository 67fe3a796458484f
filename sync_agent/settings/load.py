"""From a file to Settings: read, check every value, check what belongs together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sync_agent.settings.contradictions import contradictions
from sync_agent.settings.explain import problems
from sync_agent.settings.model import Settings
from sync_agent.settings.origin import DEFAULT_KEY, Origin
from sync_agent.settings.problems import Problem, SettingsError
from sync_agent.settings.secret import Secret
from sync_agent.settings.yaml_source import Document, read_yaml


def load(path: Path) -> Settings:
    """Raises SettingsError with everything that is wrong, each with its place."""
    document = read_yaml(path)
    checked = _checked(document)
    refused = [] if isinstance(checked, Settings) else checked
    wrong = [*document.problems(), *refused, *contradictions(document)]
    if wrong or not isinstance(checked, Settings):
        raise SettingsError(sorted(wrong, key=lambda each: (each.line, each.column)))
    return checked


def _checked(document: Document) -> Settings | list[Problem]:
    # Returned, not raised, so that pydantic's error, which holds the values, hangs on no exception of ours.
    complete = _with_the_only_account(_without_empty_groups(document.value))
    # Not resolved: where the file is a link, paths start from where the operator sees it, not from what it leads to.
    folder = document.path.absolute().parent
    try:
        return Settings.model_validate(complete, context=Origin(folder, _key_in(document)))
    except ValidationError as error:
        return list(problems(document, error.errors(include_url=False, include_input=False)))


def written_key(path: Path | None) -> Secret:
    """What opens encrypted values, by what a settings file says, whatever else is in it. None: there is no file.

    Raises SettingsError where the file cannot be read.
    """
    if path is None:
        return Secret(DEFAULT_KEY, "secrets.key")
    return Secret(_key_in(read_yaml(path)), "secrets.key", path.absolute().parent)


def _key_in(document: Document) -> str:
    written = document.at(("secrets", "key"))
    return written if isinstance(written, str) and written.strip() else DEFAULT_KEY


def _without_empty_groups(written: dict[str, Any]) -> dict[str, Any]:
    """`clouds:` with everything below it commented out is the same as no `clouds:`."""
    left = {key: value for key, value in written.items() if value is not None or key in ("sharepoint", "accounts")}
    sharepoint = left.get("sharepoint")
    if isinstance(sharepoint, dict) and sharepoint.get("columns", "") is None:
        left["sharepoint"] = {key: value for key, value in sharepoint.items() if key != "columns"}
    return left


def _with_the_only_account(written: dict[str, Any]) -> dict[str, Any]:
    """Where there is but one account, sharepoint.account may be left out.

    It is not asked for either while there is no telling how many accounts there are: that is told already.
    """
    sharepoint, accounts = written.get("sharepoint"), written.get("accounts")
    several = isinstance(accounts, list) and len(accounts) > 1
    if several or not isinstance(sharepoint, dict) or sharepoint.get("account") is not None:
        return written
    only = accounts[0] if isinstance(accounts, list) and accounts else None
    id_ = only.get("id") if isinstance(only, dict) else None
    return {**written, "sharepoint": {**sharepoint, "account": id_ if isinstance(id_, str) and id_.strip() else "?"}}
