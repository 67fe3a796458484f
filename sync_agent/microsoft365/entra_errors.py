"""What Entra says when it refuses, in an operator's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sync_agent.microsoft365.entra_explanations import EXPLANATIONS

_MICROSOFTS_PAGE = "https://login.microsoftonline.com/error?code={number}"


def number_of(answer: Mapping[str, Any]) -> int | None:
    """The AADSTS number of an error answer. Its text comes first: error_codes may list a cause before what matters."""
    codes = answer.get("error_codes")
    number = number_in(str(answer.get("error_description") or ""))
    if number is None and isinstance(codes, list) and codes and str(codes[0]).isdigit():
        return int(codes[0])
    return number


def number_in(text: str) -> int | None:
    found = re.search(r"AADSTS(\d{4,8})", text)
    return int(found[1]) if found else None


def meaning(number: int | None, description: str) -> str:
    """What Entra said, in plain words with its number."""
    known = EXPLANATIONS.get(number or 0)
    if known is not None:
        return f"{known.means} (AADSTS{number})"
    return re.split(r"[\r\n]|Trace ID:", description)[0].strip().rstrip(".")[:300] or "Entra gave no explanation"


def sentence(account: str, number: int | None, description: str) -> str:
    """One sentence: the account, what Entra says, the number, what to do."""
    known = EXPLANATIONS.get(number or 0)
    told = f"account {account} cannot sign in: {meaning(number, description)}"
    if known is not None:
        return f"{told}; {known.remedy.format(account=account)}"
    return told if number is None else f"{told}; see {_MICROSOFTS_PAGE.format(number=number)}"
