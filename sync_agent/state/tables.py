"""The tables as they are now. `migrations/` brings older databases here; a test holds the two against each other."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC without a zone: SQLite has none."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


passes = Table(
    "passes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("list", String(255), nullable=False),
    Column("started", Moment, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("ok", Integer, nullable=False),
    Column("warning", Integer, nullable=False),
    Column("error", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("written", Integer, nullable=False),
    Column("held", String(40)),
    Index("passes_by_time", "list", "started"),
)

anomalies = Table(
    "anomalies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("list", String(255), nullable=False),
    Column("row_id", Integer, nullable=False),
    Column("code", String(40), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("upn", Text),
    Column("name", Text, nullable=False),
    Column("team", Text, nullable=False, server_default=""),
    Column("account", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("suggestion", Text),
    Column("opened", Moment, nullable=False),
    Column("seen", Moment),
    Column("resolved", Moment),
    Column("acknowledged", Boolean, nullable=False, server_default=false()),
    Column("told", Boolean, nullable=False, server_default=false()),
    Index("anomalies_open", "list", "resolved"),
    Index("anomalies_of_row", "list", "row_id", "code"),
)
"""One line a life: opened when a pass first found it, resolved when one no longer did. A second life is a new line.

``seen`` is empty while the last pass found it, so that a pass which finds what the last one found writes nothing.
``acknowledged``: by people, as it stands. ``told``: the last digest that said anything of it said that it stands.
"""

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("list", String(255), nullable=False),
    Column("row_id", Integer, nullable=False),
    Column("upn", Text),
    Column("upn_key", String(255), nullable=False),
    Column("name", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("status", String(10), nullable=False),
    Column("account", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("user_upn", Text, nullable=False),
    Column("anomalies", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment),
    Index(
        "verdicts_standing",
        "list",
        "row_id",
        unique=True,
        sqlite_where=text("until IS NULL"),
        postgresql_where=text("until IS NULL"),
    ),
    Index("verdicts_open", "list", "until"),
    Index("verdicts_of_row", "list", "row_id"),
    Index("verdicts_of_upn", "list", "upn_key"),
)
"""One line for each time that something a verdict rests on was another; the last of a row has no ``until``.

``upn_key``: what the cell is compared by, cut to what an index takes; ``anomalies``: a JSON list of [code, what is
wrong, what to do, suggestion]; ``user_id`` and ``user_upn`` are "" where no user was matched.
"""

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("list", String(255), nullable=False),
    Column("row_id", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("column", String(255), nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("why", Text, nullable=False),
    Column("run", Integer),
    Index("journal_of_row", "list", "row_id"),
)
"""What was written into columns of people, so that it can be undone. ``run``: empty in entries of before there were
runs.
"""

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("list", String(255), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("began", Moment, nullable=False),
    Column("undoes", Integer),
    Column("undoes_since", Moment),
    Index("runs_of_list", "list"),
    sqlite_autoincrement=True,
)
"""Whoever wrote: one `sync`, one process of `run`, or one `undo` (``undoes``: of which run; ``undoes_since``: of all
that was written from then on). Numbers are never given again.
"""

writes = Table(
    "writes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("row_id", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("upn", Text),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("made", Moment),
    Index("writes_of_run", "run", "row_id"),
    Index("writes_of_row", "row_id"),
    Index("writes_unknown", "id", sqlite_where=text("made IS NULL"), postgresql_where=text("made IS NULL")),
)
"""One line for each write of a row's verdict. ``before`` and ``after``: a JSON list of the four cells, all of them;
``made``: when it was known to be written, empty while that is not known.
"""

owed = Table(
    "owed",
    metadata,
    Column("list", String(255), primary_key=True),
    Column("target", String(255), primary_key=True),
    Column("anomaly", Integer, primary_key=True),
    Column("over", Boolean, nullable=False),
)
"""What a target did not take of a digest that others took: that the anomaly (a life, by its id) stands, or is over."""

quarantines = Table(
    "quarantines",
    metadata,
    Column("list", String(255), primary_key=True),
    Column("tenant", String(255), primary_key=True),
    Column("known", Integer, nullable=False),
    Column("gone", Integer, nullable=False),
    Column("since", Moment, nullable=False),
    Column("released", Moment),
)
"""Tenants whose absences are not believed, or are because somebody said so (``released``)."""

leases = Table(
    "leases",
    metadata,
    Column("name", String(700), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("told", Text, nullable=False),
    Column("at", Moment),
)
"""Which service writes to which list: `lease.py` has the rule. ``name``: the list's site and title or id; ``at``: when
it was renewed, for people.
"""

spenders = Table(
    "spenders",
    metadata,
    Column("budget", String(255), primary_key=True),
    Column("spender", String(64), primary_key=True),
    Column("beat", BigInteger, nullable=False),
)
"""Running services by what they spend from; ``beat``: another number at each sign of life."""

day_spending = Table(
    "day_spending",
    metadata,
    Column("budget", String(255), primary_key=True),
    Column("missing", Float, nullable=False),
    Column("at", Moment, nullable=False),
)
"""Of what a limit of 24 hours lets be spent at once: how many units were missing then, by all that services spent."""

list_writers = Table(
    "list_writers",
    metadata,
    Column("name", String(700), primary_key=True),
    Column("writer", String(32), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)
"""Processes that write to a list (``name`` as in leases), and the span of SyncChangedAt that may be theirs, kept ahead
of their writes: `two_writers.py` has the rule. Where all times are accepted the line goes.
"""

accepted_times = Table(
    "accepted_times",
    metadata,
    Column("name", String(700), primary_key=True),
    Column("until", Moment, nullable=False),
)
"""Up to when it does not matter who wrote to a list."""

strange_looks = Table(
    "strange_looks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(700), nullable=False),
    Column("seen", Moment, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("latest", Moment, nullable=False),
)
"""Looks at a list that found rows written by none of the list's writers, until somebody approves."""

approvals = Table(
    "approvals",
    metadata,
    Column("list", String(255), primary_key=True),
    Column("row_id", Integer, primary_key=True, autoincrement=False),
    Column("approved", String(64), nullable=False),
    Column("upn", String(64), nullable=False),
    Column("void", Boolean, nullable=False),
)
"""The approval that a row holds and the UPN cell beside which it was first seen, both as checksums: no text is kept."""

answered = Table(
    "answered",
    metadata,
    Column("list", String(255), primary_key=True),
    Column("tenant", String(255), primary_key=True),
    Column("names", Moment),
    Column("presence", Moment),
)
"""When a tenant last answered anything, about names and about presence."""

unwritten = Table(
    "unwritten",
    metadata,
    Column("list", String(255), primary_key=True),
    Column("row_id", Integer, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
)
"""Rows that could not be written when they last were tried, and why."""

freshness = Table(
    "freshness",
    metadata,
    Column("list", String(255), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("right_rows", Integer, nullable=False),
    Column("never_read", Integer, nullable=False),
    Column("p50", Float),
    Column("p95", Float),
    Column("longest", Float),
)
"""How fresh what the list shows was when `run` last looked: ages in seconds, the others are counts of rows."""

credential_ends = Table(
    "credential_ends",
    metadata,
    Column("list", String(255), primary_key=True),
    Column("account", String(255), primary_key=True),
    Column("setting", String(64), primary_key=True),
    Column("ends", Moment, nullable=False),
    Column("known_from", String(64), nullable=False),
)
"""When the credentials that accounts sign in with end, as last found."""

credential_warnings = Table(
    "credential_warnings",
    metadata,
    Column("list", String(255), primary_key=True),
    Column("name", String(400), primary_key=True),
)
"""Which of these ends people have been told of, and how near they were."""
