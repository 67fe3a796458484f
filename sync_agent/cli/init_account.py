"""The questions about one account, for `sync-agent init`, and trying the answers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from sync_agent.cli.asking import CHANGE, KEEP, Asker
from sync_agent.cli.init_credential import Credential, ask_credential
from sync_agent.microsoft365.token_cache import CopiedTokenCache, TokenCache, file_name
from sync_agent.model import CouldNotAsk
from sync_agent.settings import AccountSettings, Secret, SecretUnavailable
from sync_agent.settings.model import Auth
from sync_agent.settings.origin import DEFAULT_KEY, DEFAULT_KEY_VARIABLE, Origin
from sync_agent.settings.values import Guid, Name, TenantId
from sync_agent.setup.draft import AccountDraft, unlike
from sync_agent.setup.trial import AccountTried, Trial, wrong

AUTHS = {
    "certificate": "best: SharePoint's own API takes it, which adds no list versions",
    "client_secret": "a secret of the app registration",
    "device_code": "a person signs in, once",
    "managed_identity": "on a machine in Azure",
    "workload_identity": "in Kubernetes, by its token file",
}
TOKENS = "state/tokens"
"""Where the settings have people's sign-ins when they do not say."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """``tried``: None where it was not, or not with success."""

    draft: AccountDraft
    credential: Credential
    tried: AccountTried | None


@dataclass(slots=True)
class AccountQuestions:
    """``folder``: of the settings; ``undone``: what to take back where nothing comes of it all."""

    asker: Asker
    trial: Trial
    runner: asyncio.Runner
    folder: Path
    cloud: str
    undone: ExitStack

    def ask(self, taken: Sequence[str], tenant: str = "", name: str = "") -> Chosen:
        """``taken``: ids that there are. ``tenant``: its id, where it is known, and what it goes by."""
        chosen = self._answers(taken, tenant, name, None)
        while True:
            tried = self._tried(chosen)
            if tried is not None and not wrong(tried.findings):
                return replace(chosen, tried=tried if tried.signed_in else None)
            then = self.asker.after_failure("once you have mended it")
            if then == KEEP:
                return replace(chosen, tried=tried if tried is not None and tried.signed_in else None)
            if then == CHANGE:
                chosen = self._answers(taken, "", chosen.draft.id, chosen.draft)

    def _answers(self, taken: Sequence[str], tenant: str, name: str, before: AccountDraft | None) -> Chosen:
        asker = self.asker
        if not tenant:
            tenant, name = self._tenant(before)
        if before is not None and before.tenant_id == tenant:
            name = before.id
        id_ = unlike(name, taken)
        if asker.terminal or asker.has("id"):
            id_ = unlike(asker.value("id", "What to call this account", Name, id_), taken)
        usual = before.auth if before else "client_secret"
        auth = cast("Auth", asker.pick("auth", "How does the app sign in", AUTHS, usual if asker.terminal else ""))
        client_id = ""
        if auth != "managed_identity" or asker.has("client-id"):
            question = "Application (client) ID of its registration"
            client_id = asker.value("client-id", question, Guid, before.client_id if before else "")
        credential = ask_credential(asker, auth, id_, self.folder)
        draft = AccountDraft(
            id_,
            tenant,
            auth,
            client_id,
            client_secret=credential.client_secret,
            certificate=credential.certificate,
            certificate_password=credential.certificate_password,
            token_file=credential.token_file,
            cloud=self.cloud,
        )
        return Chosen(draft, credential, None)

    def _tenant(self, before: AccountDraft | None) -> tuple[str, str]:
        """Its id, and the domain that was typed, or the id again."""
        typed, then = before.tenant_id if before else "", CHANGE
        while True:
            if then == CHANGE:
                typed = self.asker.value("tenant", "Domain (or id) of the tenant, such as contoso.com", TenantId, typed)
            if "." not in typed:
                return typed, typed
            owner = self.runner.run(self.trial.owner(typed))
            if isinstance(owner, str):
                self.asker.say(f"  {typed} belongs to tenant {owner}.")
                return owner, typed
            if isinstance(owner, CouldNotAsk):
                self.asker.say(f"  Whose domain {typed} is could not be found out: {owner.reason}.")
            else:
                self.asker.say(f"  No tenant has the domain {typed}.")
            then = self.asker.after_failure("once you have mended it")
            if then == KEEP:
                return typed, typed

    def _tried(self, chosen: Chosen) -> AccountTried | None:
        """None where it could not be tried; that is said."""
        draft, asker = chosen.draft, self.asker
        try:
            configured = settings_of(draft, self.folder, chosen.credential.typed)
            for secret in configured.sign_in_secrets():
                secret.reveal()
            by_person = draft.auth == "device_code" and asker.agrees("Sign in now, by a code?", default=True)
            tried = self.runner.run(self.trial.account(configured, self._cache(draft, by_person), by_person=by_person))
        except SecretUnavailable as why:
            asker.say(f"  The sign-in cannot be tried: {why}.")
            return None
        if draft.auth == "device_code" and not tried.signed_in and not by_person:
            asker.say(f"  Nobody has signed in to account {draft.id} yet: `sync-agent login {draft.id}`, later.")
            return AccountTried(())
        asker.show(tried.findings)
        if tried.tenant_name:
            asker.say(f"  The tenant is called {tried.tenant_name}.")
        return tried

    def _cache(self, draft: AccountDraft, by_person: bool) -> TokenCache:
        """A person's sign-in is kept where the service looks for it."""
        key = Secret(DEFAULT_KEY) if os.environ.get(DEFAULT_KEY_VARIABLE) else None
        if draft.auth != "device_code":
            return TokenCache(None, draft.id)
        tokens = self.folder / TOKENS
        if not by_person:
            return CopiedTokenCache(tokens, draft.id, key)
        file = tokens / file_name(draft.id)
        if not file.exists():
            self.undone.callback(_removed, file)
        return TokenCache(tokens, draft.id, key)


def settings_of(draft: AccountDraft, folder: Path, typed: str = "") -> AccountSettings:
    """As the settings would have it; ``typed``: a client secret that is not yet where the draft says."""
    written: dict[str, object] = {
        "id": draft.id,
        "tenant_id": draft.tenant_id,
        "auth": draft.auth,
        "client_id": draft.client_id or None,
        "client_secret": typed or draft.client_secret or None,
        "token_file": draft.token_file or None,
    }
    if draft.certificate:
        written["certificate"] = {"path": draft.certificate, "password": draft.certificate_password or None}
    return AccountSettings.model_validate(written, context=Origin(folder, DEFAULT_KEY))


def _removed(file: Path) -> None:
    """A token cache with what belongs to it, and its folders where they are empty."""
    file.unlink(missing_ok=True)
    file.with_name(f"{file.name}.lockfile").unlink(missing_ok=True)
    for folder in (file.parent, file.parent.parent):
        with suppress(OSError):
            folder.rmdir()
