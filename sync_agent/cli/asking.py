"""Answers for `sync-agent init`: from options, else from a person at a terminal, who may correct them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console

from sync_agent.check.finding import Finding
from sync_agent.cli.check_page import show_finding
from sync_agent.outcome import Exit
from sync_agent.settings.problems import Unfit
from sync_agent.setup.value import fitting, in_words

Check = Callable[[str], str]
AGAIN, CHANGE, KEEP = "again", "change", "keep"


def at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


class Asker:
    """``given``: answers by option, each used once: what is asked again is asked of the person. ``keep``: without a
    terminal, to go on where a trial fails.
    """

    def __init__(self, given: Mapping[str, str | None], *, terminal: bool, keep: bool) -> None:
        self.terminal = terminal
        self._given = {name: value for name, value in given.items() if value is not None}
        self._keep = keep

    def has(self, option: str) -> bool:
        return option in self._given

    def value(self, option: str, question: str, type_: Any, default: str = "") -> str:
        """An answer as a setting of ``type_`` has it."""
        return self.checked(option, question, lambda text: fitting(type_, text), default)

    def checked(self, option: str, question: str, check: Check, default: str = "") -> str:
        """``check``: makes the answer of what was typed, or raises Unfit."""
        text = self._given.pop(option, None)
        while True:
            if text is None:
                text = self._asked(option, question, default)
            try:
                return check(text)
            except Unfit as unfit:
                if not self.terminal:
                    raise click.UsageError(f"--{option}: {in_words(unfit)}.") from None
                self.refuse(unfit)
                default = unfit.hint.removeprefix("write ") if unfit.hint.startswith("write ") else default
                text = None

    def _asked(self, option: str, question: str, default: str) -> str:
        if self.terminal:
            return str(click.prompt(question, default=default or None))
        if not default:
            raise click.UsageError(f"--{option} is missing: {question}.")
        return default

    def pick(self, option: str, question: str, choices: Mapping[str, str], default: str = "") -> str:
        """One of ``choices``, shown with their words; typed by name, by the beginning of just one, or by number."""
        names = list(choices)
        if self.terminal and not self.has(option):
            for number, name in enumerate(names, 1):
                self.say(f"  {number}  {name}{f': {choices[name]}' if choices[name] else ''}")
        return self.checked(option, question, lambda text: _picked(text, names), default)

    def hidden(self, question: str) -> str:
        """A secret; "" where the person has none, or nobody is there."""
        if not self.terminal:
            return ""
        return str(click.prompt(question, hide_input=True, default="", show_default=False)).strip()

    def agrees(self, question: str, *, default: bool) -> bool:
        """False where nobody is there."""
        return self.terminal and click.confirm(question, default=default)

    def after_failure(self, again: str) -> str:
        """What to do where a trial failed: AGAIN, CHANGE or KEEP. ``again``: for what one would try again."""
        if self.terminal:
            choices = {AGAIN: again, CHANGE: "answer otherwise", KEEP: "go on, unproven"}
            return self.pick("", "What now", choices, AGAIN)
        if self._keep:
            return KEEP
        self.say("Nothing was written. Mend it, or write the settings all the same with --keep.", err=True)
        sys.exit(Exit.INCOMPLETE)

    def show(self, findings: Sequence[Finding]) -> None:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            show_finding(console, finding)

    def refuse(self, unfit: Unfit) -> None:
        words = in_words(unfit)
        self.say(f"  That cannot be right: {words}{'' if words.endswith('?') else '.'}")

    def say(self, text: str, *, err: bool = False) -> None:
        click.echo(text, err=err)


def _picked(text: str, names: Sequence[str]) -> str:
    text = text.strip()
    for name in names:
        if name.casefold() == text.casefold():
            return name
    begun = [name for name in names if text and name.casefold().startswith(text.casefold())]
    if len(begun) == 1:
        return begun[0]
    if text.isascii() and text.isdigit() and 1 <= int(text) <= len(names):
        return names[int(text) - 1]
    raise Unfit(f"one of {', '.join(names[:20])}")
