"""Whatever a settings file holds: it loads or one error tells what is wrong, and what is secret is in no error."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync_agent.settings import Settings, SettingsError, load
from tests.settings.files import SMALLEST
from tests.settings.test_load import WHOLE

PASSWORD = "hunter2hunter2"
RANDOM = "q7X8Q~AbCdEf.ghi_jklmnopqrstuvwxyz1234567"
"""Like the secrets that Entra makes."""

MISTAKE = "shedule: {}\n"

_AT_ANY_SPEED = settings(deadline=None)


def outcome(data: bytes) -> Settings | SettingsError:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.yaml"
        path.write_bytes(data)
        try:
            return load(path)
        except SettingsError as error:
            assert error.problems
            assert all(problem.file == path for problem in error.problems)
            return error


def everything_of(error: SettingsError) -> str:
    """What is printed, and what a stack trace would add to it."""
    said, cause = "", error.__cause__ or error.__context__
    while cause is not None:
        said, cause = f"{said}{cause!r}", cause.__cause__ or cause.__context__
    return f"{error} {error!r} {error.args} {error.problems} {said}"


@_AT_ANY_SPEED
@given(st.text() | st.text(alphabet="a:-{}[]&*!|>%@`'\"#,?~ \n\t\\").map(lambda text: f"a: {text}"))
@example("a: !!python/object/apply:os.system [ls]")
@example("? a\n: b")
def test_any_text(text: str) -> None:
    assert isinstance(outcome(text.encode("utf-8", "surrogatepass")), SettingsError)


@_AT_ANY_SPEED
@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    assert isinstance(outcome(data), SettingsError)


_SCALARS = st.none() | st.sampled_from(["60s", "30%", "contoso", "client_secret", "https://x", "0 6 * * *"]) | st.text()
_NAMES = st.sampled_from([*Settings.model_fields, "id", "auth", "account", "columns", "upn", "lab", "read_list", "x"])
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES | st.text(), inner, max_size=4)
)


@_AT_ANY_SPEED
@given(st.dictionaries(_NAMES, _VALUES, max_size=6))
def test_any_settings(written: dict[str, Any]) -> None:
    """Well-formed YAML with names that exist, and values that fit nowhere."""
    assert isinstance(outcome(yaml.safe_dump(written, allow_unicode=True).encode()), SettingsError)


@_AT_ANY_SPEED
@given(st.integers(0, len(WHOLE)), st.integers(0, 80), st.text(max_size=12))
def test_any_damage_to_a_right_file(start: int, length: int, instead: str) -> None:
    """Typing over any part of it ends in settings or in a SettingsError, never in another exception."""
    outcome((WHOLE[:start] + instead + WHOLE[start + length :]).encode("utf-8", "surrogatepass"))


def leaves(value: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [each for key, inner in value.items() for each in leaves(inner, (*way, key))]
    if isinstance(value, list):
        return [each for index, inner in enumerate(value) for each in leaves(inner, (*way, index))]
    return [way]


def placed(way: tuple[str | int, ...], secret: Any) -> str:
    document = yaml.load(WHOLE, Loader=yaml.BaseLoader)
    inner = document
    for part in way[:-1]:
        inner = inner[part]
    inner[way[-1]] = secret
    return yaml.safe_dump(document, sort_keys=False) + MISTAKE


_LEAVES = leaves(yaml.load(WHOLE, Loader=yaml.BaseLoader))
_SECRET_LEAVES = [way for way in _LEAVES if way[-1] in ("client_secret", "password", "key") or "urls" in way]
_SHAPES = st.sampled_from(
    [
        lambda secret: secret,
        lambda secret: f"${{{secret}}}",
        lambda secret: f"${{env:{secret}",
        lambda secret: f"{secret} ${{env:X}}",
        lambda secret: [secret],
        lambda secret: {"value": secret},
        lambda secret: [[{"x": [secret]}]],
        lambda secret: f"{secret}\n{secret}",
        lambda secret: f"{secret}\u200b\u0007",
    ]
)


@_AT_ANY_SPEED
@given(st.sampled_from(_SECRET_LEAVES), _SHAPES, st.text(st.characters(codec="ascii"), min_size=6, max_size=40))
def test_the_value_of_a_secret_setting_is_never_told(way: tuple[str | int, ...], shape: Any, password: str) -> None:
    password = f"§{password}§"
    error = outcome(placed(way, shape(password)).encode())
    assert isinstance(error, SettingsError)
    assert password not in everything_of(error)


@_AT_ANY_SPEED
@given(st.sampled_from(_LEAVES), _SHAPES, st.sampled_from([RANDOM, RANDOM.replace("~", "+").replace(".", "/")]))
def test_a_secret_of_entras_pasted_into_any_setting_is_never_told(
    way: tuple[str | int, ...], shape: Any, secret: str
) -> None:
    error = outcome(placed(way, shape(secret)).encode())
    assert isinstance(error, SettingsError)
    assert secret.lower() not in everything_of(error).lower()


@_AT_ANY_SPEED
@given(st.integers(0, SMALLEST.count("\n")), st.integers(0, 8), st.sampled_from("\"'{[&*!%@`|>\\"), st.data())
def test_a_file_that_is_no_yaml_tells_nothing_of_it(
    line: int, indentation: int, sign: str, data: st.DataObject
) -> None:
    """PyYAML's own messages quote the file."""
    lines = SMALLEST.splitlines()
    setting = data.draw(st.sampled_from(["client_secret: ", "password: ", "client_secret:", ""]))
    lines.insert(line, f"{' ' * indentation}{setting}{sign}{PASSWORD}")
    error = outcome("\n".join(lines).encode())
    if isinstance(error, SettingsError) and setting:
        assert PASSWORD not in everything_of(error)


@_AT_ANY_SPEED
@given(st.sampled_from(["database", "tokens"]), st.sampled_from(["postgresql", "mysql", "sqlite+nix", "redis"]))
def test_a_password_in_an_address_is_never_told(setting: str, kind: str) -> None:
    for address in (f"{kind}://me:{PASSWORD}@host/d", f"{kind}://host/d?password={PASSWORD}"):
        error = outcome(f"{SMALLEST}state: {{{setting}: '{address}'}}\nproxy: ftp://me:{PASSWORD}@x\n".encode())
        assert isinstance(error, SettingsError)
        assert PASSWORD not in everything_of(error)
