"""One answer checked by itself, as the settings would check it."""

from __future__ import annotations

import re
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sync_agent.settings.problems import Unfit

_UNNAMED = re.compile(r"[^A-Z0-9]+")


def fitting(type_: Any, text: str) -> str:
    """``text`` as a setting of that type has it. Raises Unfit, whose texts do not repeat it."""
    try:
        return str(TypeAdapter(type_).validate_python(text.strip()))
    except ValidationError as refused:
        error = refused.errors(include_url=False, include_input=False)[0].get("ctx", {}).get("error")
    raise error if isinstance(error, Unfit) else Unfit("a text of 1 to 255 characters")


def in_words(unfit: Unfit) -> str:
    return "; ".join(filter(None, [f"expected {unfit.expected}", unfit.hint]))


def variable(account_id: str) -> str:
    """The environment variable that the account's client secret is looked for in, unless somebody names another."""
    name = _UNNAMED.sub("_", account_id.upper()).strip("_") or "ACCOUNT"
    return f"{name}_SECRET" if name[0].isalpha() else f"ACCOUNT_{name}_SECRET"
