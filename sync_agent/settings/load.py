"""From a file to Settings: read, check every value, check what belongs together, place the paths."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from sync_agent.model import OurColumn
from sync_agent.settings.model import AccountSettings, Settings, known_clouds
from sync_agent.settings.problems import Problem, SettingsError
from sync_agent.settings.yaml_source import Lines, read_yaml

_SHOWN = 60


def load(path: Path) -> Settings:
    """Raises SettingsError with everything that is wrong, each with its line."""
    raw, lines = read_yaml(path)
    raw = _with_the_only_account(raw)
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(sorted(_problems(path, raw, lines, error), key=lambda p: p.line)) from None
    problems = [Problem(path, _line(lines, at), _name(raw, at), message) for at, message in _contradictions(settings)]
    if problems:
        raise SettingsError(problems)
    return _placed(settings, path.resolve().parent)


def _with_the_only_account(raw: dict[str, Any]) -> dict[str, Any]:
    """Where there is but one account, sharepoint.account may be left out."""
    sharepoint, accounts = raw.get("sharepoint"), raw.get("accounts")
    if not isinstance(sharepoint, dict) or not isinstance(accounts, list) or len(accounts) != 1:
        return raw
    if sharepoint.get("account") is not None or not isinstance(accounts[0], dict):
        return raw
    return {**raw, "sharepoint": {**sharepoint, "account": accounts[0].get("id")}}


def _problems(path: Path, raw: Any, lines: Lines, error: ValidationError) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_input=False, include_context=True):
        at = tuple(part for part in detail["loc"] if part != "ours")
        yield Problem(path, _line(lines, at), _name(raw, at), _message(raw, at, detail))


def _message(raw: Any, at: tuple[str | int, ...], detail: Any) -> str:
    """What was found and what was expected. Values of settings that may hold secrets are never repeated."""
    if detail["type"] == "extra_forbidden":
        return f"there is no such setting{_nearest(str(at[-1]), _keys_beside(at[:-1]))}"
    if detail["type"] == "missing":
        return "is missing"
    expected = detail["msg"].removeprefix("Value error, ")
    expected = expected[:1].lower() + expected[1:]
    if not expected.startswith("expected"):
        expected = f"expected: {expected}"
    found = _at(raw, at)
    if found is None or isinstance(found, dict | list) or _may_be_secret(at):
        return expected
    text = str(found)
    return f"found “{text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}”, {expected}"


def _may_be_secret(at: tuple[str | int, ...]) -> bool:
    return any(isinstance(part, str) and ("secret" in part or "password" in part or part == "notify") for part in at)


def _keys_beside(at: tuple[str | int, ...]) -> list[str]:
    """The settings that exist at a place."""
    model: Any = Settings
    for part in at:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if isinstance(model, type) and issubclass(model, BaseModel) else None
        model = None if field is None else next(_models_in(field.annotation), None)
    if model is None:
        return []
    keys = [key for key in model.model_fields if key != "ours"]
    return keys + [column.value for column in OurColumn] if "ours" in model.model_fields else keys


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _nearest(written: str, known: Iterable[str]) -> str:
    known = list(known)
    by_lower = {key.lower(): key for key in known}
    close = difflib.get_close_matches(written.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {by_lower[close[0]]}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _contradictions(settings: Settings) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What each part allows but the whole does not."""
    ids = [account.id for account in settings.accounts]
    counts = Counter(id_.casefold() for id_ in ids)
    for index, account in enumerate(settings.accounts):
        if counts[account.id.casefold()] > 1:
            yield ("accounts", index, "id"), f"found “{account.id}” more than once, expected ids that differ"
        if account.cloud not in known_clouds(settings):
            nearest = _nearest(account.cloud, known_clouds(settings))
            yield ("accounts", index, "cloud"), f"found “{account.cloud}”, expected a known cloud{nearest}"
    if not ids:
        yield ("accounts",), "expected at least one account"
    elif settings.sharepoint.account not in ids:
        nearest = _nearest(settings.sharepoint.account, ids)
        yield ("sharepoint", "account"), f"there is no account “{settings.sharepoint.account}”{nearest}"
    try:
        make_url(settings.state.database)
    except ArgumentError:
        yield ("state", "database"), "expected a database address such as sqlite:///state/sync-agent.db"


def _placed(settings: Settings, folder: Path) -> Settings:
    """Relative paths start from the folder of the settings file, wherever the command was started."""
    state = settings.state
    placed_state = state.model_copy(
        update={
            "database": _placed_database(state.database, folder),
            "tokens": folder / state.tokens,
            "reports": folder / state.reports,
        }
    )
    clouds = {
        name: cloud.model_copy(update={"ca_bundle": cloud.ca_bundle and folder / cloud.ca_bundle})
        for name, cloud in settings.clouds.items()
    }
    accounts = tuple(_placed_account(account, folder) for account in settings.accounts)
    return settings.model_copy(update={"state": placed_state, "clouds": clouds, "accounts": accounts})


def _placed_account(account: AccountSettings, folder: Path) -> AccountSettings:
    where = f"accounts.{account.id}"
    updates: dict[str, Any] = {}
    if account.client_secret is not None:
        updates["client_secret"] = account.client_secret.placed(f"{where}.client_secret", folder)
    if account.certificate is not None:
        password = account.certificate.password
        placed = password and password.placed(f"{where}.certificate.password", folder)
        path = folder / account.certificate.path
        updates["certificate"] = account.certificate.model_copy(update={"path": path, "password": placed})
    return account.model_copy(update=updates)


def _placed_database(url: str, folder: Path) -> str:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return url
    return parsed.set(database=str(folder / str(parsed.database))).render_as_string(hide_password=False)


def _line(lines: Lines, at: tuple[str | int, ...]) -> int:
    """The line of a setting, or of the nearest one above it where it is missing."""
    while at:
        if at in lines:
            return lines[at]
        at = at[:-1]
    return 1


def _name(raw: Any, at: tuple[str | int, ...]) -> str:
    """The path in the operator's words: an account by its id rather than by its place."""
    parts, value = [], raw
    for part in at:
        value = _child(value, part)
        named = isinstance(part, int) and isinstance(value, dict) and isinstance(value.get("id"), str)
        parts.append(value["id"] if named else str(part))
    return ".".join(parts)


def _at(raw: Any, at: tuple[str | int, ...]) -> Any:
    value = raw
    for part in at:
        value = _child(value, part)
    return value


def _child(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None
