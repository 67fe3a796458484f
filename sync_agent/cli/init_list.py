"""The questions about site, list and columns, for `sync-agent init`; what the site has is offered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sync_agent.cli.asking import CHANGE, KEEP, Asker
from sync_agent.microsoft365.checking.browsing import Browsed
from sync_agent.microsoft365.checking.rows import domain_of
from sync_agent.microsoft365.column_kinds import ListColumn
from sync_agent.microsoft365.columns import READABLE_AS_NAME
from sync_agent.microsoft365.list_answers import near
from sync_agent.settings.problems import Unfit
from sync_agent.settings.site_address import SiteUrl
from sync_agent.settings.values import Name
from sync_agent.setup.draft import SiteDraft
from sync_agent.setup.likeness import Likeness, likenesses
from sync_agent.setup.trial import SiteTried, Trial, wrong

_LIKELY = 0.5
"""Of the filled cells: with fewer that read as UPNs, a column is said to be a strange choice."""


@dataclass(frozen=True, slots=True)
class ChosenList:
    """``domains``: of the UPNs in the rows that were looked at, with how many rows have each."""

    site: SiteDraft
    domains: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class ListQuestions:
    """``account``: the id of the one that opens the site; ``provable``: whether it could sign in."""

    asker: Asker
    trial: Trial
    runner: asyncio.Runner
    account: str
    provable: bool

    def ask(self) -> ChosenList:
        url, site = self._site()
        title, browsed = self._list(url, site)
        if browsed is None:
            upn = self.asker.value("upn-column", "Column with the UPNs", Name, "UPN" if self.asker.terminal else "")
            name = self.asker.value("name-column", "Column with the agent's name", Name, "Title")
            return ChosenList(SiteDraft(url, title, self.account, upn, name))
        column = self._upn_column(browsed)
        name = self._name_column(browsed)
        cells = [row.get(column.wire) for row in browsed.rows]
        domains = Counter(filter(None, map(domain_of, cells)))
        return ChosenList(SiteDraft(url, title, self.account, _named(column, browsed), name), domains)

    def _site(self) -> tuple[str, SiteTried | None]:
        url, change = "", True
        while True:
            if change:
                question = "Address of the site with the Agent list"
                url = self.asker.value("site", question, SiteUrl, url)
            if not self.provable:
                return url, None
            site = self.runner.run(self.trial.site(self.account, url))
            if not wrong(site.findings):
                return url, site
            self.asker.show(site.findings)
            then = self.asker.after_failure("once you have mended it")
            if then == KEEP:
                return url, None
            change = then == CHANGE

    def _list(self, url: str, site: SiteTried | None) -> tuple[str, Browsed | None]:
        title, change = "", True
        while True:
            if change:
                title = self._title([] if site is None else site.titles or [], title)
            if site is None:
                return title, None
            found = self.runner.run(self.trial.agent_list(self.account, url, site.site_id, title))
            if isinstance(found, Browsed):
                self.asker.say(f"  The list {found.title} has {_rows(found)}.")
                return title, found
            self.asker.show(found)
            then = self.asker.after_failure("once you have mended it")
            if then == KEEP:
                return title, None
            change = then == CHANGE

    def _title(self, titles: Sequence[str], before: str) -> str:
        if not titles or self.asker.has("list"):
            return self.asker.value("list", "The list's title (or id)", Name, before)
        likely = [each for each in titles if "agent" in each.casefold()] or (titles if len(titles) == 1 else [])
        choices = dict.fromkeys(titles, "")
        return self.asker.pick("list", "Which list is the Agent list", choices, likely[0] if likely else "")

    def _upn_column(self, browsed: Browsed) -> ListColumn:
        candidates = likenesses(browsed.texts, browsed.rows)
        if not candidates:
            self.asker.say("  The list has no column of type single line of text, as the UPN needs one.")
        elif self.asker.terminal and not self.asker.has("upn-column"):
            for each in candidates:
                self.asker.say(f"  {each.column.display}: {each.words}")
        likely = candidates[0].column.display if candidates and candidates[0].share >= _LIKELY else ""
        by_name = {name.casefold(): each for each in reversed(candidates) for name in _names(each.column)}

        def check(text: str) -> str:
            if text.strip().casefold() not in by_name:
                shown = [each.column.display for each in candidates]
                raise Unfit("a column of the list of type single line of text", near(text.strip(), shown))
            return text.strip()

        question = "Which column has the UPNs"
        default = likely if self.asker.terminal else ""
        chosen = by_name[self.asker.checked("upn-column", question, check, default).casefold()]
        self._doubt(chosen)
        return chosen.column

    def _doubt(self, chosen: Likeness) -> None:
        if chosen.share < _LIKELY:
            self.asker.say(f"  ! {chosen.column.display} is a strange choice: {chosen.words}.")
        else:
            self.asker.say(f"  {chosen.column.display}: {chosen.words}.")

    def _name_column(self, browsed: Browsed) -> str:
        readable = [each for each in browsed.columns if each.kind in READABLE_AS_NAME and not each.rules.hidden]
        by_name = {name.casefold() for each in readable for name in _names(each)}

        def check(text: str) -> str:
            if text.strip().casefold() not in by_name:
                shown = [each.display for each in readable]
                raise Unfit("a column of the list that can be read as a name", near(text.strip(), shown))
            return text.strip()

        default = "Title" if "title" in by_name else ""
        return self.asker.checked("name-column", "Which column has the agent's name", check, default)


def _names(column: ListColumn) -> tuple[str, str]:
    return column.internal, column.display


def _named(column: ListColumn, browsed: Browsed) -> str:
    """By its display name, as people know it, unless another column has the same."""
    same = [each for each in browsed.columns if each.display.casefold() == column.display.casefold()]
    return column.display if len(same) == 1 else column.internal


def _rows(browsed: Browsed) -> str:
    count = len(browsed.rows)
    return f"{count:,} rows or more" if browsed.more else f"{count:,} rows" if count != 1 else "1 row"
