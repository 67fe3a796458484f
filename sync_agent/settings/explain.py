"""From what the model refuses to what the operator is told."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sync_agent.settings.model import Settings
from sync_agent.settings.problems import At, Problem, Unfit
from sync_agent.settings.showing import shown
from sync_agent.settings.yaml_source import Document

_COMPARED = 60
"""Characters: comparing takes long for long texts, and no name is that long."""


def problems(document: Document, details: Iterable[ErrorDetails]) -> Iterator[Problem]:
    """Pydantic's errors with their places in the file; what only follows from another one is left out."""
    refused = [(_at(detail), detail) for detail in details]
    unknown = [at for at, detail in refused if detail["type"] == "extra_forbidden"]
    misspelt = {(*at[:-1], _closest(str(at[-1]), _siblings(at))) for at in unknown}
    for at, detail in refused:
        missed_only_here = at in misspelt and at not in document.places
        counted_after_refusal = detail["type"] == "too_short" and document.at(at)
        if not missed_only_here and not counted_after_refusal:
            yield _problem(document, at, detail)


def nearest(written: str, known: Iterable[str]) -> str:
    """A hint: what was probably meant, else everything that could be; empty where nothing is known."""
    known = list(known)
    close = _closest(written, known)
    if close is not None:
        return f"did you mean {close}?"
    return f"there is {_listed(known)}" if known else ""


def _closest(written: str, known: Iterable[str]) -> str | None:
    """By spelling, else the only one that the name is a word of: url for site_url."""
    by_lower = {name.lower(): name for name in known}
    lower = written.lower()[:_COMPARED]
    close = difflib.get_close_matches(lower, by_lower, n=1, cutoff=0.6)
    if not close:
        close = [name for name in by_lower if lower in name.split("_")]
    return by_lower[close[0]] if len(close) == 1 else None


def _at(detail: ErrorDetails) -> At:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _problem(document: Document, at: At, detail: ErrorDetails) -> Problem:
    if detail["type"] == "extra_forbidden":
        return _unknown(document, at)
    if detail["type"] == "missing":
        return document.problem(at, "nothing", "a value: this setting has no default")
    expected, hint = _expected(detail)
    return document.problem(at, shown(document.at(at), at), expected, hint or _near_choice(document, at, detail))


def _unknown(document: Document, at: At) -> Problem:
    written, siblings = str(at[-1]), _siblings(at)
    homes = [home for home, key in _everything(Settings, "") if key == written]
    elsewhere = f"it belongs {_listed(homes)}" if homes and _closest(written, siblings) is None else ""
    return document.problem(at, "a setting that does not exist", "", elsewhere or nearest(written, siblings))


def _siblings(at: At) -> list[str]:
    group = _model_at(at[:-1])
    return [] if group is None else list(_keys(group))


def _everything(model: type[BaseModel], name: str) -> Iterator[tuple[str, str]]:
    """Each setting with where it belongs."""
    for key, annotation in _keys(model).items():
        yield (f"under {name}:" if name else "at the top, without indentation"), key
        for inner in _models_in(annotation):
            yield from _everything(inner, key)


def _model_at(at: At) -> type[BaseModel] | None:
    """The group of settings that stands there. An entry of a list, or of clouds:, is named by the operator."""
    annotation: Any = Settings
    for part in at:
        is_group = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        annotation = _keys(annotation).get(str(part)) if is_group else next(_models_in(annotation), None)
    return next(_models_in(annotation), None)


def _keys(model: type[BaseModel]) -> Mapping[str, Any]:
    return {str(field.alias or name): field.annotation for name, field in model.model_fields.items()}


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
    close = _closest(found, _choices(detail.get("ctx", {})))
    return "" if close is None else f"did you mean {close}?"


def _choices(context: dict[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", context["expected"])


def _listed(names: Iterable[str]) -> str:
    *all_but_last, last = names
    return f"{', '.join(all_but_last)} or {last}" if all_but_last else last
