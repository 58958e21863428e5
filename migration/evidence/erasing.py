"""Removes all evidence of a tenant or a user."""

from sqlalchemy import ColumnElement, Connection, delete, func, select

from migration.evidence.redaction import Redactor
from migration.evidence.tables import comparisons, standings, unseen_runs
from migration.evidence.writing import recount


def erase_evidence(connection: Connection, redactor: Redactor, tenant_id: str, user_id: str | None) -> int:
    """Remove the comparisons of a tenant, or of one of its users, with their examples and recordings; return how many rows.

    Kinds of divergences stay, with their counts: all tenants share them, and they contain no tenant's texts.
    """
    removed = connection.execute(delete(comparisons).where(*_of(redactor, tenant_id, user_id))).rowcount
    if user_id is None:
        removed += connection.execute(delete(unseen_runs).where(unseen_runs.c.tenant_id == redactor.identifier(tenant_id))).rowcount
    # kept states of gates count removed rows and contain names of tenants
    connection.execute(delete(standings))
    recount(connection)
    return removed


def evidence_left(connection: Connection, redactor: Redactor, tenant_id: str, user_id: str | None) -> int:
    """Return how many comparisons there are of a tenant, or of one of its users."""
    left: int = connection.execute(select(func.count()).select_from(comparisons).where(*_of(redactor, tenant_id, user_id))).scalar_one()
    if user_id is None:
        unseen = select(func.count()).select_from(unseen_runs).where(unseen_runs.c.tenant_id == redactor.identifier(tenant_id))
        left += connection.execute(unseen).scalar_one()
    return left


def _of(redactor: Redactor, tenant_id: str, user_id: str | None) -> list[ColumnElement[bool]]:
    tenant = comparisons.c.tenant_id == redactor.identifier(tenant_id)
    return [tenant] if user_id is None else [tenant, comparisons.c.user_digest == redactor.shape(user_id)]
