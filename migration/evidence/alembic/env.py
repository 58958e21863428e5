"""Alembic's entry point. The connection comes from `schema`, which has locked the database; there is no alembic.ini."""

from alembic import context

from migration.evidence.tables import metadata

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll back DDL; Alembic assumes that it cannot.
    transactional_ddl=True,
    # Alembic's batch mode is not used: it rebuilds tables, and on SQLite dropping a parent table deletes the rows of its children.
    render_as_batch=False,
    on_version_apply=attributes["after_each_step"],
)
with context.begin_transaction():
    context.run_migrations()
