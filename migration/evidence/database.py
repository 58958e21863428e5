"""The database behind the evidence."""

from migration.database import IN_MEMORY, SqlDatabase
from migration.errors import EvidenceError
from migration.evidence.schema import upgrade
from migration.evidence.tables import metadata

__all__ = ["IN_MEMORY", "Database"]


class Database(SqlDatabase):
    """Transactions on the evidence tables; they raise EvidenceError.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(self, url: str) -> None:
        # A database in memory is always new; running all revisions for it would take 0.1 s.
        prepare = metadata.create_all if url == IN_MEMORY else upgrade
        super().__init__(url, holds="evidence", setting="NETRA_MIGRATION_EVIDENCE_URL", prepare=prepare, error=EvidenceError)
