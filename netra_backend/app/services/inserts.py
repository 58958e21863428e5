"""Inserts that skip rows which exist, in the words of the database in use."""

import functools
from typing import Any

from sqlalchemy import Table


@functools.cache
def insert_into(table: Table, dialect: str) -> Any:  # noqa: ANN401 - the two dialects' inserts have no common type with conflicts
    """Return an insert with support for conflict handling.

    Args:
        table: the table.
        dialect: "postgresql" or "sqlite".
    """
    # Each dialect is imported where it is used, because importing PostgreSQL's dialect takes a tenth of a server's start.
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
