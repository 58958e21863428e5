"""Removes the data of a tenant or a user from the outbox and the tables next to it."""

from sqlalchemy import Connection, delete, func, select, update

from migration.stores.tables import gaps, outbox, proofs


def erase_outbox(connection: Connection, tenant_id: str, user_id: str | None) -> int:
    """Remove the runs of a tenant, or of one of its users, that wait for a store; return how many.

    The numbers of runs in proofs are set to 0.
    """
    mine = [outbox.c.tenant_id == tenant_id] if user_id is None else [outbox.c.tenant_id == tenant_id, outbox.c.user_id == user_id]
    removed = connection.execute(delete(outbox).where(*mine)).rowcount
    if user_id is None:
        connection.execute(delete(gaps).where(gaps.c.tenant_id == tenant_id))
    # Both stores lose the subject's runs, so the stored numbers are no longer right. Other checks of a proof do not need them.
    connection.execute(update(proofs).values(runs=0))
    return removed


def outbox_left(connection: Connection, tenant_id: str, user_id: str | None) -> int:
    """Return how many runs of a tenant, or of one of its users, wait for a store."""
    mine = [outbox.c.tenant_id == tenant_id] if user_id is None else [outbox.c.tenant_id == tenant_id, outbox.c.user_id == user_id]
    return connection.execute(select(func.count()).select_from(outbox).where(*mine)).scalar_one()
