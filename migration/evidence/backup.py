"""A copy of the evidence, taken before its schema is downgraded."""

import os
from pathlib import Path

from sqlalchemy import Engine

from migration.errors import EvidenceError


def back_up(engine: Engine, file: Path) -> None:
    """Write all committed data into a new SQLite file that only its owner may read.

    Raises:
        EvidenceError: the evidence is not in SQLite, or the file exists or cannot be written.
        sqlalchemy.exc.SQLAlchemyError: the evidence cannot be read.
    """
    if engine.dialect.name != "sqlite":
        raise EvidenceError("only evidence in SQLite is backed up here; use pg_dump, then repeat this with --no-backup")
    try:
        # SQLite treats an empty file as a new database, and keeps the file's mode.
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise EvidenceError(f"{file}: {error.strerror}; name another file with --backup") from error
    with engine.connect() as connection:
        connection.exec_driver_sql("VACUUM INTO ?", (str(file),))
