"""The formatting is valid by the rules of the format, and shows every value in words, by colour and by shape."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sync_agent.microsoft365 import column_formatting
from sync_agent.model import Status

SCHEMA = json.loads(Path(__file__).with_name("column-formatting.schema.json").read_text())
DOCS = Path(__file__).parents[2] / "docs" / "provision.md"
FORMATS = {"status": column_formatting.STATUS, "presence": column_formatting.PRESENCE}
AVAILABILITIES = {
    "Available": ("Available", "#6BB700", "SkypeCircleCheck"),
    "AvailableIdle": ("Available, idle", "#6BB700", "SkypeCircleCheck"),
    "Away": ("Away", "#FFAA44", "SkypeCircleClock"),
    "BeRightBack": ("Be right back", "#FFAA44", "SkypeCircleClock"),
    "Busy": ("Busy", "#C4314B", "CircleFill"),
    "BusyIdle": ("Busy, idle", "#C4314B", "CircleFill"),
    "DoNotDisturb": ("Do not disturb", "#C4314B", "SkypeCircleMinus"),
    "Offline": ("Offline", "#8A8886", "CircleRing"),
    "PresenceUnknown": ("Status unknown", "#8A8886", "CircleRing"),
    "": ("", "#8A8886", ""),
    "Teleporting": ("Teleporting", "#8A8886", ""),
}
SEVERITIES = {
    "OK": ("sp-field-severity--good", "CheckMark"),
    "Warning": ("sp-field-severity--warning", "Warning"),
    "Error": ("sp-field-severity--blocked", "ErrorBadge"),
    "Unknown": ("sp-field-severity--low", "Unknown"),
    "": ("", ""),
}


@pytest.mark.parametrize("name", FORMATS)
def test_it_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(json.loads(FORMATS[name]))


@pytest.mark.parametrize("availability", AVAILABILITIES)
def test_every_availability_is_shown(availability: str) -> None:
    icon, word = json.loads(FORMATS["presence"])["children"]
    shown = (word["txtContent"], icon["style"]["color"], icon["attributes"]["iconName"])
    assert tuple(value_of(part, availability) for part in shown) == AVAILABILITIES[availability]


@pytest.mark.parametrize("status", SEVERITIES)
def test_every_status_is_shown(status: str) -> None:
    found = json.loads(FORMATS["status"])
    icon, word = found["children"]
    shown = (found["attributes"]["class"], icon["attributes"]["iconName"])
    assert tuple(value_of(part, status) for part in shown) == SEVERITIES[status]
    assert value_of(word["txtContent"], status) == status


def test_every_status_that_there_is_has_a_look() -> None:
    assert {status.value for status in Status} <= SEVERITIES.keys()


def test_colour_is_never_alone() -> None:
    """Whoever does not see colours tells the red ones apart by their shapes, and all by words."""
    shapes = {(colour, shape) for word, colour, shape in AVAILABILITIES.values() if word and shape}
    assert len({shape for _, shape in shapes}) == len(shapes)
    words = [word for word, _, _ in AVAILABILITIES.values()]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("name", FORMATS)
def test_the_page_for_graph_has_the_same_to_paste(name: str) -> None:
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS.read_text(), flags=re.DOTALL)]
    assert json.loads(FORMATS[name]) in blocks


def test_what_is_no_json_is_the_same_as_nothing() -> None:
    assert column_formatting.same('{"a": 1}', '{ "a":1 }')
    assert not column_formatting.same("{", "{")


_TOKEN = re.compile(r"\s*(?:(?P<text>'[^']*')|(?P<sign>\|\||==|[(),])|(?P<word>@currentField|if))")


def value_of(expression: str, cell: str) -> Any:
    """What SharePoint makes of an expression: if(), ==, || and texts, which is all that is used here."""
    if not expression.startswith("="):
        return cell if expression == "@currentField" else expression
    tokens: list[str] = []
    at = 1
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        assert found, f"not understood: {expression[at:]}"
        tokens.append(found[0].strip())
        at = found.end()
    value = _either(tokens, cell)
    assert tokens == []
    return value


def _either(tokens: list[str], cell: str) -> Any:
    value = _equal(tokens, cell)
    while tokens and tokens[0] == "||":
        tokens.pop(0)
        value = _equal(tokens, cell) or value
    return value


def _equal(tokens: list[str], cell: str) -> Any:
    value = _one(tokens, cell)
    if tokens and tokens[0] == "==":
        tokens.pop(0)
        return value == _one(tokens, cell)
    return value


def _one(tokens: list[str], cell: str) -> Any:
    token = tokens.pop(0)
    if token != "if":
        assert token == "@currentField" or token.startswith("'")
        return cell if token == "@currentField" else token[1:-1]
    assert tokens.pop(0) == "("
    parts = [_either(tokens, cell)]
    while (sign := tokens.pop(0)) == ",":
        parts.append(_either(tokens, cell))
    assert sign == ")"
    condition, then, otherwise = parts
    return then if condition else otherwise
