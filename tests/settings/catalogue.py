"""Every setting of the model, by its path in the file; a list's entries and the names under clouds: are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sync_agent.settings import Settings


def every_setting() -> dict[str, FieldInfo]:
    return dict(_below(Settings, ""))


def default_as_written(setting: FieldInfo) -> str | None:
    """None where there is no default, or none that could be written."""
    if setting.is_required() or setting.default is None:
        return None
    return str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)


def _below(model: type[BaseModel], path: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        at = f"{path}{field.alias or name}"
        groups = list(_groups(field.annotation))
        if not groups:
            yield at, field
        for group in groups:
            yield from _below(group, f"{at}.")


def _groups(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _groups(inner)
