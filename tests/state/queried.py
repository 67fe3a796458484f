"""What is in a database, asked in SQL that every kind of it understands."""

from __future__ import annotations

from typing import Any

from sqlalchemy import NullPool, create_engine, text


def queried(url: str, query: str) -> list[tuple[Any, ...]]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return [tuple(found) for found in connection.execute(text(query))]
