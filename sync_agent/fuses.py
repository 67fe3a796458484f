"""The fuses: a plan that looks like a mistake is held, as far as it looks like one, until a person approves it.

A fuse holds what it is about. Rows of one tenant that worsen too many at a time are held with whatever else is to be
said of that tenant's rows, and the other tenants' rows go their way; rows that vanished, or a first look at a list that
finds most of it wrong, hold everything.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from sync_agent.characters import printable
from sync_agent.model import Change, Code, OurColumn, Row, Status
from sync_agent.plan import Plan, judged_values

NO_COLUMNS = "columns"
TWO_WRITERS = "two_writers"
MISSING_ROWS = "max_missing_rows"
NOT_APPROVED = "approve"
"""What is called a fuse where a plan was approved that is not the one at hand."""


@dataclass(frozen=True, slots=True)
class Safety:
    """Shares are of 1. ``max_worsened``: of the rows that show OK, in the list and of each account;
    ``max_missing_rows``: of the rows known before; ``max_wrong_at_first``: of all rows, when none shows a status yet.
    """

    max_worsened: float = 0.3
    max_worsened_floor: int = 10
    """Rows. Fewer than this may always worsen, or go missing: in a small list a share says little."""
    max_missing_rows: float = 0.5
    max_wrong_at_first: float = 0.5
    approved_fixes: bool = False
    """Whether what people approve is written into the UPN column."""
    max_fixes: float = 0.1
    """Of all rows: more than this are not fixed in one turn."""


_FLOOR_AT_FIRST = 25
"""Rows. Of a smaller list a person sees at once whether most of it can be wrong."""


@dataclass(frozen=True, slots=True)
class Held:
    """A fuse holds a plan: ``rows`` ``of`` so many are over the ``limit``, mostly for the ``cause``. ``checksum`` is
    what `--approve` takes; ``row_ids`` are the rows whose changes are held, None for all.
    """

    fuse: str
    checksum: str
    rows: int
    of: int
    limit: str
    cause: str
    row_ids: frozenset[int] | None = None

    @property
    def todo(self) -> str:
        """What to do about it beside what the cause says, as a sentence goes on; "" where no approval helps."""
        if self.fuse == NO_COLUMNS:
            return ""
        return f"if that is as it should be, run: sync-agent sync --approve {self.checksum}"

    def holds(self, row_id: int) -> bool:
        return self.row_ids is None or row_id in self.row_ids

    def and_before(self, other: Held | None) -> Held:
        """With what an earlier turn held."""
        if other is None or self.row_ids is None or other.row_ids is None:
            return self if other is None else replace(self, row_ids=None)
        return replace(self, row_ids=self.row_ids | other.row_ids)


def judge(plan: Plan, rows: Sequence[Row], safety: Safety, known_rows: int | None) -> Held | None:
    """The fuse that holds the plan or a part of it, if one does. ``rows``: the whole list; ``known_rows``: how many
    there were when a pass was last completed, None if that is not known.
    """
    return (
        _too_many_missing(plan, rows, safety, known_rows)
        or _too_many_wrong_at_first(plan, rows, safety)
        or _too_many_worsened(plan, rows, safety)
    )


def no_columns(plan: Plan, rows: Sequence[Row], unwritable: str) -> Held | None:
    """Holds everything where there is nothing to write to: ``unwritable`` says why, and what to do."""
    if not unwritable:
        return None
    return Held(NO_COLUMNS, plan.checksum, len(plan.changes), len(rows), "0%", unwritable)


def let_through(plan: Plan, held: Held | None, rows: Sequence[Row], checksum: str) -> Held | None:
    """What still holds the plan once a person has approved what has this checksum: the plan as a whole, or what the
    fuses hold of it. If it is neither, everything is held: what is approved is done, or nothing. What is wrong with the
    list, and not with the plan, no approval of a plan lets go; nor does it let go rows that vanished, which no plan
    tells of.
    """
    if held is not None and held.fuse in (NO_COLUMNS, TWO_WRITERS):
        return held
    judged = [change for change in plan.changes if judged_values(change)]
    whole = held.checksum if held is not None and held.fuse == MISSING_ROWS else plan.checksum
    if (not judged and held is None) or checksum in (whole, held.checksum if held is not None else None):
        return None
    cause = (
        f"{printable(checksum)} is not the plan at hand: since it was shown, rows were edited, or the tenants answer "
        f"otherwise; it now changes the verdict of {len(judged):,} rows"
    )
    if held is not None:
        cause = (
            f"{cause}; the fuse {held.fuse} holds {'all' if held.row_ids is None else 'some'} of that ({held.cause})"
        )
    return Held(NOT_APPROVED, whole, len(judged), len(rows), "0%", cause)


def percent(share: float) -> str:
    """A share of 1 as the settings write it."""
    return f"{100 * share:g}%"


def _too_many_missing(plan: Plan, rows: Sequence[Row], safety: Safety, known_rows: int | None) -> Held | None:
    missing = (known_rows or 0) - len(rows)
    if known_rows is None or missing < safety.max_worsened_floor or missing <= known_rows * safety.max_missing_rows:
        return None
    cause = f"{missing:,} of {known_rows:,} rows are no longer in the list"
    checksum = sha256(f"{plan.checksum} {missing} of {known_rows}".encode()).hexdigest()[:16]
    return Held(MISSING_ROWS, checksum, missing, known_rows, percent(safety.max_missing_rows), cause)


def _too_many_wrong_at_first(plan: Plan, rows: Sequence[Row], safety: Safety) -> Held | None:
    """Where no row shows a status yet, most of the list is hardly wrong: rather a column or a tenant is."""
    if any(row.shown.status for row in rows):
        return None
    wrong = [change for change in plan.changes if change.values.get(OurColumn.STATUS) == Status.ERROR]
    if len(wrong) < _FLOOR_AT_FIRST or len(wrong) <= len(rows) * safety.max_wrong_at_first:
        return None
    limit = percent(safety.max_wrong_at_first)
    return Held("max_wrong_at_first", plan.checksum, len(wrong), len(rows), limit, _commonest(wrong))


def _too_many_worsened(plan: Plan, rows: Sequence[Row], safety: Safety) -> Held | None:
    worsened: defaultdict[str, list[Change]] = defaultdict(list)
    for change in plan.changes:
        if _worsens(change):
            worsened[change.row.shown.account].append(change)
    if sum(map(len, worsened.values())) < safety.max_worsened_floor:
        return None  # as in nearly all turns: the whole list need not be counted
    well = Counter(row.shown.account for row in rows if row.shown.status == Status.OK)

    def too_many(count: int, of: int) -> bool:
        return count >= safety.max_worsened_floor and count > of * safety.max_worsened

    accounts = {account for account, changes in worsened.items() if too_many(len(changes), well[account])}
    others = sum(len(changes) for account, changes in worsened.items() if account not in accounts)
    if too_many(others, well.total()):
        accounts = set(worsened)
    if not accounts:
        return None
    told = [change for account in accounts for change in worsened[account]]
    changes = tuple(change for change in plan.changes if judged_values(change) and _accounts_of(change) & accounts)
    of = sum(well[account] for account in accounts)
    row_ids = frozenset(change.row.id for change in changes)
    limit, checksum = percent(safety.max_worsened), Plan(changes).checksum
    return Held("max_worsened", checksum, len(told), of, limit, _commonest(told), row_ids)


def _accounts_of(change: Change) -> set[str]:
    """The account that the row shows, and the one that it is to show."""
    return {change.row.shown.account, str(change.values.get(OurColumn.ACCOUNT) or change.row.shown.account)}


def _worsens(change: Change) -> bool:
    """That nothing is known any more accuses nobody, and must not wait for a person while nobody answers."""
    status = change.values.get(OurColumn.STATUS, Status.OK)
    return change.row.shown.status == Status.OK and status not in (Status.OK, Status.UNKNOWN)


def _commonest(changes: Iterable[Change]) -> str:
    causes: Mapping[str, int] = Counter(map(_cause, changes))
    cause, count = min(causes.items(), key=lambda item: (-item[1], item[0]))
    return f"{count:,} of {sum(causes.values()):,}: {cause}"


def _cause(change: Change) -> str:
    """What the row's worst anomaly comes to for the account that the user was found in until now, or its domain."""
    said = change.values.get(OurColumn.ANOMALIES, change.row.shown.anomalies)
    code = str(said).partition(":")[0]
    account = printable(change.row.shown.account)
    domain = printable((change.row.upn or "").rpartition("@")[2].strip().lower())
    if code == Code.DOMAIN_NOT_CONFIGURED and account and domain:
        return f"{domain} is no longer a domain of account {account} ({code})"
    if account and code != Code.DOMAIN_NOT_CONFIGURED:
        return f"{code} in account {account}"
    return f"{code} for {domain}" if domain else code
