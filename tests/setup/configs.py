"""config.xml files as they are met."""

from __future__ import annotations

CLIENT = "66666666-7777-8888-9999-00000000000"
TENANT = "11111111-2222-3333-4444-55555555555"
ENCRYPTED = "AQAAANCMnd8BFdERjHoAwE"


def account(number: int = 0, id_: str = "contoso.com", more: str = "") -> str:
    """An <Account>, its ids made different by a digit."""
    return f'<Account Id="{id_}" ClientId="{CLIENT}{number}" TenantId="{TENANT}{number}" {more}/>'


def with_secret(number: int = 0, id_: str = "contoso.com") -> str:
    return account(number, id_, f'EncryptedSecret="{ENCRYPTED}"')


def source(*accounts: str, enabled: str | None = "true") -> str:
    switch = "" if enabled is None else f' enabled="{enabled}"'
    return f"<MsGraphPresenceSource{switch}><Accounts>{''.join(accounts)}</Accounts></MsGraphPresenceSource>"


def config(*sources: str) -> str:
    return f"<Configuration><PresenceProvider>{''.join(sources)}</PresenceProvider></Configuration>"
