"""The command line as such: help, where the settings are, what is wrong usage; and that README has it all."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from sync_agent import __version__
from sync_agent.cli import COMMANDS, commands
from sync_agent.cli.ending import ending
from sync_agent.outcome import Exit
from tests.cli.commands import sentence
from tests.lab import Lab, command

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BY_HELP = {"demo", "init", "simulate"}
"""Their options are for trying things out, or answers to what is asked: --help has them."""


def of(name: str) -> click.Command:
    found = commands.get_command(click.Context(commands), name)
    assert found is not None
    return found


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a command line has loaded at its end, in a process of its own."""
    code = (
        "import sys\n"
        "from sync_agent.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    print('MODULES', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("MODULES ")[2].split())


def test_help_has_every_command_with_what_it_does() -> None:
    ran = command("--help")
    assert ran.code == 0
    for name, summary in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", ran.out, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_for_itself_and_its_options(name: str) -> None:
    ran = command(name, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: sync-agent {name} ")
    for parameter in of(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_readme_has_every_command_with_its_options(name: str) -> None:
    row = re.search(rf"^\| `sync-agent {name}\b(.*?)` \|", README, re.MULTILINE)
    assert row is not None
    documented = set(re.findall(r"--[a-z-]+", row[1]))
    exist = {option for parameter in of(name).params for option in parameter.opts if option.startswith("--")}
    assert documented == (set() if name in BY_HELP else exist)


@pytest.mark.parametrize("code", Exit)
def test_readme_has_every_exit_code(code: Exit) -> None:
    said = re.search(r"Exit codes: (.+?)\n\n", README, re.DOTALL)
    assert said is not None
    assert re.search(rf"(^|· |\n){code.value} ", said[1])


def test_each_command_is_a_file_of_its_name() -> None:
    files = {path.stem for path in Path(import_module("sync_agent.cli").__path__[0]).glob("*.py")}
    assert {name.replace("-", "_") for name in COMMANDS} <= files


@pytest.mark.parametrize(
    "how", [[sys.executable, "-m", "sync_agent"], [str(Path(sys.executable).with_name("sync-agent"))]]
)
def test_the_script_and_the_module_are_the_same(how: list[str]) -> None:
    done = subprocess.run([*how, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"sync-agent, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["no-such-command"]])
def test_nobody_waits_for_libraries_to_be_told_how_it_is_used(arguments: list[str]) -> None:
    heavy = {"pydantic", "sqlalchemy", "aiohttp", "httpx", "msal", "office365", "structlog", "rich", "uvicorn"}
    assert loaded_by(*arguments).isdisjoint(heavy)


@pytest.mark.parametrize("name", ["sync", "run", "provision", "login"])
def test_wrong_settings_are_told_before_the_libraries_are_loaded(name: str, tmp_path: Path) -> None:
    wrong = tmp_path / "settings.yaml"
    wrong.write_text("sharepoint: {}\n")
    account = ["contoso.com"] if name == "login" else []
    modules = loaded_by("--settings", str(wrong), name, *account)
    assert "sync_agent.settings" in modules
    assert modules.isdisjoint({"aiohttp", "httpx", "msal", "office365", "apscheduler.schedulers"})


def test_all_that_is_wrong_in_the_settings_is_told_at_once(tmp_path: Path) -> None:
    wrong = tmp_path / "settings.yaml"
    wrong.write_text("sharepoint: {site_url: nowhere, agent_list: Agents, account: contoso.com}\naccounts: []\n")
    ran = command("--settings", str(wrong), "sync")
    assert ran.code == 2
    lines = ran.err.strip().splitlines()
    assert len(lines) > 1
    assert all(line.startswith(f"sync-agent: {wrong}:") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["no-such-command"], "no-such-command"),
        (["sync", "--no-such-option"], "--no-such-option"),
        (["login"], "ACCOUNT"),
        (["--settings"], "--settings"),
        (["demo", "--rows", "0"], "--rows"),
    ],
)
def test_wrong_usage(arguments: list[str], named: str) -> None:
    ran = command(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert named in sentence(ran)


def test_where_the_settings_are(
    bare: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.delenv("SYNC_AGENT_SETTINGS", raising=False)
    nothing = command("report")
    assert nothing.code == 2
    assert "settings.yaml: there is no such file; name the settings by --settings FILE" in sentence(nothing)
    assert "SYNC_AGENT_SETTINGS" in sentence(nothing)
    monkeypatch.setenv("SYNC_AGENT_SETTINGS", str(bare.settings))
    assert "no pass has been made" in sentence(command("report"))
    assert "mine.yaml" in sentence(command("--settings", "mine.yaml", "report"))
    monkeypatch.delenv("SYNC_AGENT_SETTINGS")
    monkeypatch.chdir(bare.folder)
    assert "no pass has been made" in sentence(command("report"))


def test_settings_without_effect_are_told_once_in_one_line(bare: Lab) -> None:
    with bare.settings.open("a") as file:
        file.write("presence: {worst_age: 90s}\nnotify: {report_link: x}\n")
    told = [line for line in bare.run("provision").err.splitlines() if "settings_without_effect" in line]
    assert len(told) == 1
    assert "presence.worst_age" in told[0]
    assert "notify.report_link" in told[0]


def test_a_fault_of_the_program_keeps_its_stack_trace() -> None:
    """Only what an operator can mend becomes a sentence."""
    with pytest.raises(ZeroDivisionError), ending():
        raise ZeroDivisionError


def test_without_a_command_there_is_the_help_and_nothing_more() -> None:
    ran = command()
    assert ran.code == 2
    assert ran.err.startswith("Usage: sync-agent [OPTIONS] COMMAND")
    assert "sync-agent: " not in ran.err
