"""Signing in by the token that the platform gives this program: workload identity federation, as in Kubernetes.

The platform renews the file long before its token ends (an hour in Kubernetes), so it is read at each use
(learn.microsoft.com: workload identity federation; Azure Workload Identity: AZURE_FEDERATED_TOKEN_FILE).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from sync_agent.microsoft365.errors import SignInFailed
from sync_agent.settings import AccountSettings

_VARIABLE = "AZURE_FEDERATED_TOKEN_FILE"


def federated_credential(account: AccountSettings) -> dict[str, Callable[[], str]]:
    """What msal's ``client_credential`` wants; called for each assertion. Raises SignInFailed when it is called."""
    return {"client_assertion": lambda: _read(account)}


def _read(account: AccountSettings) -> str:
    path = _path(account)
    try:
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise _unusable(account, f"the token file {path} cannot be read: {error.strerror or error}") from error
    except UnicodeError:
        token = ""  # not chained: the error holds what the file does
    if token.count(".") != 2:
        raise _unusable(account, f"the token file {path} holds no token; it must be the file that the platform keeps")
    return token


def _path(account: AccountSettings) -> Path:
    given = account.token_file or os.environ.get(_VARIABLE)
    if not given:
        raise _unusable(
            account,
            f"there is no token_file, nor {_VARIABLE}; in Kubernetes label the pod "
            'azure.workload.identity/use: "true" and give it the service account of the federated credential',
        )
    return Path(given)


def _unusable(account: AccountSettings, why: str) -> SignInFailed:
    return SignInFailed(f"account {account.id} cannot sign in: {why}")
