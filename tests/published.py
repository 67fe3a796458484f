"""What `sync --json` promises, as the contract has it and, to the last property, as docs/sync.schema.json says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from jsonschema import Draft202012Validator

_FILES = (
    Path(__file__).parent / "end_to_end" / "sync.schema.json",
    Path(__file__).parents[1] / "docs" / "sync.schema.json",
)
_SCHEMAS = [Draft202012Validator(orjson.loads(file.read_bytes())) for file in _FILES]


def as_published(document: Any) -> None:
    for schema in _SCHEMAS:
        schema.validate(document)
    assert document["rows"] == sum(document["status"].values())
