"""The tables. Times are UTC; SQLite keeps no zone, so they are stored and read naive and made aware at the edge."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

passes = Table(
    "passes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("list", String(255), nullable=False),
    Column("started", DateTime, nullable=False),
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
    Column("account", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("suggestion", Text),
    Column("opened", DateTime, nullable=False),
    Column("seen", DateTime, nullable=False),
    Column("resolved", DateTime),
    Index("anomalies_open", "list", "resolved"),
)
"""One line a life: opened when a pass first found it, resolved when one no longer did. A second life is a new line."""

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("anomaly", Integer, primary_key=True),
    Column("message", Text, nullable=False),
    Column("upn", Text),
)
"""What an anomaly (by its id) said when people acknowledged it: of one that says something else by now it is void."""
