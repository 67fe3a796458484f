"""What came of signing each account in, and how long its credentials last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sync_agent.check.faults import BY_NUMBER, found
from sync_agent.check.finding import Finding
from sync_agent.check.observed import KeyFile, SignInSeen

SOON = timedelta(days=30)
_OTHERS_MAY = 0o077


def judge(seen: Sequence[SignInSeen], now: datetime) -> Iterator[Finding]:
    for each in seen:
        yield from _outcome(each)
        if each.notice:
            what = each.notice[:1].upper() + each.notice[1:]
            yield found("next_secret_in_use", f"accounts.{each.account}.client_secret", each.account, what=what)
        if each.key_file is not None:
            yield from _key_file(each.account, each.key_file, now)
        yield from _ends(each, now)


def _outcome(seen: SignInSeen) -> Iterator[Finding]:
    account, about = f"accounts.{seen.account}", (seen.account, seen.host)
    match seen.outcome:
        case "signed_in" if _is_elsewhere(seen):
            values = {"account": seen.account, "wanted": seen.tenant_id, "got": seen.got_tenant}
            yield found("token_of_other_tenant", f"{account}.tenant_id", *about, **values)
        case "signed_in":
            yield found("signed_in", account, *about, account=seen.account, auth=seen.way)
        case "nobody":
            yield found("nobody_signed_in", account, *about, account=seen.account)
        case "no_identity":
            yield found("managed_identity_missing", account, *about, account=seen.account, why=seen.why)
        case "refused" if (id_ := BY_NUMBER.get(seen.number or 0)) is not None:
            todo = seen.todo[:1].upper() + seen.todo[1:]
            yield found(id_, account, *about, account=seen.account, means=seen.means, todo=todo)
        case "refused" if seen.number is None:
            yield found("sign_in_impossible", account, *about, account=seen.account, why=seen.why)
        case "refused":
            yield found("sign_in_refused", account, *about, account=seen.account, why=seen.why)
        case "unanswered":
            yield found("sign_in_unanswered", account, *about, account=seen.account, why=seen.why, host=seen.host)


def _is_elsewhere(seen: SignInSeen) -> bool:
    """A tenant may be named by a domain, which no token tells."""
    return bool(seen.got_tenant) and "." not in seen.tenant_id and seen.got_tenant.lower() != seen.tenant_id.lower()


def _key_file(account: str, file: KeyFile, now: datetime) -> Iterator[Finding]:
    setting = f"accounts.{account}.certificate"
    match file.state:
        case "unusable":
            yield found("certificate_unusable", setting, account, account=account, why=f"{file.path} {file.why}")
        case "expired" if file.ends is not None:
            yield found("certificate_expired", setting, account, account=account, date=_day(file.ends))
        case "not_yet" if file.begins is not None:
            yield found("certificate_not_yet_valid", setting, account, account=account, date=_day(file.begins))
        case "usable" if file.ends is not None and file.ends - now < SOON:
            yield found("certificate_expires_soon", setting, account, account=account, date=_day(file.ends))
    if file.state != "unusable" and file.mode & _OTHERS_MAY:
        yield found("key_file_open", setting, account, account=account, file=file.path, mode=f"{file.mode:o}")


def _ends(seen: SignInSeen, now: datetime) -> Iterator[Finding]:
    """One that has ended is told by Entra; a certificate's end is known from its file."""
    for what, when in seen.ends:
        if what != "certificate" and timedelta() <= when - now < SOON:
            setting = f"accounts.{seen.account}.{what}"
            yield found("secret_expires_soon", setting, seen.account, account=seen.account, date=_day(when))


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
