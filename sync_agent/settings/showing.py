"""What was found in a settings file, put into a message. What may be a secret is never repeated."""

from __future__ import annotations

import re
from typing import Any

from sync_agent.settings.problems import At

_LONGEST = 60
_RANDOM = 24
_HIDDEN = "a value that is not shown here"


def shown(value: Any, at: At) -> str:
    if isinstance(value, dict):
        return "settings below it"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = str(value)
    return _HIDDEN if _may_be_secret(at, text) else f"“{on_one_line(text)}”"


def on_one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def looks_random(text: str) -> bool:
    """Made by a machine, so perhaps pasted into the wrong setting: Entra's client secrets are 40 such characters."""
    return any(_is_random(word) for word in text.split())


def _is_random(word: str) -> bool:
    if "://" in word or re.match(r"[\w-]+(\.[\w-]+)+/", word):
        return False
    return len(word) >= _RANDOM and all(re.search(kind, word) for kind in ("[a-z]", "[A-Z]", "[0-9]"))


def _may_be_secret(at: At, text: str) -> bool:
    """Secrets, addresses with a password, lines that ran together, and what was pasted where an id belongs."""
    names = [part for part in at if isinstance(part, str)]
    if any("secret" in name or "password" in name or name == "notify" for name in names):
        return True
    if names[-1:] in (["client_id"], ["tenant_id"]):
        return re.fullmatch(r"[0-9a-fA-F{}-]*|[a-z-]{1,20}", text) is None
    return looks_random(text) or bool(_TELLING.search(text))


_TELLING = re.compile(r"@[^/]*$|://[^/]*@|(secret|password)\w*\s*[:=]", re.IGNORECASE)
