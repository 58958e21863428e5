"""Alembic's entry point. The connection comes from `schema.upgrade`, which has locked the database; there is no alembic.ini."""

from alembic import context

from migration.evidence.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll back DDL; Alembic assumes that it cannot.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
