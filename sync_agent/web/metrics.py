"""What /metrics tells of the running service. No names of people, no UPNs and no secrets: labels are ids of the
settings, tenants, and words of ours. docs/metrics.md says what each is; a test holds the two together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sync_agent import __version__
from sync_agent.freshness import Freshness
from sync_agent.fuses import Held
from sync_agent.jobs.backlog_told import backlogged
from sync_agent.jobs.context import Context
from sync_agent.jobs.follow_push import FollowPush
from sync_agent.microsoft365.pacing import Priority, Snapshot
from sync_agent.web.exposition import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """``failing``: jobs by name that could not do their work at their last turn; ``failures``: turns, ever since the
    start; ``accounts``: "ok", or why one could not be asked.
    """

    context: Context
    freshness: Freshness
    target_missed: bool
    held: Held | None
    jobs: tuple[str, ...]
    failing: frozenset[str]
    failures: Mapping[str, int]
    written: Mapping[str, int]
    requests: Mapping[str, int]
    accounts: Mapping[str, str]
    broken: Mapping[str, str] = field(default_factory=dict)
    push: FollowPush | None = None


def metrics(of: Watched) -> Iterator[Metric]:
    yield Metric("sync_agent_info", "gauge", "1, with the version.", {__version__: 1}, "version")
    yield from _list(of)
    yield from _freshness(of)
    yield from _push(of)
    yield from _work(of)
    yield from _limits(of)


def _list(of: Watched) -> Iterator[Metric]:
    observed, held = of.context.observed, of.held
    shown = Counter(str(row.shown.status) or "none" for row in observed.rows.values())
    yield Metric("sync_agent_rows", "gauge", "Rows of the list, by the status they show.", dict(shown), "status")
    yield Metric("sync_agent_rows_to_write", "gauge", "Rows that differ and wait.", _one(backlogged(of.context).rows))
    yield Metric("sync_agent_rows_held", "gauge", "Rows a fuse holds.", _one(0 if held is None else held.rows))
    if observed.rows_read_at is not None:
        age = (of.context.clock() - observed.rows_read_at).total_seconds()
        yield Metric("sync_agent_list_age_seconds", "gauge", "Since the list was last looked at.", _one(age))


def _freshness(of: Watched) -> Iterator[Metric]:
    found = of.freshness
    ages = {"0.5": found.p50, "0.95": found.p95, "1": found.longest}
    known = {quantile: age for quantile, age in ages.items() if age is not None}
    yield Metric("sync_agent_shown_age_seconds", "gauge", "Age of what the list shows.", known, "quantile")
    yield Metric("sync_agent_rows_right_ratio", "gauge", "Share of the rows that are right.", _one(found.share_right))
    yield Metric("sync_agent_users_never_read", "gauge", "Users whose presence was not read.", _one(found.never_read))
    yield Metric("sync_agent_target_missed", "gauge", "1 while presence.target_age is missed.", _one(of.target_missed))
    paces = {id_: rounds.pace for id_, rounds in of.context.edges.presence.rounds.items()}
    held = {id_: pace.held for id_, pace in paces.items() if pace is not None}
    yield Metric("sync_agent_presence_interval_seconds", "gauge", "Between two readings, as held.", held, "tenant")


def _push(of: Watched) -> Iterator[Metric]:
    if of.push is None:
        return
    now, standing = of.context.clock(), {each.account: each.standing for each in of.push.subscribers}
    left = {id_: 0.0 if one is None else (one.expires - now).total_seconds() for id_, one in standing.items()}
    users = {id_: 0.0 if one is None else float(len(one.users)) for id_, one in standing.items()}
    yield Metric("sync_agent_push_left_seconds", "gauge", "Until a subscription ends, 0 without.", left, "account")
    yield Metric("sync_agent_push_users", "gauge", "Users of whom Graph tells.", users, "account")
    yield Metric("sync_agent_push_changes_total", "counter", "Changes told.", dict(of.push.taken), "outcome")
    yield Metric("sync_agent_push_refused_total", "counter", "What was not believed.", dict(of.push.refused), "reason")


def _work(of: Watched) -> Iterator[Metric]:
    failing = {job: float(job in of.failing) for job in of.jobs}
    failures = {job: float(of.failures.get(job, 0)) for job in of.jobs}
    answered = {id_: float(state == "ok") for id_, state in of.accounts.items()}
    writing = float(of.context.may_write())
    yield Metric("sync_agent_job_failing", "gauge", "1 while a job cannot do its work.", failing, "job")
    yield Metric("sync_agent_job_failures_total", "counter", "Turns of a job that failed.", failures, "job")
    yield Metric("sync_agent_account_ok", "gauge", "1 while an account's tenant answers.", answered, "account")
    yield Metric("sync_agent_may_write", "gauge", "1 where this service writes, 0 where it stands by.", _one(writing))
    yield Metric("sync_agent_rows_written_total", "counter", "Rows, by what came of it.", dict(of.written), "outcome")


def _limits(of: Watched) -> Iterator[Metric]:
    yield Metric("sync_agent_requests_total", "counter", "Requests sent, by kind.", dict(of.requests), "kind")
    yield from _budgets([(budget.snapshot(), budget.room()) for budget in of.context.budgets])


def _budgets(found: Sequence[tuple[Snapshot, float]]) -> Iterator[Metric]:
    room = {each.name: units for each, units in found}
    seen = [each for each, _ in found]
    limits = {each.name: each.limit for each in seen}
    windows = {each.name: each.window for each in seen}
    spent = {each.name: each.spent for each in seen}
    total = {each.name: each.total for each in seen}
    rates = {each.name: each.rate for each in seen}
    of_day = {each.name: each.of_day for each in seen if each.of_day is not None}
    closed = {each.name: each.closed_for for each in seen}
    waiting = {(each.name, one.name.lower()): float(each.waiting.get(one, 0)) for each in seen for one in Priority}
    yield Metric("sync_agent_budget_limit", "gauge", "Units that may be spent in a window.", limits, "budget")
    yield Metric("sync_agent_budget_window_seconds", "gauge", "How long a window is.", windows, "budget")
    yield Metric("sync_agent_budget_spent", "gauge", "Units spent in the last window.", spent, "budget")
    yield Metric("sync_agent_budget_units_total", "counter", "Units spent since the start.", total, "budget")
    yield Metric("sync_agent_budget_rate", "gauge", "Units a second let through in the long run.", rates, "budget")
    yield Metric("sync_agent_budget_room", "gauge", "Units that could be spent at once.", room, "budget")
    yield Metric("sync_agent_budget_day_room", "gauge", "Units of 24 hours that are at hand.", of_day, "budget")
    yield Metric("sync_agent_budget_waiting", "gauge", "Callers in line for units.", waiting, ("budget", "priority"))
    yield Metric("sync_agent_budget_closed_seconds", "gauge", "Until it may be used again.", closed, "budget")


def _one(value: float) -> dict[str, float]:
    return {"": float(value)}
