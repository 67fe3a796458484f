"""From a file to Settings: read, check every value, check what belongs together, place the paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy.engine import make_url

from sync_agent.settings.contradictions import contradictions
from sync_agent.settings.explain import problem
from sync_agent.settings.model import AccountSettings, CertificateSettings, Settings, StateSettings
from sync_agent.settings.problems import Problem, SettingsError
from sync_agent.settings.secret import Secret
from sync_agent.settings.yaml_source import Document, read_yaml


def load(path: Path) -> Settings:
    """Raises SettingsError with everything that is wrong, each with its place."""
    document = read_yaml(path)
    checked = _checked(document)
    problems = [*([] if isinstance(checked, Settings) else checked), *contradictions(document)]
    if problems or not isinstance(checked, Settings):
        raise SettingsError(sorted(problems, key=lambda each: (each.line, each.column)))
    return _placed(checked, path.resolve().parent)


def _checked(document: Document) -> Settings | list[Problem]:
    # Returned, not raised, so that pydantic's error, which holds the values, hangs on no exception of ours.
    complete = _with_the_only_account(_without_empty_groups(document.value))
    try:
        return Settings.model_validate(complete)
    except ValidationError as error:
        return [problem(document, detail) for detail in error.errors(include_url=False, include_input=False)]


def _without_empty_groups(written: dict[str, Any]) -> dict[str, Any]:
    """`clouds:` with everything below it commented out is the same as no `clouds:`."""
    return {key: value for key, value in written.items() if value is not None or key in ("sharepoint", "accounts")}


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


def _placed(settings: Settings, folder: Path) -> Settings:
    """Relative paths start from the folder of the settings file, wherever the command was started."""
    clouds = {
        name: cloud.model_copy(update={"ca_bundle": cloud.ca_bundle and folder / cloud.ca_bundle})
        for name, cloud in settings.clouds.items()
    }
    accounts = tuple(_placed_account(account, folder) for account in settings.accounts)
    state = _placed_state(settings.state, folder)
    return settings.model_copy(update={"state": state, "clouds": clouds, "accounts": accounts})


def _placed_state(state: StateSettings, folder: Path) -> StateSettings:
    database = _placed_database(state.database, folder)
    paths = {"tokens": folder / state.tokens, "reports": folder / state.reports}
    return state.model_copy(update={"database": database, **paths})


def _placed_account(account: AccountSettings, folder: Path) -> AccountSettings:
    where = f"accounts.{account.id}"
    secret = _placed_secret(account.client_secret, f"{where}.client_secret", folder)
    certificate = _placed_certificate(account.certificate, f"{where}.certificate", folder)
    return account.model_copy(update={"client_secret": secret, "certificate": certificate})


def _placed_certificate(
    certificate: CertificateSettings | None, where: str, folder: Path
) -> CertificateSettings | None:
    if certificate is None:
        return None
    password = _placed_secret(certificate.password, f"{where}.password", folder)
    return certificate.model_copy(update={"path": folder / certificate.path, "password": password})


def _placed_secret(secret: Secret | None, where: str, folder: Path) -> Secret | None:
    return None if secret is None else secret.placed(where, folder)


def _placed_database(url: str, folder: Path) -> str:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return url
    return parsed.set(database=str(folder / str(parsed.database))).render_as_string(hide_password=False)
