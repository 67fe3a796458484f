"""What YAML makes of a file, and what it is told in an operator's words where it makes nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_agent.settings import SettingsError, load
from tests.settings.files import NEXT_LINE, SMALLEST, changed, loaded, only, refused, said

_ELSEWHERE = (
    "name the settings by --settings FILE or the environment variable SYNC_AGENT_SETTINGS, or make them: "
    "`sync-agent init`"
)
_GROUPS = "expected settings such as `sharepoint:` and `accounts:`"
_A_SETTING = "expected `name: value`, a line each"
_INDENTATION = "check the indentation of this line and of the one above"
_QUOTES = "expected a value; put quotes around the value"
_SINGLE_QUOTES = "found a backslash in double quotes, expected a value; put single quotes around the value"
_TOO_DEEP = "found values nested too deeply, expected settings, which are five deep at most"
_TWICE = "found this a second time, expected it once; it stands first in line"
_TAG = "found a value with a YAML tag (!), expected a plain value; put quotes around it if it is text"
_UNSEEN = "found a character that cannot be seen, expected text without it; type the value anew"
_BLANK = "found a blank that is part of the name, expected ordinary blanks; type the blanks anew"
_UNREADABLE = f"found what is not YAML, {_A_SETTING}; {_INDENTATION}, or put quotes around the value"


@pytest.mark.parametrize("text", ["no", "012", "12:30:00", "1e3", "0x1F", "2026-01-01", "true", "1_000", "=", "Null x"])
def test_plain_text_stays_the_text_that_was_written(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, changed("Agents", text)).sharepoint.agent_list == text


@pytest.mark.parametrize("nothing", ["", "null", "~", "Null", "NULL"])
def test_nothing_is_nothing(tmp_path: Path, nothing: str) -> None:
    text = changed("agent_list: Agents", f"agent_list: Agents\n  api: {nothing}")
    assert loaded(tmp_path, text).sharepoint.api is None


def test_quotes_make_a_text_of_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, changed("Agents", '"null"')).sharepoint.agent_list == "null"


def test_anchors_stand_for_what_they_name(tmp_path: Path) -> None:
    text = f"{SMALLEST}schedule: {{read_list: &often 30s, resolve_users: *often}}\n"
    assert loaded(tmp_path, text).schedule.resolve_users == 30


def test_json_is_yaml_too(tmp_path: Path) -> None:
    text = """{"sharepoint": {"site_url": "https://contoso.sharepoint.com/sites/ucc", "agent_list": "Agents"},
    "accounts": [{"id": "azure", "tenant_id": "contoso.com", "auth": "managed_identity"}]}"""
    assert loaded(tmp_path, text).sharepoint.account == "azure"


@pytest.mark.parametrize(
    "data", [SMALLEST.encode("utf-8-sig"), SMALLEST.replace("\n", "\r\n").encode()], ids=["mark", "line ends"]
)
def test_files_of_windows_editors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(data)
    assert load(path).sharepoint.agent_list == "Agents"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", f"1:1: found nothing, {_GROUPS}"),
        ("# all commented out\n", f"1:1: found nothing, {_GROUPS}"),
        ("---\n", f"1:1: found nothing, {_GROUPS}"),
        ("- sharepoint", f"1:1: found a list, {_GROUPS}"),
        ("sharepoint", f"1:1: found a single text, {_GROUPS}"),
        ("sharepoint:\n\tsite_url: x\n", "2:1: found a tab, expected blanks before a name"),
        ("sharepoint:\n  a: b\n\tsite_url: x\n", "3:1: found a tab, expected blanks before a name"),
        (
            'sharepoint:\n  site_url: "https://x\n  a: b\n',
            "2:13: found a quote that is never closed, expected a closing quote",
        ),
        (
            "sharepoint:\n  columns: {upn: UPN\naccounts:\n",
            "2:12: found a bracket or brace that is never closed, expected a comma or the closing one; "
            "between braces, put quotes around a value with ${…}",
        ),
        (
            "accounts: [{password: ${env:X}}]\n",
            "1:12: found a bracket or brace that is never closed, expected a comma or the closing one; "
            "between braces, put quotes around a value with ${…}",
        ),
        (
            "a: b: c\n",
            f"1:5: found a colon where none can be, {_A_SETTING}; {_INDENTATION}, or put quotes around the value",
        ),
        ("sharepoint:\n  a: b\n c: d\n", f"3:2: found a line that fits none above, {_A_SETTING}; {_INDENTATION}"),
        ("a: b\nsharepoint\nc: d\n", f"3:1: found no colon after the name, {_A_SETTING}; {_INDENTATION}"),
        ("a: @b\n", f"1:4: found a value that begins with a sign of YAML's own, {_QUOTES}"),
        ("a: *b\n", f"1:4: found a value that begins with *, {_QUOTES}"),
        ('a: "CONTOSO\\jane"\n', f"1:13: {_SINGLE_QUOTES}"),
        ('a: "\\xZZ"\n', f"1:7: {_SINGLE_QUOTES}"),
        ("a: b\n---\na: c\n", "2:1: found a second document (---), expected one"),
        ("a: !foo!bar b\n", f"1:4: {_UNREADABLE}"),
        ("a: b\x00\n", "1:5: found a character that YAML does not take, expected text; remove it"),
        ("a: b\nc: \x1b[1m\n", "2:4: found a character that YAML does not take, expected text; remove it"),
        ('a: "\\UFFFFFFFF"\n', _UNREADABLE),
        (f"%YAML 1.{'1' * 5_000}\n---\na: b\n", _UNREADABLE),
        ("[" * 10_000, _TOO_DEEP),
        ("a: " + "[" * 60 + "]" * 60, f"1:54: {_TOO_DEEP}"),
        ("a: &a [*a]\n", f"1:4: {_TOO_DEEP}"),
        (f"a: [{'1,' * 30_000}]\n", "1:40003: found more than 20,000 values, expected settings"),
        ("# " + "x" * 300_000, "found more than 256,000 bytes, expected settings"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, text: str, told: str) -> None:
    assert said(tmp_path, text) == [told]


def test_aliases_that_multiply_end(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "more than 20,000 values" in only(tmp_path, "\n".join(lines)).found


@pytest.mark.parametrize(
    ("addition", "told"),
    [
        ("log: {level: info}\nlog: {level: debug}\n", f"{NEXT_LINE + 1}:1: log: {_TWICE} {NEXT_LINE}"),
        ("log:\n  level: info\n  level: info\n", f"{NEXT_LINE + 2}:3: log.level: {_TWICE} {NEXT_LINE + 1}"),
        ("log: {level: !!str info, format: !json json}\n", f"{NEXT_LINE}:34: log.format: {_TAG}"),
        ("log: {[a]: b}\n", f"{NEXT_LINE}:7: log: found brackets or braces before the colon, expected a name"),
        ('log: {level: "in\\u200bfo"}\n', f"{NEXT_LINE}:14: log.level: {_UNSEEN}"),
        ('log: {"\\u0007level": info}\n', f"{NEXT_LINE}:7: log: {_UNSEEN}"),
        ("log:\n  \u00a0level: info\n", f"{NEXT_LINE + 1}:3: log: {_BLANK}"),
        (
            "log:\n  <<: {level: info}\n",
            f"{NEXT_LINE + 1}:3: log.<<: found a setting that does not exist; there is format or level",
        ),
    ],
)
def test_what_yaml_takes_and_we_do_not(tmp_path: Path, addition: str, told: str) -> None:
    assert said(tmp_path, SMALLEST + addition) == [told]


def test_it_is_told_together_with_wrong_values(tmp_path: Path) -> None:
    text = changed("id: contoso\n", "id: contoso\n    id: fabrikam\n") + "log: {level: loud}\nlgo: {}\n"
    assert [line.partition(", ")[0] for line in said(tmp_path, text)] == [
        "6:5: accounts.contoso.id: found this a second time",
        f"{NEXT_LINE + 1}:7: log.level: found “loud”",
        f"{NEXT_LINE + 2}:1: lgo: found a setting that does not exist; did you mean log?",
    ]


def test_a_problem_is_one_line_whatever_was_written(tmp_path: Path) -> None:
    text = SMALLEST + 'log:\n  level: "in\\nfo"\n  "le\\nvel": x\n'
    assert said(tmp_path, text) == [
        f"{NEXT_LINE + 1}:3: log.level: found “in fo”, expected debug, info, warning or error; did you mean info?",
        f"{NEXT_LINE + 2}:3: log.le vel: found a setting that does not exist; did you mean level?",
    ]


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\x00", b"# fine\na: \xff\n", "a: b".encode("utf-16")])
def test_a_binary_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match="found bytes that are not UTF-8, expected UTF-8 text; save the file as"):
        load(path)


def test_the_place_of_a_byte_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes("# fein\nä: \xff\n".encode("latin-1"))
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (2, 1)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: there is no such file; {_ELSEWHERE}"


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{tmp_path}: it is a folder; {_ELSEWHERE}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.symlink_to(path)
    with pytest.raises(SettingsError, match=r"cannot be read \(Too many levels of symbolic links\)"):
        load(path)


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    for name, found in (("a\0b", "no file can have that name"), ("x" * 300, "cannot be read (File name too long)")):
        with pytest.raises(SettingsError) as caught:
            load(tmp_path / name)
        assert found in str(caught.value)


def test_no_text_of_the_file_hangs_on_the_error(tmp_path: Path) -> None:
    """A stack trace would print the chain of exceptions, and PyYAML's quote the file."""
    for text in ('client_secret: "hunter2\n', SMALLEST + "log: {level: hunter2}\n"):
        error: BaseException | None = refused(tmp_path, text)
        while error is not None:
            assert isinstance(error, SettingsError)
            error = error.__cause__ or error.__context__
