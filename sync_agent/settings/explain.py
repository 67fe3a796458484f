"""From what the model refuses to what the operator is told. What may hold a secret is never repeated."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sync_agent.settings.model import Settings
from sync_agent.settings.problems import Problem, Unfit
from sync_agent.settings.yaml_source import At, Document

_SHOWN = 60


def problem(document: Document, detail: ErrorDetails) -> Problem:
    """One error of pydantic's, with its place in the file."""
    at: At = tuple(part for part in detail["loc"] if part != "[key]")
    if detail["type"] == "extra_forbidden":
        return _unknown(document, at)
    if detail["type"] == "missing":
        return document.problem(at, "nothing", "a value: this setting has no default")
    expected, hint = _expected(detail)
    return document.problem(at, shown(document.at(at), at), expected, hint or _near_choice(document, at, detail))


def nearest(written: str, known: Iterable[str]) -> str:
    """A hint: what was probably meant, else everything that could be; empty where nothing is known."""
    known = list(known)
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(written.lower()[:_SHOWN], by_lower, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_lower[close[0]]}?"
    return f"there is {_listed(known)}" if known else ""


def shown(value: Any, at: At) -> str:
    if isinstance(value, dict):
        return "settings below it"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = str(value)
    if _may_be_secret(at, text):
        return "a value that is not shown here"
    return f"“{text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}”"


def _may_be_secret(at: At, text: str) -> bool:
    """Secrets, addresses with a password, lines that ran together, and what was pasted where an id belongs."""
    names = [part for part in at if isinstance(part, str)]
    if any("secret" in name or "password" in name or name == "notify" for name in names):
        return True
    if names[-1:] in (["client_id"], ["tenant_id"]):
        return re.fullmatch(r"[0-9a-fA-F{}-]*|[a-z-]{1,20}", text) is None
    return re.search(r"@[^/]*$|://[^/]*@|(secret|password)\w*\s*[:=]", text, re.IGNORECASE) is not None


def _unknown(document: Document, at: At) -> Problem:
    *above, last = at
    written = str(last)
    siblings = list(_keys(_model_at(tuple(above))))
    homes = [home for home, key in _everything(Settings, "") if key == written]
    hint = nearest(written, siblings)
    if homes and not hint.startswith("did you mean"):
        hint = f"it belongs {_listed(homes)}"
    return document.problem(at, "a setting that does not exist", "", hint)


def _everything(model: type[BaseModel], name: str) -> Iterator[tuple[str, str]]:
    """Each setting with where it belongs."""
    for key, annotation in _keys(model).items():
        yield (f"under {name}:" if name else "at the top, without indentation"), key
        for inner in _models_in(annotation):
            yield from _everything(inner, key)


def _model_at(at: At) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Settings
    for part in at:
        annotation = _keys(model).get(part) if isinstance(part, str) else None
        if annotation is not None:
            model = next(_models_in(annotation), None)
    return model


def _keys(model: type[BaseModel] | None) -> Mapping[str, Any]:
    fields = {} if model is None else model.model_fields
    return {str(field.alias or name): field.annotation for name, field in fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _expected(detail: ErrorDetails) -> tuple[str, str]:
    context: dict[str, Any] = detail.get("ctx", {})
    error = context.get("error")
    if isinstance(error, Unfit):
        return error.expected, error.hint
    words = _WORDS.get(detail["type"])
    return (detail["msg"] if words is None else words(context)), ""


_WORDS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "string_type": lambda _: "a text",
    "string_too_short": lambda _: "a text",
    "string_too_long": lambda context: f"a text of at most {context['max_length']} characters",
    "int_type": lambda _: "a whole number",
    "int_parsing": lambda _: "a whole number",
    "int_parsing_size": lambda _: "a smaller number",
    "greater_than_equal": lambda context: f"{context['ge']} or more",
    "less_than_equal": lambda context: f"{context['le']} or less",
    "literal_error": lambda context: _listed(_choices(context)),
    "model_type": lambda _: "settings below it, indented",
    "mapping_type": lambda _: "settings below it, indented",
    "dict_type": lambda _: "settings below it, indented",
    "tuple_type": lambda _: "a list, each entry begun with a dash",
    "too_short": lambda _: "at least one entry",
}


def _near_choice(document: Document, at: At, detail: ErrorDetails) -> str:
    found = document.at(at)
    if detail["type"] != "literal_error" or not isinstance(found, str):
        return ""
    hint = nearest(found, _choices(detail.get("ctx", {})))
    return hint if hint.startswith("did you mean") else ""


def _choices(context: dict[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", context["expected"])


def _listed(names: Iterable[str]) -> str:
    *all_but_last, last = names
    return f"{', '.join(all_but_last)} or {last}" if all_but_last else last
